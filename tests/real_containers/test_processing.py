"""The training image runs the pipeline's scripts as processing jobs."""

import json
from pathlib import Path

import pandas as pd
from conftest import process


def test_data_are_split_and_encoded_without_a_network(processed: Path) -> None:
    parts = {name: pd.read_csv(processed / name / f"{name}.csv") for name in ("train", "validation", "test")}
    assert sum(map(len, parts.values())) == 600
    assert len({tuple(part.columns) for part in parts.values()}) == 1
    features = json.loads((processed / "metadata" / "features.json").read_text())
    assert [column["name"] for column in features["columns"]] == ["age", "plan", "spent"]


def test_failure_leaves_its_reason_where_sagemaker_reads_the_exit_message(trainer: str, tmp_path: Path) -> None:
    job, status, log = process(trainer, tmp_path, "gone")
    message = (job.base / "output" / "message").read_text()
    assert status == 1
    assert "gone" in message
    assert message in log
