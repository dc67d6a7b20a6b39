"""The endpoint test, run as the build runs it, against endpoints that are well and endpoints that are not."""

import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deploy_endpoint import Answer, Examine, Workplace, opened

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("age", "plan")


class Model:
    """A model of two columns under the container's contract; its faults are what subclasses change."""

    def answer(self, body: str, content_type: str) -> Answer:
        readers: dict[str, Callable[[str], list[dict[str, Any]]]] = {
            "text/csv": self.from_csv,
            "application/json": self.from_json,
            "application/jsonlines": lambda text: [json.loads(line) for line in text.splitlines()],
        }
        if content_type not in readers:
            return 415, f"content type {content_type} is not supported"
        try:
            scores = [self.score(self.checked(record)) for record in readers[content_type](body)]
        except (ValueError, TypeError) as error:
            return self.refuse(str(error))
        return 200, self.write(scores, content_type)

    def from_csv(self, text: str) -> list[dict[str, Any]]:
        rows = list(csv.reader(io.StringIO(text)))
        if any(len(row) != len(NAMES) for row in rows):
            raise ValueError(f"a row needs {len(NAMES)} values")
        return [{name: value or None for name, value in zip(NAMES, row, strict=True)} for row in rows]

    def from_json(self, text: str) -> list[dict[str, Any]]:
        records = json.loads(text)["instances"]
        assert isinstance(records, list)
        return records

    def checked(self, record: dict[str, Any]) -> dict[str, Any]:
        if odd := sorted(set(record) ^ set(NAMES)):
            raise ValueError(f"column {odd[0]!r} is missing or unknown")
        return record

    def score(self, record: dict[str, Any]) -> float:
        age = 0.0 if record["age"] is None else self.number(record["age"])
        return age / 100 + {"basic": 0.05, "plus": 0.1}.get(record["plan"], 0)

    def number(self, value: Any) -> float:
        try:
            return float(value)
        except ValueError as error:
            raise ValueError(f"column 'age' holds {value!r}, no number") from error

    def write(self, scores: list[float], content_type: str) -> str:
        lines = {"text/csv": [str(score) for score in scores]}
        lines["application/jsonlines"] = [json.dumps({"score": score}) for score in scores]
        answer = json.dumps({"predictions": [{"score": score} for score in scores]})
        return "".join(f"{line}\n" for line in lines[content_type]) if content_type in lines else answer

    def refuse(self, reason: str) -> Answer:
        return 400, json.dumps({"error": reason})


ANSWERS = {"a, b": 'it is "A"', "c\nd": "it is\nC", "e": ""}
TEXTS = {
    "columns": [{"name": "prompt", "kind": "text"}],
    "records": [{"prompt": prompt} for prompt in ANSWERS],
    "answers": list(ANSWERS.values()),
}


class LanguageModel:
    """A model that answers texts; its fault is what it may add to an answer."""

    def __init__(self, fault: str = "", *, takes_all: bool = False) -> None:
        self.fault, self.takes_all = fault, takes_all

    def answer(self, body: str, content_type: str) -> Answer:
        readers: dict[str, Callable[[str], list[Any]]] = {
            "text/csv": lambda text: [{"prompt": row[0]} for row in csv.reader(io.StringIO(text)) if len(row) == 1],
            "application/json": lambda text: json.loads(text)["instances"],
            "application/jsonlines": lambda text: [json.loads(line) for line in text.splitlines()],
        }
        try:
            answers = [self.write(record) for record in readers[content_type](body) or [{}]]
        except (ValueError, TypeError, KeyError) as error:
            return 400, f"prompt: {error}"
        return 200, self.told(answers, content_type)

    def write(self, record: dict[str, Any]) -> str:
        if record.keys() != {"prompt"}:
            raise ValueError(f"columns {sorted(record)}")
        if not isinstance(record["prompt"], str) and not self.takes_all:
            raise ValueError("is no text")
        return ANSWERS.get(record["prompt"], "") + self.fault

    def told(self, answers: list[str], content_type: str) -> str:
        if content_type == "text/csv":
            stream = io.StringIO()
            csv.writer(stream).writerows([answer] for answer in answers)
            return stream.getvalue()
        predictions = [{"answer": answer} for answer in answers]
        if content_type == "application/jsonlines":
            return "".join(f"{json.dumps(prediction)}\n" for prediction in predictions)
        return json.dumps({"predictions": predictions})


class FillsGaps(Model):
    def checked(self, record: dict[str, Any]) -> dict[str, Any]:
        return {**dict.fromkeys(NAMES), **record}


class NamesNoColumn(Model):
    def refuse(self, reason: str) -> Answer:
        return 400, "bad request"


class CrashesOnBadInput(Model):
    def refuse(self, reason: str) -> Answer:
        return 500, reason


class ReadsTextAsZero(Model):
    def number(self, value: Any) -> float:
        return 0.0 if value == "no number, no image" else super().number(value)


