"""Write a booster as ONNX, and keep the file only when ONNX Runtime proves to predict what XGBoost predicts.

A served row takes a fraction of the time, but a converter may be silently wrong (of rank:pairwise, for one): what it
wrote is compared on about 1,000 rows, and dropped unless it agrees.
"""

import logging
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
import xgboost as xgb
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

logger = logging.getLogger("train")

Rows = npt.NDArray[np.float32]  # [rows, features]

TOLERANCE = 1e-4  # of a score up to 1, relative to a larger one
PROOF_ROWS, GAPS = 1000, 0.3  # rows to compare; share of the values blanked in every second of them


class ExportError(ValueError):
    """What was converted does not predict the same; the message says how far off it is."""


def export(booster: xgb.Booster, rows: Rows, path: Path) -> None:
    """Write the booster to `path` when `rows` prove it, else log why there is no such file."""
    try:
        model = convert(booster)
        difference = prove(model, booster, rows)
    except Exception as error:  # whatever the runtime says of the model, the training has succeeded without it
        reason = str(error) if isinstance(error, ExportError) else f"{type(error).__name__}: {error}"
        logger.info("No %s: %s. XGBoost itself must serve the model.", path.name, " ".join(reason.split()).rstrip("."))
        return
    partial = path.with_name(f".{path.name}")
    partial.write_bytes(model)
    partial.replace(path)
    logger.info("%s predicts like XGBoost: %d rows differ by at most %.1e", path.name, len(rows), difference)


def proof_rows(*tables: pd.DataFrame) -> Rows:
    """Features of the tables' first rows, the target being the first column; gaps are added to every second row."""
    rows: Rows = pd.concat([table.head(PROOF_ROWS) for table in tables]).iloc[:PROOF_ROWS, 1:].to_numpy(np.float32)
    gaps = np.random.default_rng(0).random(rows.shape) < GAPS
    gaps[::2] = False
    return np.where(gaps, np.float32("nan"), rows)


def prove(model: bytes, booster: xgb.Booster, rows: Rows) -> float:
    """Return the largest difference between ONNX Runtime's scores and XGBoost's; ExportError above TOLERANCE."""
    expected = booster.predict(xgb.DMatrix(rows, feature_names=booster.feature_names))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    # The last output; of a classifier it holds a column for each class, and the score is the positive class's.
    found = session.run([session.get_outputs()[-1].name], {"input": rows})[0].reshape(len(rows), -1)[:, -1]
    if expected.shape != found.shape:
        raise ExportError(f"its scores are of shape {found.shape}, XGBoost's of {expected.shape}")
    difference = float(np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected))))
    # Written so that NaN, which is neither above nor below, fails.
    if not difference <= TOLERANCE:
        raise ExportError(f"its scores differ from XGBoost's by {difference:.1e}, more than {TOLERANCE}")
    return difference


def convert(booster: xgb.Booster) -> bytes:
    """Return an ONNX model whose `input` is float [rows, features], missing values being NaN."""
    plain = booster.copy()
    plain.feature_names = None  # the converter takes no names but its own
    inputs = [("input", FloatTensorType([None, booster.num_features()]))]
    return bytes(convert_xgboost(plain, initial_types=inputs).SerializeToString())
