"""Read CloudFormation templates the way a reviewer does: resources, policies, statements."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cfnlint.decode.cfn_yaml

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted(ROOT.glob("project_templates/*/template.yaml"))
FRAGMENTS = sorted(ROOT.glob("project_templates/fragments/*.yaml"))


def name(path: Path) -> str:
    """How a template or fragment is called in the names of tests."""
    return path.stem if path.parent.name == "fragments" else path.parent.name


def load(path: Path) -> dict[str, Any]:
    """Read a template; functions become dictionaries such as {"Ref": ...}."""
    loaded: dict[str, Any] = json.loads(json.dumps(cfnlint.decode.cfn_yaml.load(str(path))))
    return loaded


def resources(template: dict[str, Any], type_: str) -> dict[str, dict[str, Any]]:
    """Properties of the resources of a type, by logical id."""
    return {key: item["Properties"] for key, item in template["Resources"].items() if item["Type"] == type_}


def walk(value: Any) -> Iterator[dict[str, Any]]:
    """Every dictionary in a value, outer ones first."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(child)


def statements(value: Any) -> list[dict[str, Any]]:
    """Every policy statement in a value."""
    return [item for item in walk(value) if "Effect" in item and "Action" in item]


def listed(value: Any) -> list[Any]:
    """A value that may stand alone or in a list, as a list."""
    return value if isinstance(value, list) else [value]


def condition_keys(statement: dict[str, Any]) -> set[str]:
    """Keys that a statement's condition reads."""
    return {key for operator in statement.get("Condition", {}).values() for key in operator}


def render(value: Any, values: dict[str, str]) -> str:
    """A string as CloudFormation would make it of Ref, Sub and parameters; resources stand for themselves."""
    if isinstance(value, dict):
        function, argument = next(iter(value.items()))
        value = (
            f"${{{argument if isinstance(argument, str) else '.'.join(argument)}}}"
            if function != "Fn::Sub"
            else argument
        )
    for key, replacement in values.items():
        value = value.replace(f"${{{key}}}", replacement)
    return str(value)
