"""Write a booster as ONNX, and keep the file only when it is proved to predict what XGBoost predicts.

A served row takes a fraction of the time.
"""

import logging
from pathlib import Path

import numpy as np
import xgboost as xgb
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from tabular.proof import ProofError, Rows, prove, write

logger = logging.getLogger("train")


def export(booster: xgb.Booster, rows: Rows, path: Path) -> None:
    """Write the booster to `path` when `rows` prove it, else log why there is no such file."""
    try:
        model = convert(booster)
        expected = booster.predict(xgb.DMatrix(rows, feature_names=booster.feature_names))
        difference = prove(model, rows, expected, scale=np.abs(expected))
    except Exception as error:  # whatever the runtime says of the model, the training has succeeded without it
        reason = str(error) if isinstance(error, ProofError) else f"{type(error).__name__}: {error}"
        logger.info("No %s: %s. XGBoost itself must serve the model.", path.name, " ".join(reason.split()).rstrip("."))
        return
    write(model, path)
    logger.info("%s predicts like XGBoost: %d rows differ by at most %.1e", path.name, len(rows), difference)


def convert(booster: xgb.Booster) -> bytes:
    """Return an ONNX model whose `input` is float [rows, features], missing values being NaN."""
    plain = booster.copy()
    plain.feature_names = None  # the converter takes no names but its own
    inputs = [("input", FloatTensorType([None, booster.num_features()]))]
    return bytes(convert_xgboost(plain, initial_types=inputs).SerializeToString())
