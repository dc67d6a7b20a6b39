"""Repositories made from seeds: as `smproject new` and `smproject upgrade` leave them to git."""

import json
import os
import pty
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from smproject import catalog
from smproject.seeds import LABEL, SeedFile, digest_of, materialise, seed_files

ROOT = Path(__file__).resolve().parents[1]
SMPROJECT = Path(sys.executable).with_name("smproject")
PIPELINE = "pipelines/build/tabular/pipeline.py"
WHO = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
WHO |= {f"GIT_{role}_{what}": f"{role}@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
NEWEST = seed_files(*catalog.find_seed("model-build-tabular"))


def run(folder: Path, *command: str, status: int = 0, who: dict[str, str] = WHO) -> str:
    """Run a program in a folder; returns what it printed."""
    done = subprocess.run(command, cwd=folder, env=os.environ | who, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def smproject(folder: Path, *words: str, status: int = 0) -> str:
    return run(folder, str(SMPROJECT), *words, status=status)


def commit(folder: Path, **texts: str) -> None:
    """Replace text in the pipeline, before=after, and commit all that lies there."""
    path = folder / PIPELINE
    for before, after in texts.items():
        path.write_text(path.read_text().replace(before, after))
    run(folder, "git", "add", "--all")
    run(folder, "git", "commit", "--quiet", "--message", "Work")


def tree(folder: Path) -> dict[str, bytes]:
    """Files of the last commit."""
    names = run(folder, "git", "ls-files").splitlines()
    return {name: (folder / name).read_bytes() for name in names}


def older() -> dict[str, SeedFile]:
    """The seed as a version before handed it out: other lines, a file less, and one that is gone by now."""
    files = {name: file for name, file in NEWEST.items() if name not in (LABEL, "pipelines/champion.py")}
    text = files[PIPELINE].content.replace(b"HERE = ", b"THIS = ").replace(b'"""Process,', b'"""First process,')
    files[PIPELINE] = replace(files[PIPELINE], content=text)
    files["pipelines/gone.py"] = SeedFile(b"GONE = True\n")
    label = {"template": "model-build", "version": "0.2.0", "digest": digest_of(files)}
    return {**files, LABEL: SeedFile(json.dumps(label).encode())}


@pytest.fixture
def fork(tmp_path: Path) -> Path:
    """A repository whose first commit is an older seed, as SageMaker makes it: no branch but main."""
    folder = tmp_path / "fork"
    for name, file in older().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(file.content)
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    commit(folder)
    return folder


def test_new_makes_a_repository_of_the_seed_with_nothing_left_to_commit(tmp_path: Path) -> None:
    smproject(tmp_path, "new", "model-build", "churn")

    folder = tmp_path / "churn"
    assert tree(folder).keys() == {*NEWEST, "local.mk"}
    run(folder, "git", "checkout", "--quiet", "seed")
    assert tree(folder) == {name: file.content for name, file in NEWEST.items()}
    run(folder, "git", "checkout", "--quiet", "main")
    assert "\nrun\tBuild" in run(folder, "make", "help")
    assert run(folder, "git", "status", "--porcelain") == ""
    assert run(folder, "git", "branch", "--format", "%(refname:short)").split() == ["main", "seed"]
    assert smproject(folder, "upgrade") == "nothing to do: the newest seed is there\n"


def test_new_fills_the_clone_of_an_empty_repository(tmp_path: Path) -> None:
    run(tmp_path, "git", "init", "--quiet", "--bare", "remote.git")
    run(tmp_path, "git", "clone", "--quiet", "remote.git", "churn")

    smproject(tmp_path, "new", "model-build", "churn")

    run(tmp_path / "churn", "git", "push", "--quiet", "--all", "origin")
    assert "main" in run(tmp_path / "remote.git", "git", "branch")


def test_new_touches_no_folder_that_holds_anything(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "work.txt").write_text("mine")
    run(tmp_path, "git", "init", "--quiet", "used")
    run(tmp_path / "used", "git", "commit", "--quiet", "--allow-empty", "--message", "First")

    assert "isn't an empty folder" in smproject(tmp_path, "new", "model-build", "full", status=1)
    assert "is a repository with commits" in smproject(tmp_path, "new", "model-build", "used", status=1)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["work.txt"]


def test_new_says_which_templates_have_a_seed_and_who_must_commit(tmp_path: Path) -> None:
    assert "These have one: batch, container-build, model-build" in smproject(
        tmp_path, "new", "studio-domain", "x", status=1
    )
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "EMAIL": "", "HOME": str(tmp_path)}
    nobody |= {"GIT_COMMITTER_EMAIL": "", "GIT_COMMITTER_NAME": ""}
    told = run(tmp_path, str(SMPROJECT), "new", "model-build", "churn", status=1, who=nobody)
    assert "empty ident name" in told
    assert not (tmp_path / "churn").exists()


def test_new_keeps_what_the_project_is_made_with_once_cloudformation_would_take_it(tmp_path: Path) -> None:
    new = ("new", "model-build", "churn", "--parameter")
    assert "must match pattern" in smproject(tmp_path, *new, "ModelBuildDataBucket=No_Bucket", status=1)
    assert "has no parameter Colour" in smproject(tmp_path, *new, "Colour=red", status=1)
    assert not (tmp_path / "churn").exists()

    smproject(tmp_path, *new, "ModelBuildProblemType=regression")

    assert json.loads((tmp_path / "churn/parameters.json").read_text()) == {"ModelBuildProblemType": "regression"}
    assert run(tmp_path / "churn", "git", "status", "--porcelain") == ""
    told = smproject(tmp_path / "churn", "sandbox", "run", "--home", str(tmp_path / "home"), status=1)
    assert "lacks ModelBuildDataBucket (Bucket with the data to learn from.)" in told


def test_a_fork_that_its_host_builds_is_told_how(tmp_path: Path) -> None:
    values = {"ModelBuildDataBucket": "data", "ModelBuildDataKey": "a", "ModelBuildTargetColumn": "b"}
    values["BuildRepository"] = "team/flow"
    given = [word for name, value in values.items() for word in ("--parameter", f"{name}={value}")]
    smproject(tmp_path, "new", "model-build-workflow", "flow", *given)
    told = smproject(tmp_path / "flow", "sandbox", "run", "--home", str(tmp_path / "home"), status=1)
    assert "built by the workflow of its host" in told and "smproject sandbox repository OWNER/NAME" in told


def test_new_asks_at_a_terminal_until_the_answer_is_right(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [str(SMPROJECT), "new", "model-build", "churn", "--parameter", "ModelBuildDataBucket=data-bucket"]
    with subprocess.Popen(command, cwd=tmp_path, env=os.environ | WHO, stdin=theirs, stderr=subprocess.PIPE) as asked:
        os.write(ours, b"/customers.csv\ncustomers.csv\nchurn\n")
        told = asked.communicate(timeout=600)[1].decode()

    assert asked.returncode == 0, told
    assert "Parameter 'ModelBuildDataKey' must match pattern" in told
    kept = json.loads((tmp_path / "churn/parameters.json").read_text())
    assert kept == {
        "ModelBuildDataBucket": "data-bucket",
        "ModelBuildDataKey": "customers.csv",
        "ModelBuildTargetColumn": "churn",
    }


def test_a_fork_that_nobody_changed_becomes_the_newest_seed(fork: Path) -> None:
    told = smproject(fork, "upgrade")

    assert tree(fork) == {name: file.content for name, file in NEWEST.items()}
    assert "seed of model-build: 0.2.0 to " in told
    assert "  pipelines/gone.py\n" in told
    assert "## 0.3.0\n" in told
    assert "## 0.2.0" not in told
    assert smproject(fork, "upgrade") == "nothing to do: the newest seed is there\n"


def test_what_the_user_changed_added_and_renamed_stays_and_gets_what_is_new(fork: Path) -> None:
    run(fork, "git", "mv", "pipelines/build/tabular", "pipelines/build/churn")
    run(fork, "git", "commit", "--quiet", "--message", "Rename")
    renamed = fork / "pipelines/build/churn/pipeline.py"
    renamed.write_text(renamed.read_text().replace('"max_depth": 5', '"max_depth": 4'))
    (fork / "own.py").write_text("OWN = True\n")
    run(fork, "git", "add", "--all")
    run(fork, "git", "commit", "--quiet", "--message", "Work")

    smproject(fork, "upgrade")

    text = renamed.read_text()
    assert '"max_depth": 4' in text
    assert "\nHERE = " in text
    assert (fork / "own.py").read_text() == "OWN = True\n"
    assert (fork / "pipelines/champion.py").is_file()
    assert not (fork / "pipelines/gone.py").exists()
    assert not (fork / PIPELINE).exists()


def test_lines_that_both_changed_are_git_s_conflict_and_end_with_its_commit(fork: Path) -> None:
    commit(fork, **{'"""First process,': '"""My process,'})

    told = smproject(fork, "upgrade", status=1)

    assert f"conflict: {PIPELINE}" in told
    assert "<<<<<<< HEAD" in (fork / PIPELINE).read_text()
    (fork / PIPELINE).write_bytes(NEWEST[PIPELINE].content)
    commit(fork)
    assert smproject(fork, "upgrade") == "nothing to do: the newest seed is there\n"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """A repository of the seed that version 0.1.0 handed out, with nothing else in it."""
    folder = tmp_path / "first"
    folder.mkdir()
    with zipfile.ZipFile(ROOT / "tests/seeds/model-build-0.1.0.zip") as seed:
        seed.extractall(folder)
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    commit(folder)
    return folder


def test_a_fork_of_the_first_version_becomes_the_newest_seed(first: Path) -> None:
    assert "seed of model-build: 0.1.0 to " in smproject(first, "upgrade")

    assert tree(first) == {name: file.content for name, file in NEWEST.items()}


def test_a_fork_of_the_first_version_keeps_its_user_s_work_but_for_git_s_conflicts(first: Path) -> None:
    (first / "NOTES.md").write_text("Mine.\n")
    (first / "README.md").write_text("Ours.\n\n" + (first / "README.md").read_text())
    run(first, "git", "mv", "pipelines/build/tabular/report.py", "pipelines/build/tabular/page.py")
    commit(first, **{'"max_depth": 5': '"max_depth": 4'})

    told = smproject(first, "upgrade", status=1)

    assert [line for line in told.splitlines() if line.startswith("conflict: ")] == [f"conflict: {PIPELINE}"]
    assert '"max_depth": 4' in (first / PIPELINE).read_text()
    (first / PIPELINE).write_bytes(NEWEST[PIPELINE].content)
    commit(first)
    page, report = "pipelines/build/tabular/page.py", "pipelines/build/tabular/report.py"
    theirs = {page if name == report else name: file.content for name, file in NEWEST.items() if name != "README.md"}
    now = tree(first)
    assert {name: now[name] for name in theirs} == theirs
    assert now.keys() - theirs.keys() == {"NOTES.md", "README.md"}
    assert (first / "README.md").read_text().startswith("Ours.\n")
    assert smproject(first, "upgrade") == "nothing to do: the newest seed is there\n"


@pytest.mark.parametrize("mine", ['"""My process,', '"""First process,'], ids=["in conflict", "finished"])
def test_an_upgrade_can_be_taken_back_and_made_again(fork: Path, mine: str) -> None:
    commit(fork, **{'"""First process,': mine, '"max_depth": 5': '"max_depth": 4'})
    before, conflict = tree(fork), "My" in mine
    smproject(fork, "upgrade", status=int(conflict))

    smproject(fork, "upgrade", "--undo")

    assert tree(fork) == before
    assert run(fork, "git", "status", "--porcelain") == ""
    assert "no merge of the branch seed" in smproject(fork, "upgrade", "--undo", status=1)
    assert "0.2.0 to" in smproject(fork, "upgrade", status=int(conflict))


def test_a_branch_to_review_changes_nothing_that_is_checked_out(fork: Path) -> None:
    before = tree(fork)

    assert "To merge it: git merge seed" in smproject(fork, "upgrade", "--no-merge")

    assert tree(fork) == before
    smproject(fork, "upgrade")
    assert tree(fork) == {name: file.content for name, file in NEWEST.items()}
    assert run(fork, "git", "rev-list", "--count", "seed") == "2\n"


def test_a_clone_goes_on_from_the_branch_that_was_pushed(fork: Path, tmp_path: Path) -> None:
    smproject(fork, "upgrade", "--no-merge")
    run(tmp_path, "git", "clone", "--quiet", str(fork), "clone")
    run(fork, "git", "branch", "--delete", "--force", "seed")

    smproject(tmp_path / "clone", "upgrade")

    assert tree(tmp_path / "clone") == {name: file.content for name, file in NEWEST.items()}
    assert run(tmp_path / "clone", "git", "rev-parse", "seed", "origin/seed").split()[0] == (
        run(tmp_path / "clone", "git", "rev-parse", "origin/seed").strip()
    )


def test_work_that_is_not_committed_is_not_touched(fork: Path) -> None:
    (fork / PIPELINE).write_text("half done")

    assert "changes that aren't committed" in smproject(fork, "upgrade", status=1)

    assert (fork / PIPELINE).read_text() == "half done"


def test_a_file_in_the_way_is_named_and_kept(fork: Path) -> None:
    (fork / "pipelines/champion.py").write_text("mine")

    assert "pipelines/champion.py" in smproject(fork, "upgrade", status=1)

    assert (fork / "pipelines/champion.py").read_text() == "mine"
    (fork / "pipelines/champion.py").unlink()
    smproject(fork, "upgrade")


def test_a_first_commit_with_changes_asks_for_the_commit_to_start_from(fork: Path) -> None:
    (fork / "own.py").write_text("OWN = True\n")
    run(fork, "git", "add", "--all")
    run(fork, "git", "commit", "--quiet", "--amend", "--message", "All at once")

    assert "git branch seed COMMIT" in smproject(fork, "upgrade", status=1)

    run(fork, "git", "branch", "seed", "HEAD")
    smproject(fork, "upgrade")
    assert (fork / "pipelines/champion.py").is_file()


def test_what_is_no_fork_is_refused(tmp_path: Path) -> None:
    assert "is no git repository" in smproject(tmp_path, "upgrade", status=1)
    run(tmp_path, "git", "init", "--quiet")
    run(tmp_path, "git", "commit", "--quiet", "--allow-empty", "--message", "First")
    assert f"has no {LABEL} in its last commit" in smproject(tmp_path, "upgrade", status=1)


def test_programs_read_what_an_upgrade_did(fork: Path) -> None:
    told = json.loads(smproject(fork, "upgrade", "--output", "json"))

    assert told["template"] == "model-build"
    assert PIPELINE in told["files"]
    assert told["conflicts"] == []


def test_a_seed_on_disk_is_what_a_fork_begins_with(tmp_path: Path) -> None:
    materialise(*catalog.find_seed("model-build-tabular"), tmp_path / "seed")
    smproject(tmp_path, "new", "model-build", "fork")

    written = {
        path.relative_to(tmp_path / "seed").as_posix() for path in (tmp_path / "seed").rglob("*") if path.is_file()
    }
    assert written == set(tree(tmp_path / "fork")) - {"local.mk"}
