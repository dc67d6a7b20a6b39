"""Train an XGBoost model: what containers/training/entry starts.

Reads the channels `train` and `validation`, CSV with a header, the target first. Writes model/model.ubj, and
model/model.onnx where it is proved equal. Of several instances each has a share of `train` and the whole of
`validation`; the first writes the model.
"""

import logging
from typing import Any

import device
import pandas as pd
import xgboost as xgb
from cluster import any_of, is_first, joined
from entry import Job, Stop
from hyperparameters import Hyperparameters
from tabular.channels import read_channels

logger = logging.getLogger("train")

PRINT_EVERY = 10  # rounds


def train(hyperparameters: Hyperparameters, job: Job) -> None:
    """Train until the rounds are done, the validation metric stalls, or the job is stopped."""
    device.demand(hyperparameters.device)
    channels = read_channels(job)
    with joined():
        booster = fit(hyperparameters, {name: matrix(table) for name, table in channels.items()}, job.stop)
        if not is_first():
            return
    if booster is None:
        logger.info("Stopped before the first round; there is no model to keep.")
        return
    booster.set_param({"device": "cpu"})  # as it is served, and so as it is compared with its conversion
    save(booster, job)
    if job.stop.asked:
        logger.info("No model.onnx: the job was told to end.")
        return
    # A job that fails or is stopped has no use for ONNX.
    from export import export  # noqa: PLC0415
    from tabular.proof import proof_rows  # noqa: PLC0415

    export(booster, proof_rows(channels["validation"], channels["train"]), job.model / "model.onnx")


def matrix(table: pd.DataFrame) -> xgb.DMatrix:
    """Split off the first column, the target."""
    return xgb.DMatrix(table.iloc[:, 1:], label=table.iloc[:, 0])


def fit(hyperparameters: Hyperparameters, data: dict[str, xgb.DMatrix], stop: Stop) -> xgb.Booster | None:
    """Return the booster up to its best round, or None when stopped before the first."""
    if any_of(stop.asked):
        return None
    callbacks: list[xgb.callback.TrainingCallback] = [Progress(stop)]
    if hyperparameters.early_stopping_rounds:
        # The last data set of evals, validation, decides. First in the list: a callback that ends the training keeps
        # those after it from seeing the round, and this one must know the best.
        callbacks.insert(0, xgb.callback.EarlyStopping(rounds=hyperparameters.early_stopping_rounds))
    booster = xgb.train(
        hyperparameters.booster(),
        data["train"],
        num_boost_round=hyperparameters.num_round,
        evals=[(data[name], name) for name in ("train", "validation")],
        callbacks=callbacks,
        verbose_eval=False,
    )
    return booster[: booster.best_iteration + 1] if hyperparameters.early_stopping_rounds else booster


class Progress(xgb.callback.TrainingCallback):
    """Print the metrics in a form that the job's metric definitions find, and end a job that was told to stop."""

    def __init__(self, stop: Stop) -> None:
        super().__init__()
        self.stop = stop
        self.lines: list[str] = []

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: Any) -> bool:
        """Return True to end the training after this round."""
        latest = ((f"{part}:{name}", log[-1]) for part, logs in evals_log.items() for name, log in logs.items())
        self.lines.append(" ".join(f"{name}={value:.6f}" for name, value in latest))
        if epoch % PRINT_EVERY == 0 and is_first():
            logger.info("[%d] %s", epoch, self.lines[-1])
        ends = any_of(self.stop.asked)  # asked once: a signal may come right after
        if ends:
            self.stop.ask()
        return ends

    def after_training(self, model: xgb.Booster) -> xgb.Booster:
        """Print the round that is kept last: the last value of a metric is the one that SageMaker shows."""
        if not is_first():
            return model
        best = int(model.attr("best_iteration") or model.num_boosted_rounds() - 1)
        ended = "Stopped" if self.stop.asked else "Trained"
        logger.info("%s after %d rounds, best:", ended, model.num_boosted_rounds())
        if best < len(self.lines):
            logger.info("[%d] %s", best, self.lines[best])
        return model


def save(booster: xgb.Booster, job: Job) -> None:
    """Write the model; it appears whole or not at all."""
    job.model.mkdir(parents=True, exist_ok=True)
    partial = job.model / ".model.ubj"
    booster.save_model(partial)
    partial.replace(job.model / "model.ubj")