class KnowsItsCategoriesOnly(Model):
    def score(self, record: dict[str, Any]) -> float:
        if record["plan"] not in ("basic", "plus", None):
            raise ValueError("column 'plan' holds an unknown category")
        return super().score(record)


class MixesUpColumnsOfCsv(Model):
    def from_csv(self, text: str) -> list[dict[str, Any]]:
        return [{**record, "age": 1} for record in super().from_csv(text)]


class PredictsSomethingElse(Model):
    def score(self, record: dict[str, Any]) -> float:
        return super().score(record) + 0.01


class DiesOfBadInput(Model):
    dead = False

    def answer(self, body: str, content_type: str) -> Answer:
        if self.dead:
            return 500, "worker died"
        status, text = super().answer(body, content_type)
        self.dead = content_type == "application/xml"
        return status, text


class IsSlow(Model):
    def answer(self, body: str, content_type: str) -> Answer:
        time.sleep(0.002)
        return super().answer(body, content_type)


class AnswersNothing(Model):
    def answer(self, body: str, content_type: str) -> Answer:
        return 500, "no model"


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    with opened(tmp_path, Model()) as place:
        yield place


@pytest.fixture
def examine(workplace: Workplace) -> Examine:
    return workplace.examine


def test_the_command_of_the_build_ends_with_number_and_latency_in_output_and_file(workplace: Workplace) -> None:
    command = [sys.executable, "-m", "pytest", *workplace.arguments]
    environment = {**workplace.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=workplace.folder, env=environment, capture_output=True, text=True, check=False)
    outcome = workplace.outcome(done.returncode)

    # On a busy machine the latency, which a test here cannot answer for, may miss its budget.
    assert outcome.result.startswith(("13 tests passed, p99 ", "test_latency_is_within_its_budget: p99 of 200"))
    assert f"TEST_RESULT {outcome.result}" in done.stdout.splitlines()
    assert (done.returncode == 0) == ("passed" in outcome.result)


def test_an_endpoint_that_is_well_passes_and_the_report_tells_its_latency(examine: Examine) -> None:
    outcome = examine(Model())

    assert outcome.status == 0, outcome.result
    assert outcome.result.startswith("13 tests passed, p99 ")
    assert {each.get("name") for each in outcome.report.iter("property")} >= {"p50_ms", "p99_ms"}


@pytest.mark.parametrize(("name", "account"), [("staging", "333333333333"), ("production", "444444444444")])
def test_it_invokes_with_the_test_role_of_the_stages_account_alone(name: str, account: str, examine: Examine) -> None:
    outcome = examine(Model(), name=name)

    assert outcome.status == 0, outcome.result
    assert [f"{account}%3Arole%2Fsagemaker-p-deploy-test" in request for request in outcome.runtime.roles] == [True]
    assert outcome.runtime.keys == {"assumed"}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (AnswersNothing(), "test_it_answers"),
        (PredictsSomethingElse(), "at its evaluation the model gave 0.35"),
        (MixesUpColumnsOfCsv(), "as text/csv scores"),
        (FillsGaps(), "column 'age' is wrong; it must refuse it"),
        (NamesNoColumn(), "the refusal does not name column 'age'"),
        (CrashesOnBadInput(), "gets HTTP 500, not 4xx"),
        (ReadsTextAsZero(), "test_a_value_of_another_kind_is_refused"),
        (KnowsItsCategoriesOnly(), "test_a_category_never_seen_is_accepted"),
        (DiesOfBadInput(), "test_malformed_input_is_refused_and_does_no_harm[another content type]"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Model) else "",
)
def test_a_fault_fails_the_test_with_its_reason(model: Model, reason: str, examine: Examine) -> None:
    outcome = examine(model)

    assert outcome.status == 1
    assert reason in outcome.result
    assert list(outcome.report.iter("failure"))


@pytest.mark.parametrize(
    ("model", "status", "reason"),
    [
        (LanguageModel(), 0, "12 tests passed, p99 "),
        (LanguageModel("!"), 1, "is answered 'it is \"A\"!'; at its evaluation the model answered 'it is \"A\"'"),
        (LanguageModel(takes_all=True), 1, "test_a_value_of_another_kind_is_refused"),
    ],
)
def test_a_language_model_must_give_its_golden_answers_to_the_letter(
    model: LanguageModel, status: int, reason: str, examine: Examine, workplace: Workplace
) -> None:
    workplace.golden = TEXTS
    outcome = examine(model)

    assert outcome.status == status, outcome.result
    assert reason in outcome.result


def test_latency_over_its_budget_fails_the_test_with_the_figures(examine: Examine) -> None:
    outcome = examine(IsSlow(), budget=1)

    assert outcome.status == 1
    assert "p99 of 40 requests is" in outcome.result
    assert "latency_budget_ms of the stage is 1" in outcome.result


def test_a_role_that_may_not_be_assumed_is_the_reason(examine: Examine, workplace: Workplace) -> None:
    workplace.runtime.refuses_role = True
    outcome = examine(Model())

    assert outcome.status == 1
    assert "AccessDenied" in outcome.result
