"""Write a model as ONNX, the one format that is kept: others are pickles, which run code when they are loaded."""

import logging
from pathlib import Path

import numpy as np
from entry import TrainingError
from models import score
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from tabular.proof import ProofError, Rows, prove, write

logger = logging.getLogger("train")

ARRAY = {"zipmap": False}  # probabilities as an array, not as dictionaries
# Standardised in 64 bits, as scikit-learn does: else a column of time stamps, far from 0, loses what tells rows apart.
OPTIONS = {RandomForestClassifier: ARRAY, LogisticRegression: ARRAY, StandardScaler: {"div": "div_cast"}}


def export(model: Pipeline, rows: Rows, path: Path) -> None:
    """Write the model to `path`; TrainingError, and no file, unless `rows` prove it."""
    converted, expected = convert(model), score(model, rows)
    try:
        # A sum that comes out near nothing has the rounding errors of what was added: the usual score counts there.
        difference = prove(converted, rows, expected, scale=np.maximum(np.abs(expected), np.median(np.abs(expected))))
    except ProofError as error:
        raise TrainingError(
            f"No {path.name}: {error}; there is no other format to keep the model in. Keep the weights of a linear "
            "model small by a larger alpha or a smaller C, or train a forest."
        ) from error
    write(converted, path)
    logger.info("%s predicts like scikit-learn: %d rows differ by at most %.1e", path.name, len(rows), difference)


def convert(model: Pipeline) -> bytes:
    """Return an ONNX model whose `input` is float [rows, features], missing values being NaN."""
    inputs = [("input", FloatTensorType([None, model.n_features_in_]))]
    # The converter would name the graph at random, and order its operators' sets so: each time another digest.
    converted = convert_sklearn(model, "model", inputs, options=OPTIONS)
    converted.opset_import.sort(key=lambda each: each.domain)
    return bytes(converted.SerializeToString())
