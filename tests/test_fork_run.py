"""A fork is built in the sandbox by the commands of its page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from publishing import Hub, hub
from test_forks import PIPELINE, ROOT, WHO

from smproject.demo import data

PAGE = ROOT / "docs" / "how-to" / "upgrade-a-fork.md"


@dataclass(frozen=True)
class User:
    """Who works in a folder, with a sandbox of her own."""

    folder: Path
    hub: Hub

    def run(self, commands: str, status: int = 0) -> str:
        settings = {**WHO, "CUSTOMERS": str(self.folder / "customers.csv")}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            done = self.hub.shell.run(
                "env", *(f"{key}={value}" for key, value in settings.items()), "bash", "-euc", commands
            )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def models(self) -> list[dict[str, Any]]:
        """Registered versions of all projects."""
        sagemaker = self.hub.sandbox.client("sagemaker")
        groups = sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]
        listed = [
            sagemaker.list_model_packages(ModelPackageGroupName=group["ModelPackageGroupName"]) for group in groups
        ]
        names = [each["ModelPackageArn"] for found in listed for each in found["ModelPackageSummaryList"]]
        return [sagemaker.describe_model_package(ModelPackageName=name) for name in names]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[User, str]]:
    """A user after the page's commands, and what they printed."""
    folder = tmp_path_factory.mktemp("forks")
    (folder / "customers.csv").write_bytes(data.csv()[0])
    (commands,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    with hub(folder) as running:
        user = User(folder, running)
        yield user, user.run(commands)


def test_the_page_s_commands_build_the_fork_and_register_a_model(built: tuple[User, str]) -> None:
    user, told = built
    commit = user.run("git -C churn rev-parse HEAD").strip()

    (mine,) = [each for each in user.models() if each["CustomerMetadataProperties"]["GitCommit"] == commit]

    assert mine["ModelPackageGroupName"].startswith("sagemaker-churn-p-")
    assert re.findall(r"^registered (.*)$", told, re.MULTILINE) == [mine["ModelPackageArn"]]
    assert told.endswith("nothing to do: the newest seed is there\n")


def test_a_build_that_fails_says_why_and_what_is_not_committed_is_not_built(built: tuple[User, str]) -> None:
    user, _ = built
    before = len(user.models())
    user.run(f"""sed -i 's/("auc", 0.8)/("auc", 0.9999)/' churn/{PIPELINE}""")
    assert "changes that aren't committed" in user.run("smproject sandbox run churn", status=1)

    user.run("git -C churn commit --quiet --all --message 'Ask for the impossible'")

    assert "Quality gate not met: auc 0." in user.run("smproject sandbox run churn", status=1)
    assert len(user.models()) == before


def test_other_parameters_ask_for_another_project(built: tuple[User, str]) -> None:
    user, _ = built
    user.run("sed -i s/churn/left/ churn/parameters.json; git -C churn commit --quiet --all --message Other")
    assert "There is nothing at s3://left-data-222222222222/" in user.run("smproject sandbox run churn", status=1)

    told = user.run('smproject sandbox run churn --data "$CUSTOMERS"', status=1)

    assert "Project churn was made with" in told
