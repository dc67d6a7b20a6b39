"""What `python -m pipelines.changes` tells of a change: in a copy of the repository, with git."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PIPELINE = sorted(ROOT.glob("pipelines/build/*/pipeline.py"))[0].relative_to(ROOT)
TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyDocument:
            Statement:
              - {Effect: Allow, Action: [ACTION], Resource: !Sub "arn:${AWS::Partition}:s3:::data/*"}
"""

# Takes the last step away and adds a parameter, whatever the pipeline is.
CHANGE = """

def with_change(make):
    from sagemaker.core.workflow.parameters import ParameterString

    def changed(*given):
        pipeline = make(*given)
        pipeline.parameters = [*pipeline.parameters, ParameterString("Added", "anything")]
        pipeline.steps = pipeline.steps[:-1]
        return pipeline

    return changed


get_pipeline = with_change(get_pipeline)
"""


class Repository:
    """A clone with one use case, whose branch main is what a change is for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__", "*.yaml")
        shutil.copytree(ROOT / "pipelines", folder / "pipelines", ignore=ignored)
        for other in (folder / "pipelines/build").glob("*/pipeline.py"):
            if other.parent.name != PIPELINE.parent.name:
                other.unlink()
        self.write("pipelines/roles.yaml", TEMPLATE.replace("ACTION", "s3:GetObject"))
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit()
        self.git("checkout", "--quiet", "-b", "change")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def git(self, *words: str) -> None:
        who = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        subprocess.run(["git", *words], cwd=self.folder, env={**os.environ, **who}, check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Work")

    def told(self, branch: str = "main", status: int = 0) -> str:
        """What the command prints, which ends with a status."""
        command = [sys.executable, "-m", "pipelines.changes", branch]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repository")


def test_a_step_that_goes_a_parameter_that_comes_and_a_wider_role_are_told(repository: Repository) -> None:
    repository.write(str(PIPELINE), (ROOT / PIPELINE).read_text() + CHANGE)
    repository.write("pipelines/roles.yaml", TEMPLATE.replace("ACTION", "s3:PutObject"))
    repository.commit()

    told = repository.told()

    assert f"## Pipeline `build.{PIPELINE.parent.name}`" in told
    assert "- parameter `Added` is new" in told
    assert re.search(r"- step `[\w-]+` is gone", told)
    assert "- **wider**: `Role` may `s3:PutObject` on" in told
    assert "- narrower: no longer `Role` may `s3:GetObject` on" in told


def test_what_main_did_meanwhile_is_no_part_of_the_change(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "main")
    repository.write("pipelines/roles.yaml", TEMPLATE.replace("ACTION", "s3:PutObject"))
    repository.commit()
    repository.git("checkout", "--quiet", "change")
    assert repository.told() == "No difference in the pipelines and in what roles may do.\n"


def test_an_unknown_branch_and_a_pipeline_that_does_not_compile_end_with_the_reason(repository: Repository) -> None:
    assert "absent can't be compared" in repository.told("absent", status=2)
    repository.write(str(PIPELINE), "def get_pipeline(:\n")
    assert "does not compile: SyntaxError" in repository.told(status=2)
