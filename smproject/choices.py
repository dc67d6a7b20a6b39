"""What a template's parameters choose for its builds: variables with few values, which may decide what is compiled."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SETTING = re.compile(r"^(\w+)=\$\{(\w+)\}$", re.MULTILINE)


@dataclass(frozen=True)
class Choice:
    """A parameter that a build gets as a variable: its name, its default, and its values, the default first."""

    parameter: str
    default: str
    values: tuple[str, ...]


def choices(template: Mapping[str, Any]) -> dict[str, Choice]:
    """Read the choices of a template, by the names of the builds' variables."""
    parameters = {key: each for key, each in template.get("Parameters", {}).items() if "AllowedValues" in each}
    return {name: _choice(key, parameters[key]) for name, key in _variables(template) if key in parameters}


def one_by_one(found: Mapping[str, Choice]) -> Iterator[dict[str, str]]:
    """Yield the values of all variables: the defaults, then each other value beside the defaults of the rest."""
    defaults = {name: each.default for name, each in found.items()}
    yield defaults
    for name, each in found.items():
        for value in each.values[1:]:
            yield {**defaults, name: value}


def _variables(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield variables that are a parameter's value, of builds here, or a line each in settings for builds elsewhere."""
    for each in template.get("Resources", {}).values():
        if each["Type"] == "AWS::CodeBuild::Project":
            for item in each["Properties"]["Environment"].get("EnvironmentVariables", []):
                if isinstance(item["Value"], dict) and "Ref" in item["Value"]:
                    yield item["Name"], item["Value"]["Ref"]
        elif each["Type"] == "AWS::SSM::Parameter" and isinstance(each["Properties"]["Value"], dict):
            yield from _SETTING.findall(each["Properties"]["Value"].get("Fn::Sub", ""))


def _choice(key: str, parameter: Mapping[str, Any]) -> Choice:
    values = [str(value) for value in parameter["AllowedValues"]]
    default = str(parameter.get("Default", values[0]))
    return Choice(key, default, (default, *(value for value in values if value != default)))
