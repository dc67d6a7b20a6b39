"""Projects whose repository a connection reaches: where their seed goes, and what stands against it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import scientist
from botocore.exceptions import ClientError
from connected import Catalogue
from demonstration import SMPROJECT
from scientist import Found

ROOT = Path(__file__).parent.parent
PRODUCT = "container-build"


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    with scientist.published(Catalogue, tmp_path_factory.mktemp("connected")) as made:
        yield made


def why(catalogue: Catalogue, project: Found) -> str:
    """Why a project could not be made: what its stack's events say of the check-in. Nothing of it is left."""
    assert project["ProjectStatus"] == "CreateFailed", project
    reasons = {each["LogicalResourceId"]: each.get("ResourceStatusReason", "") for each in catalogue.failed(project)}
    name = f"sagemaker-{project['ProjectId']}-check-in"
    with pytest.raises(ClientError, match="NoSuchEntity"):
        catalogue.client("iam").get_role(RoleName=name)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        catalogue.client("lambda").get_function(FunctionName=name)
    return str(reasons["RepositoryCheckIn"])


def test_the_seed_becomes_the_first_commit_of_an_empty_repository(catalogue: Catalogue) -> None:
    team = catalogue.team("empty")
    url = team.repository()

    project = catalogue.make(PRODUCT, "empty", **team.parameters)

    assert project["ProjectStatus"] == "CreateCompleted", catalogue.failed(project)
    folder = team.clone(url)
    assert json.loads((folder / ".seed.json").read_text())["template"] == PRODUCT
    outputs = catalogue.outputs(project)
    assert outputs["RepositoryName"] == "team/empty"
    assert outputs["RepositoryCloneUrl"] == "https://github.com/team/empty.git"
    assert outputs["RepositoryCheckInOutcome"] == "The seed code is on branch main, the first of repository team/empty."
    source = catalogue.source(project, PRODUCT)
    assert (source["status"], source["output"]["outputVariables"]["CommitId"]) == (
        "Succeeded",
        team.git("rev-parse", "HEAD"),
    )


def test_what_checks_in_may_do_what_it_did_and_no_more(catalogue: Catalogue) -> None:
    audit = catalogue.demonstration.run(str(SMPROJECT), "audit", "--project", "empty", "--output", "json")
    mine = [each for each in json.loads(audit.stdout) if "check-in" in each["where"]]
    assert mine
    assert [each for each in mine if not each["reason"]] == []


def test_a_repository_with_commits_gets_the_seed_on_a_branch_and_keeps_its_own_files(catalogue: Catalogue) -> None:
    team = catalogue.team("busy")
    head = team.begin(team.repository(), {"README.md": "The team's own.\n", "ours.txt": "kept\n"})

    project = catalogue.make(PRODUCT, "busy", **team.parameters)

    assert project["ProjectStatus"] == "CreateCompleted", catalogue.failed(project)
    branch = f"sagemaker-project-{project['ProjectId']}"
    assert catalogue.outputs(project)["RepositoryCheckInOutcome"] == (
        f"Repository team/busy has commits: the seed code waits on branch {branch}. Merge it into main."
    )
    assert team.git("ls-remote", "origin", "refs/heads/main").split()[0] == head
    team.git("pull", "--quiet", "origin", branch)
    assert (team.checkout / "README.md").read_text() == "The team's own.\n"
    assert (team.checkout / "ours.txt").read_text() == "kept\n"
    assert json.loads((team.checkout / ".seed.json").read_text())["template"] == PRODUCT

    team.git("push", "--quiet", "origin", "main")
    commit = team.git("rev-parse", "HEAD")
    assert catalogue.source(project, PRODUCT, commit)["status"] == "Succeeded"


def test_a_fork_of_a_seed_is_left_as_it_is_by_the_next_project_and_by_an_update(catalogue: Catalogue) -> None:
    team = catalogue.team("again")
    head = team.begin(team.repository(), {".seed.json": "{}", "changed.py": "ours = True\n"})

    project = catalogue.make(PRODUCT, "again", **team.parameters)

    told = "Branch main of repository team/again has seed code already, which stays as it is."
    assert catalogue.outputs(project)["RepositoryCheckInOutcome"] == told
    assert team.git("ls-remote", "origin").split()[::2] == [head, head]  # HEAD and main


