"""Measure a model on the test set: evaluation.json in SageMaker's model-quality shape, and evaluation.html.

Also writes comparison.json, the model beside the version that is approved; golden.json, predictions that an endpoint
must repeat; and model.json, the identity of the model's archive.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from champion import predict_champion
from golden import write_golden, write_identity
from job import JobError, run, write_json
from measures import ChampionError, Metric, compare, summary, varied, with_deviation
from model import Model, Vector, load_model
from page import Results, write_page
from report import plots
from sklearn import metrics

logger = logging.getLogger("evaluate")

CURVE_POINTS = 100
CUT = 0.5  # probability from which a record counts as positive

CLASSIFICATION: dict[str, Metric] = {
    "auc": metrics.roc_auc_score,
    "accuracy": lambda labels, scores: metrics.accuracy_score(labels, scores >= CUT),
    "precision": lambda labels, scores: metrics.precision_score(labels, scores >= CUT, zero_division=0),
    "recall": lambda labels, scores: metrics.recall_score(labels, scores >= CUT, zero_division=0),
    "f1": lambda labels, scores: metrics.f1_score(labels, scores >= CUT, zero_division=0),
}
REGRESSION: dict[str, Metric] = {
    "r2": metrics.r2_score,
    "mae": metrics.mean_absolute_error,
    "mse": metrics.mean_squared_error,
    "rmse": metrics.root_mean_squared_error,
}


def parse_arguments() -> argparse.Namespace:
    """Command line of the job; folders default to where SageMaker mounts them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("/opt/ml/processing/input/model"))
    parser.add_argument("--test", type=Path, default=Path("/opt/ml/processing/input/test"))
    parser.add_argument("--champion", type=Path, default=Path("/opt/ml/processing/input/champion"))
    parser.add_argument("--metric", required=True, choices=[*CLASSIFICATION, *REGRESSION], help="what is compared")
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output/evaluation"))
    parser.add_argument("--message", type=Path, help="file for the reason of a failure, which SageMaker shows")
    return parser.parse_args()


def evaluate(arguments: argparse.Namespace) -> None:
    """Load, predict, measure, compare, write."""
    model = load_model(arguments.model / "model.tar.gz")
    labels, features = read_test(arguments.test)
    samples = read_samples(arguments.test)
    scores = model.predict(features)
    evaluation = measure(labels, scores, model.schema["problem_type"])
    champion, remark = measure_champion(arguments, model, labels)
    comparison = compare(arguments.metric, evaluation, champion, remark)
    write_json(arguments.output / "evaluation.json", evaluation)
    write_json(arguments.output / "comparison.json", comparison)
    results = Results(model.schema["target"]["name"], evaluation, champion, comparison)
    write_page(arguments.output / "evaluation.html", results, plots(evaluation, labels, scores, model.gains))
    write_golden(arguments.output / "golden.json", samples, model.schema, scores)
    write_identity(arguments.output / "model.json", arguments.model / "model.tar.gz")
    logger.info("%s", json.dumps(summary(evaluation)))
    logger.info("%s", comparison["summary"])


def measure_champion(arguments: argparse.Namespace, model: Model, labels: Vector) -> tuple[dict[str, Any] | None, str]:
    """Metrics of the approved version on the same rows; without them, the reason why."""
    try:
        scores = predict_champion(arguments.champion, arguments.test / "records.csv", model.schema)
    except ChampionError as error:
        return None, str(error)
    return measure(labels, scores, model.schema["problem_type"]), ""


def read_test(folder: Path) -> tuple[Vector, pd.DataFrame]:
    """Target and features of the test set."""
    path = folder / "test.csv"
    if not path.is_file():
        raise JobError(f"no {path.name} in {folder}. Look at the output 'test' of the step before.")
    table = pd.read_csv(path)
    return table.iloc[:, 0].to_numpy(np.float64), table.iloc[:, 1:]


def read_samples(folder: Path) -> dict[str, Any]:
    """Records of the test set as a client would send them, and their rows in it."""
    path = folder / "samples.json"
    if not path.is_file():
        raise JobError(f"no {path.name} in {folder}. Look at the output 'test' of the step before.")
    samples: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return samples


def measure(labels: Vector, scores: Vector, problem_type: str) -> dict[str, Any]:
    """Metrics in SageMaker's model-quality shape."""
    dataset = {"item_count": len(labels)}
    if problem_type == "regression":
        return {"dataset": dataset, "regression_metrics": with_deviation(REGRESSION, varied(labels), labels, scores)}
    values = with_deviation(CLASSIFICATION, varied(labels), labels, scores)
    matrix = metrics.confusion_matrix(labels, scores >= CUT, labels=[0, 1])
    values["confusion_matrix"] = {str(row): {str(col): int(matrix[row, col]) for col in (0, 1)} for row in (0, 1)}
    values["receiver_operating_characteristic_curve"] = roc_curve(labels, scores)
    return {"dataset": dataset, "binary_classification_metrics": values}


def roc_curve(labels: Vector, scores: Vector) -> dict[str, list[float]]:
    """Points of the ROC curve, thinned evenly."""
    false_positive, true_positive, _ = metrics.roc_curve(labels, scores)
    keep = np.unique(np.linspace(0, len(false_positive) - 1, CURVE_POINTS).round().astype(int))
    return {
        "false_positive_rates": false_positive[keep].round(6).tolist(),
        "true_positive_rates": true_positive[keep].round(6).tolist(),
    }


if __name__ == "__main__":
    run(evaluate, parse_arguments())
