"""Let the champion, the version that is approved, say what the test set shows."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from job import JobError
from measures import ChampionError
from model import Probabilities, load_model


def predict_champion(folder: Path, images: npt.NDArray[np.uint8], schema: dict[str, Any]) -> Probabilities:
    """Return the champion's probabilities; `folder` holds its archive, `schema` is the new model's."""
    archive = folder / "model.tar.gz"
    if not archive.is_file():
        raise ChampionError("There is no approved version")
    try:
        champion = load_model(archive)
        refuse_another(champion.schema, schema)
        return champion.predict(images)
    except Exception as error:  # ONNX Runtime's own errors share no other base
        reason = str(error) if isinstance(error, (JobError, ValueError)) else f"{type(error).__name__}: {error}"
        raise ChampionError(f"The approved version can't be measured on this data: {reason}") from error


def refuse_another(champion: dict[str, Any], schema: dict[str, Any]) -> None:
    """Raise ValueError when the champion takes or answers something else."""
    for name in ("problem_type", "target", "columns"):
        if champion.get(name) != schema[name]:
            raise ValueError(f"its {name} is {champion.get(name)}, the new model's {schema[name]}")
