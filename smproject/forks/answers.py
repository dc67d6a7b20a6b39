"""What a project of a fork is made with: values of its template's parameters, kept in the fork's parameters.json."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from smproject.catalog import Template
from smproject.errors import ForkError
from smproject.looking.reading import read
from smproject.looking.view import FILLED_IN
from smproject.sandbox.cloudformation import parameters
from smproject.sandbox.service import ServiceError

FILE = "parameters.json"

# Asks for one parameter, by its name and its description.
Ask = Callable[[str, str], str]


def answers(template: Template, given: Mapping[str, str], ask: Ask | None) -> dict[str, str]:
    """Check the values given, and ask for each parameter that must have one, until it is right.

    Raises ForkError for a value that CloudFormation would refuse; asks nothing where there is nobody to ask.
    """
    declared = declared_by(template)
    if unknown := sorted(set(given) - set(declared)):
        raise ForkError(f"{template.id} has no parameter {', '.join(unknown)}. See: smproject show {template.id}")
    for name, value in given.items():
        if problem := problem_of(name, declared[name], value):
            raise ForkError(f"{problem}. Found: {value!r}")
    found = dict(given)
    if ask:
        found |= {name: _asked(name, declared[name], ask) for name in needed(declared, given)}
    return found


def declared_by(template: Template) -> dict[str, Any]:
    """Parameters that a person may give, with their constraints."""
    declared: dict[str, Any] = read(template.path).get("Parameters", {})
    return {name: each for name, each in declared.items() if name not in FILLED_IN}


def needed(declared: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Parameters that have neither a value nor a default."""
    return [name for name, each in declared.items() if "Default" not in each and name not in given]


def problem_of(name: str, constraints: dict[str, Any], value: str) -> str | None:
    """What CloudFormation would say against a value."""
    try:
        parameters.check(name, constraints, value)
    except ServiceError as error:
        return error.message
    return None


def read_answers(folder: Path, template: Template) -> dict[str, str]:
    """Read and check a fork's values; raises ForkError for what is unreadable, wrong or missing."""
    path = folder / FILE
    try:
        given = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ForkError(
            f"{path} is not JSON: {error}. Write an object: a value, as text, for each parameter."
        ) from error
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ForkError(f"{path} must hold an object: a value, as text, for each parameter.")
    found, declared = answers(template, given, None), declared_by(template)
    if missing := needed(declared, found):
        told = "; ".join(f"{name} ({declared[name].get('Description', '')})" for name in missing)
        raise ForkError(f"{path} lacks {told} Add the values, and commit.")
    return found


def write_answers(folder: Path, given: Mapping[str, str]) -> None:
    """Write a fork's values."""
    (folder / FILE).write_text(json.dumps(dict(given), indent=2) + "\n", encoding="utf-8")


def _asked(name: str, constraints: dict[str, Any], ask: Ask) -> str:
    text = constraints.get("Description", "")
    while problem := problem_of(name, constraints, value := ask(name, text)):
        text = f"{problem}. {constraints.get('Description', '')}"
    return value
