"""Measure a language model on the test set: evaluation.json, and evaluation.html.

Also writes comparison.json, the model beside the version that is approved; golden.json, answers that an endpoint must
repeat; and model.json, the identity of the model's archive.
"""

import argparse
import json
import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from approved import ask_approved
from golden import write_answers, write_identity
from job import JobError, run, write_json
from measures import ChampionError, Metric, compare, resamples, summary, with_deviation
from model import Answer, Judgement, Model, load_model
from page import Results, write_page
from report import plots, tables

logger = logging.getLogger("evaluate")

Values = npt.NDArray[np.float64]

# Of records: whether the answer is the completion; the completion's tokens foretold rightly, all of them, their loss.
METRICS: dict[str, Metric] = {
    "exact_match": lambda exact, right, tokens, loss: exact.mean(),
    "token_accuracy": lambda exact, right, tokens, loss: right.sum() / tokens.sum(),
    "perplexity": lambda exact, right, tokens, loss: np.exp(loss.sum() / tokens.sum()),
}
GATES = ("exact_match", "token_accuracy")  # of which more is better
GOLDEN = 20  # answers that an endpoint must repeat
SURE = 0.01  # logits by which each token must lead: rounding, which differs between CPUs, then changes none


@dataclass(frozen=True)
class Examination:
    """What a model says to the test set, record by record."""

    records: list[dict[str, str]]
    answers: list[Answer]
    judgements: list[Judgement]

    @cached_property
    def exact(self) -> list[bool]:
        """Whether an answer is the completion, save for blanks at the ends, which tokenizers treat in several ways."""
        pairs = zip(self.answers, self.records, strict=True)
        return [answer.text.strip() == record["completion"].strip() for answer, record in pairs]

    def measure(self) -> dict[str, Any]:
        """Metrics in the shape of SageMaker's model quality."""
        judged: Values = np.array(self.judgements, np.float64)
        values = with_deviation(METRICS, resamples(len(judged)), np.array(self.exact, np.float64), *judged.T)
        return {"dataset": {"item_count": len(self.records)}, "text_generation_metrics": values}

    def sure(self) -> dict[str, str]:
        """Answers by prompt of which no token was nearly another."""
        found = zip(self.records, self.answers, strict=True)
        answers = {record["prompt"]: answer.text for record, answer in found if answer.margin > SURE}
        if not answers:
            raise JobError("not one test record is answered surely. Train longer, or with a higher learning_rate.")
        return dict(list(answers.items())[:GOLDEN])


def parse_arguments() -> argparse.Namespace:
    """Command line of the job; folders default to where SageMaker mounts them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("/opt/ml/processing/input/model"))
    parser.add_argument("--test", type=Path, default=Path("/opt/ml/processing/input/test"))
    parser.add_argument("--champion", type=Path, default=Path("/opt/ml/processing/input/champion"))
    parser.add_argument("--metric", required=True, choices=GATES, help="what is compared")
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output/evaluation"))
    parser.add_argument("--message", type=Path, help="file for the reason of a failure, which SageMaker shows")
    return parser.parse_args()


def evaluate(arguments: argparse.Namespace) -> None:
    """Load, answer, measure, compare, write."""
    archive, output = arguments.model / "model.tar.gz", arguments.output
    model, records = load_model(archive), read_test(arguments.test)
    examination = examine(model, records)
    evaluation = examination.measure()
    champion, remark = measure_champion(arguments.champion, model, records)
    comparison = compare(arguments.metric, evaluation, champion, remark)
    write_json(output / "evaluation.json", evaluation)
    write_json(output / "comparison.json", comparison)
    results = Results(model.schema["target"]["name"], evaluation, champion, comparison)
    losses = [judgement.loss / judgement.tokens for judgement in examination.judgements]
    told, exact = [(each["prompt"], each["completion"]) for each in records], examination.exact
    shown = [(*texts, answer.text) for texts, answer in zip(told, examination.answers, strict=True)]
    write_page(output / "evaluation.html", results, plots(losses, exact), tables(shown, exact))
    write_answers(output / "golden.json", model.schema, examination.sure())
    write_identity(output / "model.json", archive)
    logger.info("%s", json.dumps(summary(evaluation)))
    logger.info("%s", comparison["summary"])


def read_test(folder: Path) -> list[dict[str, str]]:
    """Records of the test set."""
    path = folder / "records.jsonl"
    if not path.is_file():
        raise JobError(f"no {path.name} in {folder}. Look at the output 'test' of the step before.")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def examine(model: Model, records: list[dict[str, str]]) -> Examination:
    """Let a model answer the test set's prompts, and foretell their completions."""
    answers = model.answers([record["prompt"] for record in records])
    return Examination(records, answers, [model.judge(record["prompt"], record["completion"]) for record in records])


def measure_champion(folder: Path, model: Model, records: list[dict[str, str]]) -> tuple[dict[str, Any] | None, str]:
    """Metrics of the approved version on the same records; without them, the reason why."""
    try:
        found = ask_approved(folder, model.schema, load_model, lambda champion: examine(champion, records))
    except ChampionError as error:
        return None, str(error)
    return found.measure(), ""


if __name__ == "__main__":
    run(evaluate, parse_arguments())
