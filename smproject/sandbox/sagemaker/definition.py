"""A pipeline definition: its steps flattened, with what each waits for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from smproject.sandbox.sagemaker import cache
from smproject.sandbox.service import ServiceError

EXECUTED = ("Processing", "Training", "Tuning", "Transform", "Model", "Condition", "RegisterModel", "Fail")
PARAMETER_TYPES: dict[str, Callable[[Any], Any]] = {
    "String": str,
    "Integer": int,
    "Float": float,
    "Boolean": lambda value: {"true": True, "false": False}[str(value).lower()],
}


@dataclass(frozen=True)
class Step:
    """A step; `inside` is the condition step and the branch that lead to it."""

    name: str
    type: str
    content: dict[str, Any]
    needs: frozenset[str]
    inside: tuple[str, bool] | None = None


@dataclass(frozen=True)
class Definition:
    """A parsed definition."""

    text: str
    parameters: dict[str, dict[str, Any]]
    steps: dict[str, Step] = field(default_factory=dict)


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", f"Unable to parse pipeline definition. {message}")


def parse(text: str) -> Definition:
    """Read a definition; raises ServiceError (ValidationException) for one that can't be executed."""
    try:
        content = json.loads(text)
        steps = {step.name: step for step in _checked(list(_flatten(content["Steps"], None)))}
        parameters = {item["Name"]: _typed(item) for item in content.get("Parameters", [])}
    except json.JSONDecodeError as error:
        raise _invalid(f"Malformed JSON: {error}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise _invalid(f"A required member is missing or ill-typed: {error}") from error
    _check_references(steps, parameters)
    return Definition(text, parameters, steps)


def _typed(parameter: dict[str, Any]) -> dict[str, Any]:
    if parameter["Type"] not in PARAMETER_TYPES:
        raise _invalid(f"Parameter {parameter['Name']} has the type {parameter['Type']}, which does not exist.")
    return parameter


def _flatten(steps: list[dict[str, Any]], inside: tuple[str, bool] | None) -> Iterator[Step]:
    for content in steps:
        kind, arguments = content["Type"], content.get("Arguments", {})
        if kind not in EXECUTED:
            known = ", ".join(EXECUTED)
            raise _invalid(f"The sandbox does not execute {kind} steps (step {content['Name']}), only {known}.")
        if kind == "Condition" and inside:
            # "Limitations": https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html
            raise _invalid(f"Condition step {content['Name']} lies in {inside[0]}: condition steps can't be nested.")
        own = (
            {k: v for k, v in arguments.items() if k not in ("IfSteps", "ElseSteps")}
            if kind == "Condition"
            else arguments
        )
        needs = {name for name, _ in references(own)} | set(content.get("DependsOn", []))
        if inside:
            needs.add(inside[0])
        yield Step(content["Name"], kind, content, frozenset(needs), inside)
        if kind == "Condition":
            yield from _flatten(arguments["IfSteps"], (content["Name"], True))
            yield from _flatten(arguments["ElseSteps"], (content["Name"], False))


def _checked(steps: list[Step]) -> list[Step]:
    names = [step.name for step in steps]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise _invalid(f"Step names must be unique: {twice[0]} is used twice.")
    return steps


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (step, rest of the path) for each reference to a step's property."""
    if isinstance(value, dict):
        path = value.get("Get")
        if isinstance(path, str) and path.startswith("Steps."):
            name, _, rest = path.removeprefix("Steps.").partition(".")
            yield name, rest
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _parameter_names(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        path = value.get("Get")
        if isinstance(path, str) and path.startswith("Parameters."):
            yield path.removeprefix("Parameters.")
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _parameter_names(item)


def _check_references(steps: dict[str, Step], parameters: dict[str, Any]) -> None:
    for step in steps.values():
        cache.expires_after(step.content)
        if unknown := sorted(step.needs - set(steps)):
            raise _invalid(f"Step {step.name} refers to a step that does not exist: {unknown[0]}.")
        if missing := sorted(set(_parameter_names(step.content)) - set(parameters)):
            raise _invalid(f"Step {step.name} refers to a parameter that does not exist: {missing[0]}.")
    try:
        TopologicalSorter({step.name: step.needs for step in steps.values()}).prepare()
    except CycleError as error:
        raise _invalid(f"The steps depend on each other in a circle: {' -> '.join(error.args[1])}.") from error
