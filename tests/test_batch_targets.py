"""A project of batch that scores in other accounts: first in staging, and after an approval in production."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from batch import PROJECT, Project, Scoring, published
from harness import ACCOUNTS, eventually

STAGES = ("staging", "production")
TARGETS = {f"Targets{stage.capitalize()}AccountId": ACCOUNTS[stage] for stage in STAGES}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project, connected with both accounts, when nothing is approved yet."""
    with published(tmp_path_factory.mktemp("batch-targets"), **TARGETS) as made:
        made.create(**TARGETS)
        assert made.ended()["DEPLOY"] == "no"
        targets = [word for stage in STAGES for word in ("--target", ACCOUNTS[stage])]
        account = ("--account", ACCOUNTS["development"])
        made.smproject("connect", PROJECT, *account, *targets, "--profile", "shared-services")
        yield made


@pytest.fixture(scope="module")
def version(project: Project) -> str:
    """A version that is approved."""
    arn = project.register(1)
    project.approve(arn)
    return arn


@pytest.fixture(scope="module")
def staging(project: Project, version: str) -> Scoring:
    """What scores in staging, while the run waits for its approval."""
    found = Scoring(project, "p-mod", "staging")
    eventually(found.outputs)
    return found


@pytest.fixture(scope="module")
def production(project: Project, staging: Scoring) -> Scoring:
    """What scores in production after the approval."""
    eventually(project.waiting)
    project.smproject("sandbox", "approve", "--pipeline", project.pipeline)
    run = project.ended()
    assert run["status"] == "Succeeded", run
    return Scoring(project, "p-mod", "production")


def test_staging_scores_while_production_waits_for_a_person(staging: Scoring, project: Project, version: str) -> None:
    assert staging.outputs()["ModelPackageArn"] == version
    assert staging.score("try.csv", "1\n22\n") == {"try.csv.out": "1,1\n1,2\n"}
    assert Scoring(project, "p-mod", "production").outputs() == {}


def test_production_scores_with_the_same_version_and_nothing_scores_at_home(
    production: Scoring, project: Project, version: str
) -> None:
    assert production.outputs()["ModelPackageArn"] == version
    assert production.score("real.csv", "1\n22\n") == {"real.csv.out": "1,1\n1,2\n"}
    assert project.client("sagemaker").list_pipelines()["PipelineSummaries"] == []


def test_connecting_twice_changes_nothing(production: Scoring, project: Project) -> None:
    account = ("--account", ACCOUNTS["development"], "--target", ACCOUNTS["staging"])
    assert "unchanged" in project.smproject("connect", PROJECT, *account, "--profile", "shared-services")
