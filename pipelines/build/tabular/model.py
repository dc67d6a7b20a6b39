"""Read a trained model, with how its records are encoded, from the archive of a training job.

XGBoost's own format is read where XGBoost is installed, else ONNX: so models of all algorithms can be compared.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
from archive import unpack
from job import JobError

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """How records are encoded, and what scores encoded ones; of XGBoost's also the mean gain of splits by feature."""

    schema: dict[str, Any]
    predict: Callable[[pd.DataFrame], Vector]
    gains: dict[str, float] = field(default_factory=dict)


def load_model(archive: Path) -> Model:
    """Read the model in model.tar.gz; only plain files inside it are accepted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(archive, folder, ("features.json",))
        schema = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        native, converted = folder / "model.ubj", folder / "model.onnx"
        if native.is_file() and find_spec("xgboost"):
            return load_native(native, schema)
        if converted.is_file():
            return load_onnx(converted, schema)
        if native.is_file():
            found = f"{archive.name} holds model.ubj and no model.onnx, and this image has no XGBoost"
            raise JobError(f"{found}. Build with ALGORITHM set to xgboost.")
        raise JobError(f"{archive.name} holds neither model.ubj nor model.onnx. Look at the training job.")


def load_native(path: Path, schema: dict[str, Any]) -> Model:
    """Read a model in XGBoost's own format."""
    import xgboost as xgb  # noqa: PLC0415  # not in every image

    booster = xgb.Booster(model_file=path)
    gains = {str(name): float(np.mean(gain)) for name, gain in booster.get_score(importance_type="gain").items()}
    return Model(schema, lambda features: booster.predict(xgb.DMatrix(features)).astype(np.float64), gains)


def load_onnx(path: Path, schema: dict[str, Any]) -> Model:
    """Read a model in ONNX; JobError when it is none."""
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no other base
        raise JobError(f"{path.name} is no model for ONNX Runtime {onnxruntime.__version__}: {error}") from error
    # Of a classifier the last output holds a column for each class, and the score is the positive class's.
    given, score = session.get_inputs()[0].name, session.get_outputs()[-1].name

    def predict(features: pd.DataFrame) -> Vector:
        rows = features[schema["features"]].to_numpy(np.float32)
        found: Vector = session.run([score], {given: rows})[0].reshape(len(rows), -1)[:, -1]
        return found.astype(np.float64)

    return Model(schema, predict)
