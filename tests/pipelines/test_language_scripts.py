"""The language pipeline's scripts as jobs run them: prompts and completions in, a measured model out."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path.insert(0, str(ROOT / "tests" / "containers"))

from language_models import FEATURES, KINDS, as_lines, make_base, records  # noqa: E402
from serving import CONTAINERS, Server  # noqa: E402

SCRIPTS = ROOT / "pipelines" / "build" / "language"
SHARED = ROOT / "pipelines" / "build" / "scripts"
TRAINING = ROOT / "containers" / "training"
LEARNT = {"epochs": "12", "batch_size": "20", "learning_rate": "0.02", "max_length": "32"}
SETS = ("train", "validation", "test")


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command, variables = [sys.executable, *map(str, arguments)], {**os.environ, "PYTHONPATH": str(SHARED)}
    return subprocess.run(command, env={**variables, **environment}, capture_output=True, text=True, check=False)


def process(folder: Path, **files: str) -> subprocess.CompletedProcess[str]:
    """Process files, given by name without their suffix."""
    (folder / "in").mkdir(parents=True)
    for name, content in files.items():
        (folder / "in" / f"{name}.jsonl").write_text(content)
    where = ["--input", folder / "in", "--output", folder / "out", "--message", folder / "message"]
    return run(SCRIPTS / "process.py", "--data-uri", "s3://bucket/records", *where)


def train(folder: Path, **changes: str) -> None:
    base = folder / "ml"
    (base / "input" / "config").mkdir(parents=True)
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps({**LEARNT, **changes}))
    (base / "input" / "data").mkdir()
    for name in ("train", "validation", "metadata"):
        (base / "input" / "data" / name).symlink_to(folder / "out" / name)
    make_base(base / "input" / "data" / "base")
    programs = f"{TRAINING}{os.pathsep}{TRAINING / 'language'}"
    trained = run("-m", "entry", "train", PYTHONPATH=programs, SAGEMAKER_BASE_DIR=str(base), PROCESSES_PER_HOST="1")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    pack(base / "model", folder / "model")


def pack(model: Path, folder: Path) -> Path:
    """Pack a model as SageMaker does."""
    folder.mkdir()
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(model, arcname=".")
    return folder


def evaluate(folder: Path, champion: Path | None = None) -> subprocess.CompletedProcess[str]:
    where = ["--model", folder / "model", "--test", folder / "out" / "test", "--message", folder / "message"]
    rival = ["--champion", champion or folder / "none"]
    return run(
        *(SCRIPTS / "evaluate.py", "--metric", "exact_match", *where, *rival, "--output", folder / "evaluation"),
        MPLCONFIGDIR=str(folder),
    )


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def lines(folder: Path, part: str) -> list[dict[str, str]]:
    """Records of a set."""
    text = (folder / "out" / part / "records.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all three jobs."""
    folder = tmp_path_factory.mktemp("language")
    processed = process(folder, all=as_lines(records(400)))
    assert processed.returncode == 0, processed.stderr
    train(folder)
    evaluated = evaluate(folder)
    assert evaluated.returncode == 0, evaluated.stderr
    return folder


def test_every_record_is_in_exactly_one_set(finished: Path) -> None:
    sets = [lines(finished, name) for name in SETS]

    assert sorted(map(str, (record for part in sets for record in part))) == sorted(map(str, records(400)))
    assert len(sets[0]) > 3 * len(sets[2]) > 0
    assert read(finished / "out" / "metadata" / "features.json") == FEATURES


def test_a_model_that_learnt_is_measured_as_good(finished: Path) -> None:
    metrics = read(finished / "evaluation" / "evaluation.json")["text_generation_metrics"]

    assert metrics["exact_match"]["value"] > 0.8
    assert metrics["token_accuracy"]["value"] >= metrics["exact_match"]["value"]
    # What is frozen of so small a base keeps it from certainty; untaught, it has 300.
    assert 1 <= metrics["perplexity"]["value"] < 30


def test_the_report_shows_answers_and_loads_nothing_from_elsewhere(finished: Path) -> None:
    page = (finished / "evaluation" / "evaluation.html").read_text()

    assert "exact_match" in page
    assert "Answers that are the completion" in page
    assert lines(finished, "test")[0]["prompt"] in page
    assert 'src="http' not in page


def test_golden_answers_are_what_the_server_answers(finished: Path) -> None:
    golden = read(finished / "evaluation" / "golden.json")
    with Server(finished / "ml" / "model", CONTAINERS / "language") as server:
        answer = server.invoke(json.dumps({"instances": golden["records"]}), "application/json")

    assert golden["columns"] == FEATURES["columns"]
    assert 10 < len(golden["records"]) <= 20
    assert [each["answer"] for each in answer.json()["predictions"]] == golden["answers"]
    assert set(golden["answers"]) <= set(KINDS.values())


