"""Variables in the configuration of actions: `#{variables.name}`, `#{namespace.name}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from smproject.sandbox.codepipeline.model import Execution
from smproject.sandbox.service import Request, ServiceError

_REFERENCE = re.compile(r"#\{([^{}.]+)\.([^{}]+)\}")


class UnresolvedError(Exception):
    """A configuration refers to a variable that does not exist."""


def start_values(declaration: Request, given: list[Request]) -> dict[str, str]:
    """Return the pipeline's variables for an execution; raises ServiceError for an unknown or a missing one."""
    declared = {variable["name"]: variable.get("defaultValue") for variable in declaration.get("variables") or []}
    values = {variable["name"]: variable["value"] for variable in given}
    for name in sorted(values.keys() - declared.keys()):
        raise ServiceError("ValidationException", f"The pipeline {declaration['name']} declares no variable {name}.")
    merged = {**declared, **values}
    for name, value in merged.items():
        if value is None:
            raise ServiceError("ValidationException", f"The variable {name} has no default value: give it a value.")
    return {name: str(value) for name, value in merged.items()}


def resolve(configuration: Mapping[str, str], execution: Execution) -> dict[str, str]:
    """Return a configuration with its references filled in; raises UnresolvedError."""
    spaces: dict[str, Mapping[str, str]] = {
        "variables": execution.variables,
        "codepipeline": {"PipelineExecutionId": execution.id},
    }
    for run in execution.history():
        if run.status == "Succeeded" and run.declaration.get("namespace"):
            spaces[run.declaration["namespace"]] = run.variables

    def value(match: re.Match[str]) -> str:
        space, name = match.groups()
        if name not in spaces.get(space, {}):
            raise UnresolvedError(f"The variable {match.group()} does not exist here.")
        return spaces[space][name]

    return {key: _REFERENCE.sub(value, text) for key, text in configuration.items()}
