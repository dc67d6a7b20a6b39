"""From a reader's own data to her model, by the commands of the page; and the notebook that her fork holds."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from publishing import eventually, hub
from test_fork_run import User
from test_forks import ROOT

PAGE = ROOT / "docs" / "how-to" / "new-use-case.md"
RUN = """
import json, sys
for cell in json.load(open("models.ipynb"))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]).replace("START = False", "START = " + sys.argv[1]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[User, str]]:
    """A user after the page's commands, and what they printed."""
    folder = tmp_path_factory.mktemp("use-case")
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    with hub(folder) as running:
        user = User(folder, running)
        yield user, user.run("".join(commands))


def test_the_page_s_commands_register_a_model_of_own_data_for_each_commit(built: tuple[User, str]) -> None:
    user, told = built
    commits = user.run("git -C tumours rev-list main --not seed").split()
    assert len(commits) == 3
    assert len(re.findall(r"^registered ", told, re.MULTILINE)) == 2
    pushed = eventually(lambda: [each for each in user.models() if _commit(each) == commits[0]])
    models = {_commit(each): each for each in user.models()}
    assert pushed and set(commits) <= set(models)
    first, last = (_columns(user, models[commit]) for commit in (commits[-1], commits[0]))
    assert (len(first), len(last)) == (30, 20)
    assert last == {name for name in first if not name.endswith(" error")}


def test_the_notebook_shows_models_and_starts_the_pipeline(built: tuple[User, str]) -> None:
    user, _ = built
    notebook = json.loads((user.folder / "tumours" / "models.ipynb").read_text())
    assert [cell for cell in notebook["cells"] if cell.get("outputs") or cell.get("execution_count")] == []
    run = f"cd tumours; eval \"$(smproject sandbox env)\"; python -c '{RUN}'"
    shown = user.run(f"{run} False")
    assert "version 1: PendingManualApproval" in shown and re.search(r"^  auc: 0\.9\d+$", shown, re.MULTILINE)
    assert "  register: Succeeded" in shown and "started" not in shown
    assert "started arn:aws:sagemaker:" in user.run(f"{run} True")


def _commit(model: dict[str, Any]) -> str:
    return str(model["CustomerMetadataProperties"]["GitCommit"])


def _columns(user: User, model: dict[str, Any]) -> set[str]:
    """Columns of the records that a version of a model answers."""
    bucket, _, key = model["CustomerMetadataProperties"]["GoldenPredictions"].removeprefix("s3://").partition("/")
    golden = json.load(user.hub.sandbox.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    return {name for record in golden["records"] for name in record}
