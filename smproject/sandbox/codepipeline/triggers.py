"""Which pushes to a git host start a pipeline: by default those to its branch, else those that its triggers name.

https://docs.aws.amazon.com/codepipeline/latest/userguide/pipelines-filter.html
"""

from __future__ import annotations

from collections.abc import Iterator

from smproject.sandbox import globs
from smproject.sandbox.service import Request, ServiceError

PROVIDER = "CodeStarSourceConnection"


def check(declaration: Request) -> None:
    """Raise ServiceError for triggers that AWS refuses, or that the sandbox does not implement."""
    triggers = declaration.get("triggers") or []
    if triggers and declaration["pipelineType"] != "V2":
        raise _structure("Triggers need a pipeline of pipelineType V2")
    names = {action["name"] for action in _actions(declaration)}
    for trigger in triggers:
        git = trigger["gitConfiguration"]
        if git["sourceActionName"] not in names:
            raise _structure(f"Trigger names source action {git['sourceActionName']}, which is no {PROVIDER} action")
        if git.get("pullRequest"):
            raise _structure("The sandbox does not implement triggers of pull requests.")
        for push in git.get("push") or []:
            if unknown := sorted(set(push) - {"branches"}):
                raise _structure(f"The sandbox does not implement {unknown[0]} of push triggers.")


def sources(declaration: Request, full_name: str, branch: str) -> Iterator[Request]:
    """Yield the source actions that a push to a branch of a repository starts the pipeline with."""
    for action in _actions(declaration):
        configuration = action["configuration"]
        if configuration["FullRepositoryId"] == full_name and _wants(declaration, action, branch):
            yield action


def _actions(declaration: Request) -> Iterator[Request]:
    for action in declaration["stages"][0]["actions"]:
        if action["actionTypeId"]["provider"] == PROVIDER:
            yield action


def _wants(declaration: Request, action: Request, branch: str) -> bool:
    """Whether an action waits for a push to a branch; triggers, where there are any, decide alone."""
    own = [each["gitConfiguration"] for each in declaration.get("triggers") or []]
    filters = [each for each in own if each["sourceActionName"] == action["name"]]
    if filters:
        return any(_passes(push.get("branches") or {}, branch) for each in filters for push in each.get("push") or [{}])
    configuration = action["configuration"]
    return bool(configuration["BranchName"] == branch) and configuration.get("DetectChanges", "true") != "false"


def _passes(branches: Request, branch: str) -> bool:
    included = [globs.matches(branch, pattern) for pattern in branches.get("includes") or ["**"]]
    return any(included) and not any(globs.matches(branch, pattern) for pattern in branches.get("excludes") or [])


def _structure(message: str) -> ServiceError:
    return ServiceError("InvalidStructureException", message)