def test_a_deleted_project_leaves_its_repository(catalogue: Catalogue) -> None:
    team = catalogue.team("left")
    url = team.repository()
    project = catalogue.make(PRODUCT, "left", **team.parameters)
    catalogue.smproject("destroy", "--project", "left", "--yes", "left")

    assert catalogue.settled("left")["ProjectStatus"] == "DeleteCompleted", project
    assert (team.clone(url) / ".seed.json").is_file()


def test_a_pending_connection_is_told_and_nothing_is_made(catalogue: Catalogue) -> None:
    team = catalogue.team("waiting")
    team.repository()
    given = {"RepositoryConnectionArn": team.pending, "RepositoryFullName": team.full_name}
    told = why(catalogue, catalogue.make(PRODUCT, "waiting", **given))
    assert "Connection waiting is PENDING. Complete it" in told


def test_a_repository_that_is_not_there_is_told(catalogue: Catalogue) -> None:
    team = catalogue.team("absent")
    told = why(catalogue, catalogue.make(PRODUCT, "absent", **team.parameters))
    assert "Connection and repository team/absent don't find each other." in told
    assert "Connection absent reaches no repository team/absent" in told


def test_a_protected_branch_of_an_empty_repository_is_told(catalogue: Catalogue) -> None:
    team = catalogue.team("guarded")
    team.repository("--protect", "main")
    told = why(catalogue, catalogue.make(PRODUCT, "guarded", **team.parameters))
    assert "Repository team/guarded takes no push to branch main." in told
    assert "refs/heads/main is protected: changes go there by a pull request" in told


def test_a_branch_that_is_not_there_is_told(catalogue: Catalogue) -> None:
    team = catalogue.team("other")
    head = team.begin(team.repository(), {"ours.txt": "kept\n"})
    told = why(catalogue, catalogue.make(PRODUCT, "other", RepositoryBranch="production", **team.parameters))
    assert "Repository team/other has branches, but not production. Make it, or name another." in told
    assert team.git("ls-remote", "origin").split()[::2] == [head, head]


def test_a_companys_own_host_tells_where_its_repositories_are(catalogue: Catalogue) -> None:
    api = catalogue.client("codeconnections")
    address = {"ProviderType": "GitLabSelfManaged", "ProviderEndpoint": "https://git.example.com/"}
    team = catalogue.team("inside", host=api.create_host(Name="company", **address)["HostArn"])
    team.repository()
    project = catalogue.make(PRODUCT, "inside", **team.parameters)
    assert catalogue.outputs(project)["RepositoryCloneUrl"] == "https://git.example.com/team/inside.git"


def test_the_page_s_commands_make_a_project_of_a_connected_repository(catalogue: Catalogue) -> None:
    page = (ROOT / "docs/how-to/connect-a-repository.md").read_text()
    commands = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL))
    folder = catalogue.folder / "page"
    folder.mkdir()
    path = f"PATH={SMPROJECT.parent}:$PATH SMPROJECT_HOME={catalogue.sandbox.home}"
    told = catalogue.run("bash", "-euc", f"export {path}\n{commands}", cwd=folder)
    assert {"buildspecs", "containers", "pipelines"} <= set(told.split())


def test_a_private_repository_is_reached_by_its_connection(catalogue: Catalogue) -> None:
    team = catalogue.team("secret")
    url = team.repository("--private")
    project = catalogue.make(PRODUCT, "secret", **team.parameters)
    assert project["ProjectStatus"] == "CreateCompleted", catalogue.failed(project)
    assert (team.clone(url) / ".seed.json").is_file()


@pytest.mark.parametrize("missing", ["RepositoryConnectionArn", "RepositoryFullName"])
def test_a_connection_without_a_repository_is_refused_and_so_is_the_reverse(catalogue: Catalogue, missing: str) -> None:
    given = catalogue.team(f"half-{missing[10:14].lower()}").parameters | {missing: ""}
    project = catalogue.make(PRODUCT, f"half-{missing[10:14].lower()}", **given)
    assert project["ProjectStatus"] == "CreateFailed"
    assert "needs Repository" in json.dumps(project, default=str)


def test_a_connection_that_nobody_tagged_for_sagemaker_is_not_passed_on(catalogue: Catalogue) -> None:
    team = catalogue.team("untagged")
    team.repository()
    api = catalogue.client("codeconnections")
    api.untag_resource(ResourceArn=team.connection, TagKeys=["sagemaker"])
    project = catalogue.make(PRODUCT, "untagged", **team.parameters)
    assert project["ProjectStatus"] == "CreateFailed"
    assert "codeconnections:PassConnection" in json.dumps(catalogue.failed(project), default=str)
