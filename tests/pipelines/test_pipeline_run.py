"""`python -m pipelines.run` as a shell sees it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    # No credentials, and an endpoint where nothing listens: a command that needs the network fails.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
        **variables,
    }
    chosen = [] if "--pipeline" in arguments else ["--pipeline", "build.tabular"]
    command = [sys.executable, "-m", "pipelines.run", *arguments, *chosen]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_two_builds_print_the_same_bytes_without_network_or_credentials(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    first, second = (run(tmp_path, variables, "print") for _ in range(2))

    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert json.loads(first.stdout)["Version"] == "2020-12-01"


def test_wrong_settings_exit_2_and_leave_the_reason(tmp_path: Path, variables: dict[str, str]) -> None:
    refused = run(tmp_path, {**variables, "PROBLEM_TYPE": "ranking"}, "run", "--wait")

    assert refused.returncode == 2
    assert "PROBLEM_TYPE is 'ranking'" in refused.stderr
    assert "PROBLEM_TYPE is 'ranking'" in (tmp_path / "pipeline-result.txt").read_text()


def test_unknown_parameter_is_refused_before_anything_is_published(tmp_path: Path, variables: dict[str, str]) -> None:
    refused = run(tmp_path, variables, "run", "--parameter", "GateTreshold=0.9")

    assert refused.returncode == 2
    assert "no such parameter" in refused.stderr
    assert "GateThreshold" in refused.stderr


def test_unknown_pipeline_is_named_with_its_file(tmp_path: Path, variables: dict[str, str]) -> None:
    refused = run(tmp_path, variables, "print", "--pipeline", "build.poetry")

    assert refused.returncode == 2
    assert "there is no pipelines/build/poetry/settings.py" in refused.stderr


def test_of_several_pipelines_one_is_to_be_chosen(tmp_path: Path, variables: dict[str, str]) -> None:
    for name in ("poetry", "prose"):
        (tmp_path / "pipelines" / "build" / name).mkdir(parents=True)
        (tmp_path / "pipelines" / "build" / name / "pipeline.py").touch()
    for module in (ROOT / "pipelines").glob("*.py"):
        (tmp_path / "pipelines" / module.name).write_bytes(module.read_bytes())
    command = [sys.executable, "-m", "pipelines.run", "print"]
    environment = {"PATH": os.environ["PATH"], **variables}
    refused = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert refused.returncode == 2
    assert "pipelines/build holds build.poetry, build.prose. Choose one with --pipeline." in refused.stderr


def test_publishing_without_credentials_exits_2(tmp_path: Path, variables: dict[str, str]) -> None:
    refused = run(tmp_path, variables, "upsert")

    assert refused.returncode == 2
    assert "credentials" in refused.stderr
