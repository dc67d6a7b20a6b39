"""Which events at a git host start a pipeline: by default pushes to its branch, else what its triggers name.

https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from smproject.sandbox import globs
from smproject.sandbox.git_work import Work
from smproject.sandbox.service import Request, ServiceError

PROVIDER = "CodeStarSourceConnection"
_EVENTS = {"opened": "OPEN", "reopened": "OPEN", "synchronize": "UPDATED", "closed": "CLOSED"}


def check(declaration: Request) -> None:
    """Raise ServiceError for triggers that AWS refuses."""
    triggers = declaration.get("triggers") or []
    if triggers and declaration["pipelineType"] != "V2":
        raise _structure("Triggers need a pipeline of pipelineType V2")
    names, named = {action["name"] for action in _actions(declaration)}, set()
    for trigger in triggers:
        git = trigger["gitConfiguration"]
        name = git["sourceActionName"]
        if name not in names:
            raise _structure(f"Trigger names source action {name}, which is no {PROVIDER} action")
        if name in named:
            raise _structure(f"Source action {name} has more than one trigger configuration")
        named.add(name)
        for each in [*(git.get("push") or []), *(git.get("pullRequest") or [])]:
            _check_filter(each, name)


def _check_filter(given: Request, name: str) -> None:
    """Refuse what a filter may not combine: it has tags, or branches, or branches and file paths."""
    kinds = {kind for kind in ("tags", "branches", "filePaths") if given.get(kind) is not None}
    if "tags" in kinds and len(kinds) > 1:
        raise _structure(
            f"A filter of the trigger of {name} has tags together with {', '.join(sorted(kinds - {'tags'}))}"
        )
    if kinds == {"filePaths"}:
        raise _structure(f"A filter of the trigger of {name} has filePaths without branches")
    for kind in kinds:
        if not given[kind].get("includes") and not given[kind].get("excludes"):
            raise _structure(f"{kind} of a filter of the trigger of {name} has neither includes nor excludes")


def sources(declaration: Request, work: Work, files: Sequence[str]) -> Iterator[Request]:
    """Yield the source actions that an event, which changes some files, starts the pipeline with."""
    for action in _actions(declaration):
        if action["configuration"]["FullRepositoryId"] == work.full_name and _wants(declaration, action, work, files):
            yield action


def told(work: Work) -> dict[str, str]:
    """Return the variables that a source action tells of an event."""
    facts = {} if work.tag else {"BranchName": work.branch}
    if work.proposal is None:
        return facts
    return {**facts, "PullRequestId": str(work.proposal.number), "PullRequestTitle": work.proposal.title}


def _actions(declaration: Request) -> Iterator[Request]:
    for action in declaration["stages"][0]["actions"]:
        if action["actionTypeId"]["provider"] == PROVIDER:
            yield action


def _wants(declaration: Request, action: Request, work: Work, files: Sequence[str]) -> bool:
    """Whether an action waits for an event; a trigger, where there is one, decides alone."""
    own = [each["gitConfiguration"] for each in declaration.get("triggers") or []]
    git = next((each for each in own if each["sourceActionName"] == action["name"]), None)
    configuration = action["configuration"]
    if git and (git.get("push") or git.get("pullRequest")):
        kind = "pullRequest" if work.proposal else "push"
        return any(_passes(each, work, files) for each in git.get(kind) or [])
    detects = configuration.get("DetectChanges", "true") != "false" or git is not None
    return detects and work.event == "push" and not work.tag and bool(configuration["BranchName"] == work.branch)


def _passes(given: Request, work: Work, files: Sequence[str]) -> bool:
    """Whether an event passes one filter; branches of a pull request are those that it is to be merged into."""
    if work.proposal and _EVENTS[work.proposal.action] not in (given.get("events") or _EVENTS.values()):
        return False
    if work.tag:
        return bool(given.get("tags")) and _any(given["tags"], [work.tag])
    branch = work.proposal.base if work.proposal else work.branch
    return not given.get("tags") and _any(given.get("branches"), [branch]) and _any(given.get("filePaths"), files)


def _any(patterns: Request | None, names: Iterable[str]) -> bool:
    """Whether a name is included and not excluded; without patterns, all are."""
    if not patterns:
        return True
    wanted, unwanted = patterns.get("includes") or ["**"], patterns.get("excludes") or []
    return any(_matches(name, wanted) and not _matches(name, unwanted) for name in names)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(globs.matches(name, pattern) for pattern in patterns)


def _structure(message: str) -> ServiceError:
    return ServiceError("InvalidStructureException", message)
