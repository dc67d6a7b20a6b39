"""The audit finds what is not granted and what nobody explains; the repository's own templates pass it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from policies import ROOT

from smproject.audit import templates
from smproject.audit.findings import Finding

LAUNCH = "project_templates/launch-role/template.yaml"
BUILD = "project_templates/model-build/template.yaml"
SMPROJECT = str(Path(sys.executable).with_name("smproject"))
Edit = Callable[[str, str, str], None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what is audited."""
    shutil.copytree(ROOT / "project_templates", tmp_path / "project_templates")
    shutil.copytree(ROOT / "pipelines", tmp_path / "pipelines")
    return tmp_path


@pytest.fixture
def edit(root: Path) -> Edit:
    def change(file: str, old: str, new: str) -> None:
        text = (root / file).read_text()
        assert old in text
        (root / file).write_text(text.replace(old, new, 1))

    return change


def found(root: Path) -> list[Finding]:
    return [finding for finding in templates.audit(root=root) if finding.is_open]


def test_the_templates_miss_nothing_and_explain_every_wildcard() -> None:
    done = subprocess.run([SMPROJECT, "audit", "--output", "json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    explained = json.loads(done.stdout)
    assert len(explained) > 100 and all(finding["reason"] for finding in explained)


def test_an_action_that_a_handler_needs_is_missed(root: Path, edit: Edit) -> None:
    edit(LAUNCH, "              - kms:PutKeyPolicy\n", "")
    assert {(f.kind, f.what) for f in found(root)} == {
        ("missing", "LaunchRole lacks kms:PutKeyPolicy, which AWS::KMS::Key needs to create, update")
    }


def test_a_property_brings_the_need_of_its_permissions(root: Path) -> None:
    text = (root / BUILD).read_text()
    start = text.index("Type: AWS::S3::Bucket\n")
    where = text.index("    Properties:\n", start) + len("    Properties:\n")
    (root / BUILD).write_text(f"{text[:where]}      CorsConfiguration: {{CorsRules: []}}\n{text[where:]}")
    missed = {finding.what.split()[2].rstrip(",") for finding in found(root)}
    assert missed == {"s3:GetBucketCORS", "s3:PutBucketCORS"}


def test_a_wildcard_without_a_comment_is_told_with_its_line(root: Path, edit: Edit) -> None:
    edit(LAUNCH, "              # Seeds and templates are named by their content.\n", "")
    told = [str(finding) for finding in found(root)]
    line = (root / LAUNCH).read_text().splitlines().index("              - Sid: ReadCatalogue") + 1
    assert len(told) == 2 and all(text.startswith(f"wildcard {LAUNCH}:{line} ReadCatalogue: ") for text in told)


def test_actions_for_all_are_wildcards_too(root: Path, edit: Edit) -> None:
    edit(LAUNCH, "                Action: kms:Decrypt\n", "                Action: kms:*\n")
    assert [(f.statement, f.what) for f in found(root)] == [("DecryptCatalogue", "kms:*")]


def test_one_template_is_audited_alone(root: Path) -> None:
    told = list(templates.audit("target-account", root))
    assert {finding.where.split("/")[1] for finding in told} == {"target-account"}


def test_a_template_that_there_is_not_is_refused_in_one_line() -> None:
    done = subprocess.run([SMPROJECT, "audit", "nothing"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: There is no template 'nothing'. `smproject list` names them.\n"
