"""Pull requests of the sandbox's git host, as git, HTTP and `smproject sandbox` see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from durable import Durable
from git_team import Found, Repository
from harness import Sandbox


@pytest.fixture
def repository(sandbox: Sandbox, tmp_path: Path) -> Repository:
    """A repository with a commit on main, and one more on the branch `change`."""
    made = Repository(sandbox, tmp_path / "clone")
    made.push({"a.txt": "one\n"})
    made.push({"b.txt": "two\n"}, "change")
    return made


def refused(answer: tuple[int, Found]) -> tuple[int, str]:
    """Return the status and all that is said about it."""
    status, told = answer
    return status, "; ".join([told["message"], *(each["message"] for each in told.get("errors", []))])


def conflicting(repository: Repository) -> Found:
    """Open a pull request whose file main has changed meanwhile."""
    first = repository.git("rev-parse", "origin/main").strip()
    repository.git("reset", "--quiet", "--hard", first)
    repository.push({"a.txt": "mine\n"})
    repository.git("reset", "--quiet", "--hard", first)
    repository.push({"a.txt": "theirs\n"}, "other")
    return repository.propose("other")


def test_a_pull_request_names_its_branches_and_merges_them_on_trial(repository: Repository) -> None:
    main, change = (repository.git("rev-parse", f"origin/{name}").strip() for name in ("main", "change"))

    made = repository.propose(body="why")

    assert (made["number"], made["state"], made["title"], made["body"]) == (1, "open", "Change it", "why")
    assert (made["head"]["ref"], made["head"]["sha"]) == ("change", change)
    assert (made["base"]["ref"], made["base"]["sha"]) == ("main", main)
    assert (made["merged"], made["mergeable"]) == (False, True)
    references = dict(reversed(line.split("\t")) for line in repository.git("ls-remote", "origin").splitlines())
    assert references["refs/pull/1/head"] == references["refs/merge-requests/1/head"] == change
    assert references["refs/pull/1/merge"] == made["merge_commit_sha"]
    repository.git("fetch", "--quiet", "origin", "refs/pull/1/merge")
    assert repository.git("log", "-1", "--format=%P", "FETCH_HEAD").split() == [main, change]
    assert repository.pull() == made


def test_nobody_pushes_to_the_references_of_a_pull_request(repository: Repository) -> None:
    repository.propose()
    with pytest.raises(AssertionError, match="hidden ref"):
        repository.git("push", "--quiet", "origin", "HEAD:refs/pull/1/head")


def test_a_push_to_its_branches_becomes_part_of_it(repository: Repository) -> None:
    made = repository.propose()
    again = repository.push({"c.txt": "three\n"}, "change")
    found = repository.pull()
    assert found["head"]["sha"] == again
    assert found["merge_commit_sha"] != made["merge_commit_sha"]
    assert [each["sha"] for each in repository.ask("GET", "/pulls/1/commits")[1]][-1] == again


def test_merging_moves_the_base_branch_and_ends_it(repository: Repository) -> None:
    made = repository.propose()

    status, told = repository.ask("PUT", "/pulls/1/merge", {"sha": made["head"]["sha"]})

    assert (status, told["merged"]) == (200, True)
    repository.git("fetch", "--quiet", "origin")
    assert repository.git("rev-parse", "origin/main").strip() == told["sha"]
    found = repository.pull()
    assert (found["state"], found["merged"], found["merge_commit_sha"]) == ("closed", True, told["sha"])
    again = refused(repository.ask("PUT", "/pulls/1/merge", {}))
    assert again == (405, "Pull Request is not mergeable: it is merged already")
    assert refused(repository.ask("PATCH", "/pulls/1", {"state": "open"}))[0] == 422


def test_squashing_leaves_one_commit(repository: Repository) -> None:
    repository.propose()
    commit = repository.ask("PUT", "/pulls/1/merge", {"merge_method": "squash", "commit_title": "All"})[1]["sha"]
    repository.git("fetch", "--quiet", "origin")
    assert len(repository.git("log", "-1", "--format=%P", commit).split()) == 1
    assert repository.git("log", "-1", "--format=%s", commit) == "All\n"


def test_what_was_merged_by_a_push_is_merged(repository: Repository) -> None:
    repository.propose()
    repository.git("push", "--quiet", "origin", "HEAD:main")
    assert (repository.pull()["state"], repository.pull()["merged"]) == ("closed", True)


def test_a_conflict_is_told_and_nothing_is_merged(repository: Repository) -> None:
    made = conflicting(repository)
    assert made["mergeable"] is False
    assert "refs/pull/1/merge" not in repository.git("ls-remote", "origin")

    status, told = refused(repository.ask("PUT", "/pulls/1/merge", {}))

    assert status == 405
    assert "Merge conflict in a.txt" in told
    assert repository.pull()["state"] == "open"


def test_a_head_that_has_moved_is_not_merged(repository: Repository) -> None:
    made = repository.propose()
    repository.push({"c.txt": "three\n"}, "change")
    status, told = refused(repository.ask("PUT", "/pulls/1/merge", {"sha": made["head"]["sha"]}))
    assert (status, "Head branch was modified" in told) == (409, True)


def test_it_is_closed_opened_again_and_listed(repository: Repository) -> None:
    repository.propose()
    assert repository.ask("PATCH", "/pulls/1", {"state": "closed", "title": "Later"})[1]["state"] == "closed"
    assert repository.ask("GET", "/pulls")[1] == []
    [listed] = repository.ask("GET", "/pulls?state=closed")[1]
    assert (listed["number"], listed["title"]) == (1, "Later")
    status, told = refused(repository.ask("PUT", "/pulls/1/merge", {}))
    assert (status, told) == (405, "Pull Request is not mergeable: it is closed")
    assert repository.ask("PATCH", "/pulls/1", {"state": "open"})[1]["state"] == "open"
    assert len(repository.ask("GET", "/pulls?state=open&base=main&head=team:change")[1]) == 1


def test_a_deleted_branch_closes_it(repository: Repository) -> None:
    repository.propose()
    repository.git("push", "--quiet", "origin", "--delete", "change")
    assert (repository.pull()["state"], repository.pull()["merged"]) == ("closed", False)
    status, told = refused(repository.ask("PATCH", "/pulls/1", {"state": "open"}))
    assert (status, "no branch change" in told) == (422, True)


def test_comments_are_kept_in_their_order(repository: Repository) -> None:
    repository.propose()
    for text in ("first", "second"):
        status, made = repository.ask("POST", "/issues/1/comments", {"body": text})
        assert (status, made["body"], made["user"]["login"]) == (201, text, "developer")
    assert [each["body"] for each in repository.ask("GET", "/issues/1/comments")[1]] == ["first", "second"]
    assert refused(repository.ask("POST", "/issues/1/comments", {}))[0] == 422


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"head": "absent", "base": "main"}, "head is invalid"),
        ({"head": "change", "base": "absent"}, "base is invalid"),
        ({"head": "main", "base": "change"}, "No commits between change and main"),
        ({"head": "team:change", "base": "main"}, "A pull request already exists for team:change"),
        ({"base": "main"}, "head is missing"),
    ],
)
def test_what_can_not_be_proposed_is_refused(asked: Found, told: str, repository: Repository) -> None:
    repository.propose()
    status, said = refused(repository.ask("POST", "/pulls", {"title": "x", **asked}))
    assert status == 422
    assert told in said
    assert len(repository.ask("GET", "/pulls?state=all")[1]) == 1


def test_what_is_not_there_is_not_found(repository: Repository) -> None:
    assert repository.ask("GET", "/pulls/7")[0] == 404
    assert repository.ask("POST", "/issues/7/comments", {"body": "x"})[0] == 404


def test_the_command_opens_lists_and_merges(repository: Repository) -> None:
    said = repository.smproject("pull-request", repository.name, "--from", "change", "--title", "Add two")
    assert said == "1\n"
    assert repository.smproject("pull-request", repository.name) == "1  change -> main  Add two\n"
    assert "No commits between" in repository.smproject("pull-request", repository.name, "--from", "main", status=1)
    commit = repository.smproject("pull-request", repository.name, "--merge", "1").strip()
    assert repository.pull()["merge_commit_sha"] == commit


def test_pull_requests_outlast_a_stop(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    repository = Repository(durable.up(), tmp_path / "clone")
    repository.push({".github/workflows/a.yml": "on: pull_request\njobs: {a: {runs-on: x, steps: [{run: echo}]}}"})
    repository.push({"b.txt": "two\n"}, "change")
    repository.propose()
    repository.ended("pull_request")
    repository.ask("POST", "/issues/1/comments", {"body": "kept"})
    before, [delivery, *_] = repository.pull(), repository.ask("GET", "/deliveries")[1]["deliveries"]
    durable.down()
    durable.up()

    assert repository.pull() == before
    assert repository.ask("GET", "/issues/1/comments")[1][0]["body"] == "kept"
    told = repository.ask("POST", f"/deliveries/{delivery['id']}/attempts", {})[1]["message"]
    assert told.endswith("was handled already: it started run 1 of .github/workflows/a.yml")
    assert len(repository.runs()) == 1
    assert repository.ask("PUT", "/pulls/1/merge", {})[0] == 200
    durable.kill()
