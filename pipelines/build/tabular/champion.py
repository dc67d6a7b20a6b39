"""Set a model beside the champion, the version that is approved, on the same test set.

The champion encodes records as it learnt them: it reads the test set as it was before the new model encoded it.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from encoding import encode
from measures import ChampionError
from model import Vector, load_model


def predict_champion(folder: Path, records: Path, schema: dict[str, Any]) -> Vector:
    """Return the score of each record by the champion, whose archive `folder` holds; `schema` is the new model's."""
    archive = folder / "model.tar.gz"
    if not archive.is_file():
        raise ChampionError("There is no approved version")
    try:
        champion = load_model(archive)
        refuse_other_problem(champion.schema, schema)
        return champion.predict(encode(read_records(records, champion.schema["columns"]), champion.schema["columns"]))
    except (KeyError, ValueError) as error:  # JobError and XGBoost's own are of the latter
        raise ChampionError(f"The approved version can't be measured on this data: {error}") from error


def refuse_other_problem(champion: dict[str, Any], schema: dict[str, Any]) -> None:
    """Raise ValueError when the champion predicts something else."""
    for name in ("problem_type", "target"):
        if champion[name] != schema[name]:
            raise ValueError(f"its {name} is {champion[name]}, the new model's {schema[name]}")


def read_records(path: Path, columns: list[dict[str, Any]]) -> pd.DataFrame:
    """Read the columns that the champion takes, each as it took them."""
    text = {column["name"]: "string" for column in columns if column["kind"] != "numeric"}
    records = pd.read_csv(path, dtype=text)
    for column in columns:
        if column["name"] not in records:
            raise ValueError(f"it takes the column {column['name']!r}, which the data no longer has")
        if column["name"] not in text:
            records[column["name"]] = pd.to_numeric(records[column["name"]])
    return records