def test_without_an_approved_version_nothing_is_compared(finished: Path) -> None:
    assert read(finished / "evaluation" / "comparison.json")["compared"] == 0


def test_an_approved_version_is_measured_on_the_same_records(finished: Path, tmp_path: Path) -> None:
    for name in ("model", "out"):
        (tmp_path / name).symlink_to(finished / name)
    assert evaluate(tmp_path, finished / "model").returncode == 0
    comparison = read(tmp_path / "evaluation" / "comparison.json")

    assert (comparison["compared"], comparison["improvement"]) == (1, 0.0)


def test_an_approved_version_that_can_not_be_read_holds_nobody_back(finished: Path, tmp_path: Path) -> None:
    for name in ("model", "out"):
        (tmp_path / name).symlink_to(finished / name)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "features.json").write_text(json.dumps(FEATURES))
    assert evaluate(tmp_path, pack(tmp_path / "other", tmp_path / "champion")).returncode == 0

    comparison = read(tmp_path / "evaluation" / "comparison.json")
    assert comparison["compared"] == 0
    assert "holds no config.json" in comparison["summary"]


def test_a_test_record_that_is_too_long_is_named(finished: Path, tmp_path: Path) -> None:
    (tmp_path / "model").symlink_to(finished / "model")
    (tmp_path / "out" / "test").mkdir(parents=True)
    long = {"prompt": "a" * 200, "completion": "b"}
    (tmp_path / "out" / "test" / "records.jsonl").write_text(as_lines([*lines(finished, "test")[:2], long]))

    assert evaluate(tmp_path).returncode == 1
    assert "the prompt of test record 3 has 200 tokens" in (tmp_path / "message").read_text()


def test_files_in_folders_are_read_duplicates_once_and_blank_lines_not_at_all(tmp_path: Path) -> None:
    content = records(100)
    (tmp_path / "in" / "more").mkdir(parents=True)
    (tmp_path / "in" / "more" / "b.jsonl").write_text(as_lines(content[50:]) + "\n\n")
    (tmp_path / "in" / "a.jsonl").write_text(as_lines(content[:60]))
    where = ["--input", tmp_path / "in", "--output", tmp_path / "out"]
    processed = run(SCRIPTS / "process.py", "--data-uri", "s3://bucket/records", *where)

    assert "110 records read, 10 duplicates dropped" in processed.stdout
    assert read(tmp_path / "out" / "metadata" / "data.json")["rows"] == 100


def test_a_prompt_of_two_completions_is_in_one_set_with_both(tmp_path: Path) -> None:
    content = records(60)
    again = [{**record, "completion": "thing"} for record in content]
    assert process(tmp_path, one=as_lines(content), two=as_lines(again)).returncode == 0

    for name in SETS:
        prompts = [record["prompt"] for record in lines(tmp_path, name)]
        assert len(prompts) == 2 * len(set(prompts))


GOOD = as_lines(records(40))
BAD = [
    ('{"prompt": "a"', "bad.jsonl:2 is not JSON"),
    ('["a", "b"]', "bad.jsonl:2 is a list, not prompt and completion"),
    ('{"prompt": "a"}', "bad.jsonl:2 has the keys ['prompt'], not prompt and completion"),
    ('{"prompt": "a", "completion": "b", "id": 1}', "has the keys ['completion', 'id', 'prompt']"),
    ('{"prompt": "a", "completion": ""}', "bad.jsonl:2 has no text in completion"),
    ('{"prompt": 7, "completion": "b"}', "bad.jsonl:2 has no text in prompt"),
    ('{"prompt": "\\ud83d", "completion": "b"}', "bad.jsonl:2 has no text in prompt"),
]


@pytest.mark.parametrize(("line", "told"), BAD, ids=range(len(BAD)))
def test_a_line_that_is_no_record_is_named(line: str, told: str, tmp_path: Path) -> None:
    refused = process(tmp_path, bad=f"\n{line}\n{GOOD}")

    assert refused.returncode == 1
    assert "1 of 41 lines are no records" in (tmp_path / "message").read_text()
    assert told in (tmp_path / "message").read_text()


def test_data_without_records_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "table.csv").write_text("a,b\n")
    refused = run(SCRIPTS / "process.py", "--data-uri", "s3://b/k", "--input", tmp_path / "in", "--output", tmp_path)

    assert refused.returncode == 1
    assert "no record in the data, only the files ['table.csv']" in refused.stderr


def test_too_few_records_are_refused(tmp_path: Path) -> None:
    assert process(tmp_path, few=as_lines(records(2))).returncode == 1
    assert "of 2 records none is left for" in (tmp_path / "message").read_text()
