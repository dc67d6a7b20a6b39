"""Compiled definitions equal the reviewed ones in tests/golden, and are valid."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from smproject.definition import check

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
CASES = sorted(path.name.removesuffix(".env.json") for path in GOLDEN.glob("*.env.json"))
REFRESH = "python tests/test_golden.py"


def compile_case(case: str) -> str:
    """Definition that `pipelines.run print` prints for the variables of a case.

    PIPELINE names the pipeline; EDITS, if any, are lines of its pipeline.py as a user would change them.
    """
    variables = json.loads((GOLDEN / f"{case}.env.json").read_text())
    pipeline, edits = variables.pop("PIPELINE"), variables.pop("EDITS", {})
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "pipelines", Path(folder) / "pipelines")
        edit(Path(folder, "pipelines", *pipeline.split("."), "pipeline.py"), edits)
        command = [sys.executable, "-m", "pipelines.run", "print", "--pipeline", pipeline]
        environment = {"PATH": os.environ["PATH"], **variables}
        printed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stderr
    return printed.stdout


def edit(file: Path, edits: dict[str, str]) -> None:
    text = file.read_text()
    for before, after in edits.items():
        assert text.count(f"\n{before}\n") == 1, (file.name, before)
        text = text.replace(f"\n{before}\n", f"\n{after}\n")
    file.write_text(text)


@pytest.mark.parametrize("case", CASES)
def test_definition_equals_the_golden_one(case: str) -> None:
    golden = (GOLDEN / f"{case}.json").read_text()

    assert compile_case(case) == golden, (
        f"The definition changed. If you meant it, run `{REFRESH}` and review the diff."
    )


@pytest.mark.parametrize("case", CASES)
def test_golden_definition_is_valid(case: str) -> None:
    findings = check(json.loads((GOLDEN / f"{case}.json").read_text()))

    assert not findings, "\n".join(map(str, findings))


def test_every_pipeline_has_a_golden_definition() -> None:
    pipelines = {
        ".".join(path.parent.relative_to(ROOT / "pipelines").parts)
        for path in (ROOT / "pipelines" / "build").glob("*/pipeline.py")
    }

    assert pipelines == {json.loads((GOLDEN / f"{case}.env.json").read_text())["PIPELINE"] for case in CASES}


if __name__ == "__main__":
    for name in CASES:
        (GOLDEN / f"{name}.json").write_text(compile_case(name))
