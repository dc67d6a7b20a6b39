"""Train a forest or a linear model with scikit-learn: what containers/training/entry starts.

Reads the channels `train` and `validation`, CSV with a header, the target first. Writes model/model.onnx, and fails
where that does not predict what scikit-learn predicts.
"""

import logging
from typing import Any

import numpy as np
import pandas as pd
from entry import Job, TrainingError
from export import export
from hyperparameters import Hyperparameters
from models import Features, Vector, fit, score
from sklearn.metrics import roc_auc_score, root_mean_squared_error
from sklearn.pipeline import Pipeline
from tabular.channels import read_channels
from tabular.proof import proof_rows

logger = logging.getLogger("train")

METRICS: dict[str, tuple[str, Any]] = {
    "binary_classification": ("auc", roc_auc_score),
    "regression": ("rmse", root_mean_squared_error),
}


def train(hyperparameters: Hyperparameters, job: Job) -> None:
    """Train until the model is fitted, or the job is stopped."""
    channels = read_channels(job)
    parts = {name: split(table) for name, table in channels.items()}
    features, target = parts["train"]
    if hyperparameters.problem == "binary_classification" and (classes := np.unique(target).tolist()) != [0, 1]:
        found = ", ".join(f"{value:g}" for value in classes[:10])
        raise TrainingError(f"The targets of channel train are {found}. A binary classification needs 0 and 1.")
    if job.stop.asked:
        logger.info("Stopped before there was a model to keep.")
        return
    model = fit(hyperparameters, features, target, job.stop)
    logger.info("%s: %s", "Stopped" if job.stop.asked else "Trained", measured(model, hyperparameters.problem, parts))
    export(model, proof_rows(channels["validation"], channels["train"]), job.model / "model.onnx")


def split(table: pd.DataFrame) -> tuple[Features, Vector]:
    """Split off the first column, the target; features are of 32 bits, as a server reads them."""
    return table.iloc[:, 1:].to_numpy(np.float32), table.iloc[:, 0].to_numpy(np.float64)


def measured(model: Pipeline, problem: str, parts: dict[str, tuple[Features, Vector]]) -> str:
    """Return the metrics in a form that the job's metric definitions find."""
    name, metric = METRICS[problem]
    return " ".join(f"{part}:{name}={metric(target, score(model, x)):.6f}" for part, (x, target) in parts.items())
