"""Train an XGBoost model under SageMaker's training contract: `<image> train`.

Reads input/config/hyperparameters.json and the channels `train`, `validation` (CSV with a header, target first) and,
if given, `metadata` (features.json) below SAGEMAKER_BASE_DIR, by default /opt/ml. Writes model/model.ubj, model.onnx
where it is proved equal, manifest.json last, and output/failure when it fails.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
"""

import hashlib
import json
import logging
import os
import shutil
import signal
import sys
import threading
import traceback
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

STOP = threading.Event()
if __name__ == "__main__":
    # The first process of a container ignores SIGTERM until a handler stands, and the imports below take a second.
    signal.signal(signal.SIGTERM, lambda *_: STOP.set())

import pandas as pd  # noqa: E402
import xgboost as xgb  # noqa: E402

logger = logging.getLogger("train")

FAILURE_LIMIT = 1024  # characters of the failure file that DescribeTrainingJob shows as FailureReason
PRINT_EVERY = 10  # rounds
KEEP = Path("features.json")  # travels with the model, so that a server knows how to encode a record


class TrainingError(ValueError):
    """The job was asked for something impossible; the message says what was found and what to do."""


@dataclass(frozen=True)
class Hyperparameters:
    """What may be set, with defaults; the names are XGBoost's own."""

    objective: str = "binary:logistic"
    eval_metric: str = "auc"
    num_round: int = 100
    early_stopping_rounds: int = 0  # 0: never stop early
    max_depth: int = 6
    eta: float = 0.3
    gamma: float = 0.0
    min_child_weight: float = 1.0
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    reg_alpha: float = 0.0
    reg_lambda: float = 1.0
    scale_pos_weight: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_round < 1:
            raise TrainingError(f"Hyperparameter num_round is {self.num_round}. It must be at least 1.")
        if self.early_stopping_rounds < 0:
            raise TrainingError(
                f"Hyperparameter early_stopping_rounds is {self.early_stopping_rounds}. It must be 0 (off) or more."
            )

    def booster(self) -> dict[str, Any]:
        """Parameters of the booster, without those of the training loop."""
        loop = ("num_round", "early_stopping_rounds")
        return {name: value for name, value in asdict(self).items() if name not in loop}


def main() -> int:
    """Run the job; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    try:
        train(base)
    except Exception as error:
        # The end of a traceback names the error and the line; it is what SageMaker shows as the reason.
        reason = str(error) if isinstance(error, TrainingError) else traceback.format_exc()
        logger.error("%s", reason)  # noqa: TRY400  # the traceback is in the reason where it helps
        (base / "output").mkdir(parents=True, exist_ok=True)
        (base / "output" / "failure").write_text(reason[-FAILURE_LIMIT:], encoding="utf-8")
        return 1
    return 0


def train(base: Path) -> None:
    """Train until the rounds are done, the validation metric stalls, or the job is stopped."""
    hyperparameters = read_hyperparameters(base / "input" / "config" / "hyperparameters.json")
    channels = {name: read_channel(base, name) for name in ("train", "validation")}
    if list(channels["train"].columns) != list(channels["validation"].columns):
        raise TrainingError(
            "Channels train and validation differ in their columns. Make both by one run of process.py."
        )
    booster = fit(hyperparameters, {name: matrix(table) for name, table in channels.items()})
    if booster is None:
        logger.info("Stopped before the first round; there is no model to keep.")
        return
    save(booster, base)
    if STOP.is_set():
        logger.info("No model.onnx: the job was told to end.")
    else:
        from export import export, proof_rows  # noqa: PLC0415  # a job that fails or is stopped has no use for ONNX

        export(booster, proof_rows(channels["validation"], channels["train"]), base / "model" / "model.onnx")
    write_manifest(base / "model")


def read_hyperparameters(path: Path) -> Hyperparameters:
    """Read SageMaker's strings, JSON-quoted or not, and refuse what is unknown or of the wrong type."""
    given: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    types = {field.name: field.type for field in fields(Hyperparameters)}
    unknown = sorted(set(given) - set(types))
    if unknown:
        raise TrainingError(f"Unknown hyperparameters: {', '.join(unknown)}. Known ones: {', '.join(types)}.")
    return Hyperparameters(**{name: parse(name, value, types[name]) for name, value in given.items()})


def parse(name: str, text: str, kind: Any) -> Any:
    """Turn one string into its type."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not kind:
        raise TrainingError(f"Hyperparameter {name} is {text!r}. It must be of type {kind.__name__}.")
    return value


def read_channel(base: Path, name: str) -> pd.DataFrame:
    """Read all CSV files of a channel as one table."""
    folder = base / "input" / "data" / name
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise TrainingError(f"Channel {name!r} is missing: no .csv file under {folder}. Add it to InputDataConfig.")
    return pd.concat([pd.read_csv(path) for path in files], ignore_index=True)


def matrix(table: pd.DataFrame) -> xgb.DMatrix:
    """Split off the first column, the target."""
    return xgb.DMatrix(table.iloc[:, 1:], label=table.iloc[:, 0])


def fit(hyperparameters: Hyperparameters, data: dict[str, xgb.DMatrix]) -> xgb.Booster | None:
    """Return the booster up to its best round, or None when stopped before the first."""
    if STOP.is_set():
        return None
    callbacks: list[xgb.callback.TrainingCallback] = [Progress()]
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

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: Any) -> bool:
        """Return True to end the training after this round."""
        latest = ((f"{part}:{name}", log[-1]) for part, logs in evals_log.items() for name, log in logs.items())
        self.lines.append(" ".join(f"{name}={value:.6f}" for name, value in latest))
        if epoch % PRINT_EVERY == 0:
            logger.info("[%d] %s", epoch, self.lines[-1])
        return STOP.is_set()

    def after_training(self, model: xgb.Booster) -> xgb.Booster:
        """Print the round that is kept last: the last value of a metric is the one that SageMaker shows."""
        best = int(model.attr("best_iteration") or model.num_boosted_rounds() - 1)
        logger.info("%s after %d rounds, best:", "Stopped" if STOP.is_set() else "Trained", model.num_boosted_rounds())
        if best < len(self.lines):
            logger.info("[%d] %s", best, self.lines[best])
        return model


def save(booster: xgb.Booster, base: Path) -> None:
    """Write the model and, beside it, how a record is encoded; the model appears whole or not at all."""
    folder = base / "model"
    folder.mkdir(parents=True, exist_ok=True)
    schema = base / "input" / "data" / "metadata" / KEEP
    if schema.exists():
        shutil.copyfile(schema, folder / KEEP)
    partial = folder / ".model.ubj"
    booster.save_model(partial)
    partial.replace(folder / "model.ubj")


def write_manifest(folder: Path) -> None:
    """Write the SHA-256 of each file into manifest.json, so that a server can tell a whole model from a damaged one."""
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
    (folder / "manifest.json").write_text(json.dumps({"files": digests}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
