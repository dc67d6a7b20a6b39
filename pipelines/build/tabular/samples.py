"""Draw records of the test set as a client would send them: raw values by column, without the target."""

from typing import Any

import numpy as np
import pandas as pd

SAMPLES = 20


def draw(features: pd.DataFrame, columns: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the first rows of the test set and their positions in it; one has a gap if any row of the set has."""
    rows = list(range(min(SAMPLES, len(features))))
    gaps = np.flatnonzero(features.isna().any(axis="columns"))
    if len(gaps) and gaps[0] not in rows:
        rows[-1] = int(gaps[0])
    drawn = {column["name"]: raw(features[column["name"]].iloc[rows], column["kind"]) for column in columns}
    records = [dict(zip(drawn, record, strict=True)) for record in zip(*drawn.values(), strict=True)]
    return {"version": 1, "rows": rows, "records": records}


def raw(values: pd.Series, kind: str) -> list[float | str | None]:
    """Values of a column: numbers, or the text of categories; None where one is missing."""
    plain = values if kind == "numeric" else values.astype("string")
    return [None if pd.isna(value) else value for value in plain.tolist()]
