"""Measure a model on the test set: evaluation.json in SageMaker's model-quality shape, and evaluation.html.

Also writes comparison.json, the model beside the version that is approved; golden.json, predictions that an endpoint
must repeat; and model.json, the identity of the model's archive.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

import argparse
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from approved import ask_approved
from golden import write_golden, write_identity
from job import JobError, run, write_json
from measures import ChampionError, Metric, compare, summary, varied, with_deviation
from model import Model, Probabilities, load_model
from page import Results, write_page
from report import plots
from sklearn import metrics

logger = logging.getLogger("evaluate")

Labels = npt.NDArray[np.int64]
Images = npt.NDArray[np.uint8]

# Of true and predicted classes; `weighted` is by the number of each class's pictures.
_PLAIN = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": partial(metrics.recall_score, average="macro", zero_division=0),
    "weighted_precision": partial(metrics.precision_score, average="weighted", zero_division=0),
    "weighted_recall": partial(metrics.recall_score, average="weighted", zero_division=0),
    "weighted_f1": partial(metrics.f1_score, average="weighted", zero_division=0),
}
METRICS: dict[str, Metric] = {
    name: lambda labels, found, of=of: of(labels, found.argmax(1)) for name, of in _PLAIN.items()
}


def parse_arguments() -> argparse.Namespace:
    """Command line of the job; folders default to where SageMaker mounts them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("/opt/ml/processing/input/model"))
    parser.add_argument("--test", type=Path, default=Path("/opt/ml/processing/input/test"))
    parser.add_argument("--champion", type=Path, default=Path("/opt/ml/processing/input/champion"))
    parser.add_argument("--metric", required=True, choices=list(METRICS), help="what is compared")
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output/evaluation"))
    parser.add_argument("--message", type=Path, help="file for the reason of a failure, which SageMaker shows")
    return parser.parse_args()


def evaluate(arguments: argparse.Namespace) -> None:
    """Load, predict, measure, compare, write."""
    model = load_model(arguments.model / "model.tar.gz")
    images, labels, samples = read_test(arguments.test)
    found = model.predict(images)
    evaluation = measure(labels, found)
    champion, remark = measure_champion(arguments, model, images, labels)
    comparison = compare(arguments.metric, evaluation, champion, remark)
    write_json(arguments.output / "evaluation.json", evaluation)
    write_json(arguments.output / "comparison.json", comparison)
    target = model.schema["target"]
    results = Results(target["name"], evaluation, champion, comparison)
    write_page(arguments.output / "evaluation.html", results, plots(images, labels, found, target["classes"]))
    write_golden(arguments.output / "golden.json", samples, model.schema, found)
    write_identity(arguments.output / "model.json", arguments.model / "model.tar.gz")
    logger.info("%s", json.dumps(summary(evaluation)))
    logger.info("%s", comparison["summary"])


def read_test(folder: Path) -> tuple[Images, Labels, dict[str, Any]]:
    """Images and classes of the test set, and records of it as a client would send them."""
    for name in ("images.npy", "labels.npy", "samples.json"):
        if not (folder / name).is_file():
            raise JobError(f"no {name} in {folder}. Look at the output 'test' of the step before.")
    images = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
    labels = np.load(folder / "labels.npy", allow_pickle=False)
    return images, labels, json.loads((folder / "samples.json").read_text(encoding="utf-8"))


def measure(labels: Labels, found: Probabilities) -> dict[str, Any]:
    """Metrics in SageMaker's model-quality shape."""
    values = with_deviation(METRICS, varied(labels), labels, found)
    matrix = metrics.confusion_matrix(labels, found.argmax(1), labels=range(found.shape[1]))
    values["confusion_matrix"] = {
        str(row): {str(column): int(count) for column, count in enumerate(counts)} for row, counts in enumerate(matrix)
    }
    return {"dataset": {"item_count": len(labels)}, "multiclass_classification_metrics": values}


def measure_champion(
    arguments: argparse.Namespace, model: Model, images: Images, labels: Labels
) -> tuple[dict[str, Any] | None, str]:
    """Metrics of the approved version on the same pictures; without them, the reason why."""
    try:
        found = ask_approved(arguments.champion, model.schema, load_model, lambda champion: champion.predict(images))
    except ChampionError as error:
        return None, str(error)
    return measure(labels, found), ""


if __name__ == "__main__":
    run(evaluate, parse_arguments())
