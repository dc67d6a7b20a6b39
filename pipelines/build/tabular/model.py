"""Read a trained model, with how its records are encoded, from the archive of a training job."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xgboost as xgb
from archive import unpack

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A booster and how its records are encoded."""

    booster: xgb.Booster
    schema: dict[str, Any]

    def predict(self, features: pd.DataFrame) -> Vector:
        """Return the score of each row of encoded features."""
        return self.booster.predict(xgb.DMatrix(features)).astype(np.float64)


def load_model(archive: Path) -> Model:
    """Read the model in model.tar.gz; only plain files inside it are accepted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(archive, folder, ("model.ubj", "features.json"))
        booster = xgb.Booster(model_file=folder / "model.ubj")
        return Model(booster, json.loads((folder / "features.json").read_text(encoding="utf-8")))
