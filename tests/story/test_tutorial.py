"""The tutorial's commands work as they stand, on what the demonstration leaves."""

from __future__ import annotations

import re
from pathlib import Path

from harness import eventually
from visitor import SECONDS, Visitor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "look-around.md"


def test_the_tutorial_leads_to_a_model_that_passes_the_gate(reader: Visitor, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    # Its last command would end the sandbox before the new model can be seen.
    commands = "".join(blocks).replace("smproject sandbox down\n", "")
    before = len(_versions(reader))
    shown = reader.run("bash", "-euc", commands, cwd=tmp_path)
    assert "churn\tCreateCompleted" in shown
    assert "Quality gate not met" in shown
    assert "<svg" in (tmp_path / "evaluation.html").read_text()
    eventually(lambda: len(_versions(reader)) == before + 1, SECONDS)


def _versions(visitor: Visitor) -> list[str]:
    group = visitor.outputs["ModelRegistryGroupName"]
    found = visitor.client("sagemaker").list_model_packages(ModelPackageGroupName=group)
    return [package["ModelPackageArn"] for package in found["ModelPackageSummaryList"]]
