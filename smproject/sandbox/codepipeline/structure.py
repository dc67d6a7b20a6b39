"""What a pipeline's structure must fulfil, refused in AWS's words where they are known.

Source: docs.aws.amazon.com/codepipeline/latest/userguide/reference-pipeline-structure.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smproject.sandbox.codepipeline import conditions, triggers
from smproject.sandbox.service import Request, ServiceError


@dataclass(frozen=True)
class ActionType:
    """A kind of action that the sandbox runs: its configuration and how many artifacts it takes and makes."""

    required: frozenset[str]
    optional: frozenset[str]
    inputs: tuple[int, int]
    outputs: tuple[int, int]


_CODEBUILD = ActionType(
    frozenset({"ProjectName"}),
    frozenset({"PrimarySource", "EnvironmentVariables", "BatchEnabled", "CombineArtifacts"}),
    (1, 5),
    (0, 5),
)
TYPES = {
    ("Source", "AWS", "CodeCommit"): ActionType(
        frozenset({"RepositoryName", "BranchName"}),
        frozenset({"PollForSourceChanges", "OutputArtifactFormat"}),
        (0, 0),
        (1, 1),
    ),
    ("Source", "AWS", triggers.PROVIDER): ActionType(
        frozenset({"ConnectionArn", "FullRepositoryId", "BranchName"}),
        frozenset({"DetectChanges", "OutputArtifactFormat"}),
        (0, 0),
        (1, 1),
    ),
    ("Build", "AWS", "CodeBuild"): _CODEBUILD,
    ("Test", "AWS", "CodeBuild"): _CODEBUILD,
    ("Deploy", "AWS", "CloudFormation"): ActionType(
        frozenset({"ActionMode", "StackName", "RoleArn"}),
        frozenset({"TemplatePath", "TemplateConfiguration", "ParameterOverrides", "Capabilities", "OutputFileName"}),
        (0, 10),
        (0, 1),
    ),
    ("Approval", "AWS", "Manual"): ActionType(
        frozenset(), frozenset({"NotificationArn", "CustomData", "ExternalEntityLink"}), (0, 0), (0, 0)
    ),
}
_STACK_MODES = {"CREATE_UPDATE", "REPLACE_ON_FAILURE", "DELETE_ONLY"}
_UNIMPLEMENTED = {"BatchEnabled": "true", "CombineArtifacts": "true"}
_FORMATS = ("CODE_ZIP", "CODEBUILD_CLONE_REF")


def check(declaration: Request, region: str) -> None:
    """Raise ServiceError for the first thing that is wrong with a pipeline of a region."""
    stages = declaration["stages"]
    if len(stages) < 2:
        raise _structure(
            f"Pipeline has only {len(stages)} stage(s). There should be a minimum of 2 stages in a pipeline"
        )
    if bool(declaration.get("artifactStore")) == bool(declaration.get("artifactStores")):
        raise _structure("A pipeline must have either an artifactStore or artifactStores, and not both")
    if declaration.get("artifactStores"):
        raise _unimplemented("artifactStores (actions in other regions); use artifactStore")
    triggers.check(declaration)
    if declaration["pipelineType"] == "V1" and (
        declaration.get("variables") or declaration["executionMode"] != "SUPERSEDED"
    ):
        raise _structure("Variables and the execution modes QUEUED and PARALLEL need a pipeline of pipelineType V2")
    for action in (action for stage in stages for action in stage["actions"]):
        if action.get("region", region) != region:
            raise _unimplemented(f"actions in other regions ({action['name']} is in {action['region']})")
    _unique("Stage name", "pipeline", [stage["name"] for stage in stages])
    for position, stage in enumerate(stages):
        _check_stage(stage, first=position == 0)
        conditions.check(declaration, position)
    _check_artifacts(stages)


def _check_stage(stage: Request, *, first: bool) -> None:
    if not stage["actions"]:
        raise _structure(f"Stage {stage['name']} has no actions. There should be a minimum of 1 action in a stage")
    _unique("Action name", f"stage {stage['name']}", [action["name"] for action in stage["actions"]])
    are_sources = [action["actionTypeId"]["category"] == "Source" for action in stage["actions"]]
    if first and not all(are_sources):
        raise _structure("Pipeline should start with a stage that only contains source actions")
    if not first and any(are_sources):
        raise _structure(
            f"Stage {stage['name']} contains a source action. Only the first stage can contain source actions"
        )
    for action in stage["actions"]:
        _check_action(action)


def _check_action(action: Request) -> None:
    identity = action["actionTypeId"]
    kind = TYPES.get((identity["category"], identity["owner"], identity["provider"]))
    if kind is None:
        known = ", ".join(f"{category}/{provider}" for category, _, provider in TYPES)
        wanted = f"{identity['category']}/{identity['owner']}/{identity['provider']}"
        raise _action(f"The sandbox does not implement {wanted} (action {action['name']}); it implements {known}.")
    given = action.get("configuration") or {}
    for key in sorted(kind.required - given.keys()):
        raise _action(f"Action configuration for action '{action['name']}' is missing required configuration '{key}'")
    for key in sorted(given.keys() - kind.required - kind.optional):
        raise _action(f"Action configuration for action '{action['name']}' contains unknown configuration '{key}'")
    for key, value in _UNIMPLEMENTED.items():
        if given.get(key) == value:
            raise _action(f"The sandbox does not implement {key}={value} (action {action['name']}).")
    if given.get("OutputArtifactFormat", _FORMATS[0]) not in _FORMATS:
        raise _action(f"OutputArtifactFormat of action '{action['name']}' is none of {', '.join(_FORMATS)}")
    if identity["provider"] == "CloudFormation":
        _check_stack(action["name"], given)
    _check_count(action, "input", len(action.get("inputArtifacts") or []), kind.inputs)
    _check_count(action, "output", len(action.get("outputArtifacts") or []), kind.outputs)
    inputs = [artifact["name"] for artifact in action.get("inputArtifacts") or []]
    if len(inputs) > 1 and identity["provider"] == "CodeBuild" and given.get("PrimarySource") not in inputs:
        raise _action(f"Action {action['name']} has several input artifacts: PrimarySource must name one of {inputs}")


def _check_stack(name: str, given: Request) -> None:
    mode = given["ActionMode"]
    if mode.startswith("CHANGE_SET_"):
        raise _action(f"The sandbox does not implement ActionMode {mode} (action {name}): it has no change sets.")
    if mode not in _STACK_MODES:
        raise _action(f"ActionMode {mode} of action '{name}' is none of {', '.join(sorted(_STACK_MODES))}")
    if mode != "DELETE_ONLY" and not given.get("TemplatePath"):
        raise _action(f"Action configuration for action '{name}' is missing required configuration 'TemplatePath'")


def _check_count(action: Request, what: str, count: int, allowed: tuple[int, int]) -> None:
    start = f"Action {action['name']} declares {count} {what} artifacts which is"
    if count < allowed[0]:
        raise _action(f"{start} less than the minimum count ({allowed[0]})")
    if count > allowed[1]:
        raise _action(f"{start} more than the maximum count ({allowed[1]})")


def _check_artifacts(stages: Iterable[Request]) -> None:
    """Every input must be the output of an action before: of an earlier stage, or of a smaller runOrder."""
    made: list[str] = []
    for stage in stages:
        for group in by_run_order(stage):
            for action in group:
                for artifact in action.get("inputArtifacts") or []:
                    if artifact["name"] not in made:
                        raise _structure(
                            f"Input Artifact Bundle {artifact['name']} in action {action['name']} is not declared as "
                            "Output Artifact Bundle in any of the preceding actions"
                        )
            made += [artifact["name"] for action in group for artifact in action.get("outputArtifacts") or []]
    _unique("Output Artifact Bundle name", "pipeline", made)
    namespaces = [action.get("namespace") for stage in stages for action in stage["actions"]]
    _unique("Namespace", "pipeline", [name for name in namespaces if name])


def by_run_order(stage: Request) -> list[list[Request]]:
    """Return a stage's actions in groups that run together, in their order."""
    orders = sorted({action.get("runOrder", 1) for action in stage["actions"]})
    return [[action for action in stage["actions"] if action.get("runOrder", 1) == order] for order in orders]


def _unique(what: str, where: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise _structure(f"{what} must be unique within the {where}. {name} has been used more than once.")


def _structure(message: str) -> ServiceError:
    return ServiceError("InvalidStructureException", message)


def _action(message: str) -> ServiceError:
    return ServiceError("InvalidActionDeclarationException", message)


def _unimplemented(what: str) -> ServiceError:
    return ServiceError("InvalidStructureException", f"The sandbox does not implement {what}.")
