"""Read a trained model, with how its records are encoded, from the archive of a training job."""

import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb

MODEL_LIMIT = 1 << 30  # bytes that the archive may unpack to

Vector = npt.NDArray[np.float64]


class EvaluationError(ValueError):
    """The model or the test set cannot be used; the message says what was found and what to do."""


@dataclass(frozen=True)
class Model:
    """A booster and how its records are encoded."""

    booster: xgb.Booster
    schema: dict[str, Any]

    def predict(self, features: pd.DataFrame) -> Vector:
        """Return the score of each row of encoded features."""
        return self.booster.predict(xgb.DMatrix(features)).astype(np.float64)


def load_model(archive: Path) -> Model:
    """Unpack model.tar.gz into memory's stead, a temporary folder; only plain files inside it are accepted."""
    with tempfile.TemporaryDirectory() as name, open_archive(archive) as tar:
        folder, members = Path(name), tar.getmembers()
        for member in members:
            path = PurePosixPath(member.name)
            if not (member.isfile() or member.isdir()) or path.is_absolute() or ".." in path.parts:
                raise EvaluationError(f"{archive.name} holds {member.name!r}, a link or a path outside. Train again.")
        if sum(member.size for member in members) > MODEL_LIMIT:
            raise EvaluationError(f"{archive.name} unpacks to more than {MODEL_LIMIT} bytes. Train a smaller model.")
        for member in members:
            tar.extract(member, folder, filter="data")
        for needed in ("model.ubj", "features.json"):
            if not (folder / needed).is_file():
                raise EvaluationError(f"{archive.name} holds no {needed}. Train with the channel 'metadata'.")
        booster = xgb.Booster(model_file=folder / "model.ubj")
        return Model(booster, json.loads((folder / "features.json").read_text(encoding="utf-8")))


def open_archive(path: Path) -> tarfile.TarFile:
    """Open a gzipped tar, or say what is wrong with it."""
    try:
        return tarfile.open(path, "r:gz")
    except (OSError, tarfile.TarError) as error:
        raise EvaluationError(f"{path} is not a readable model.tar.gz: {error}. Look at the training job.") from error
