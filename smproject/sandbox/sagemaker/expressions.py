"""The values of a definition: `Get`, `Std:Join` and `Std:JsonGet`, resolved while the pipeline runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.service import ServiceError

_TOKEN = re.compile(r"([^.\[\]]+)|\[(?:'([^']*)'|\"([^\"]*)\"|(\d+))\]")
_NAMES = ("OutputName", "InputName", "ChannelName", "MetricName", "Name")  # a list is indexed by its items' name


@dataclass
class Scope:
    """What expressions see: parameters, execution variables, finished steps, and property files by step and name."""

    parameters: dict[str, Any]
    execution: dict[str, Any]
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    property_file: Callable[[str, str], Any] = lambda step, name: None

    def resolve(self, value: Any) -> Any:
        """Return a value with every expression in it computed."""
        if isinstance(value, dict):
            if set(value) == {"Get"}:
                return self._get(value["Get"])
            if set(value) == {"Std:Join"}:
                join = value["Std:Join"]
                return join["On"].join(_text(self.resolve(item)) for item in join["Values"])
            if set(value) == {"Std:JsonGet"}:
                return self._json_get(value["Std:JsonGet"])
            return {key: self.resolve(item) for key, item in value.items()}
        return [self.resolve(item) for item in value] if isinstance(value, list) else value

    def _get(self, path: str) -> Any:
        kind, _, rest = path.partition(".")
        if kind == "Parameters":
            return self.parameters[rest]
        if kind == "Execution":
            return self.execution[rest]
        name, _, inner = rest.partition(".")
        return walk(self.properties[name], inner, path)

    def _json_get(self, call: dict[str, Any]) -> Any:
        if "PropertyFile" not in call:
            raise ServiceError("ClientError", "The sandbox executes Std:JsonGet of property files only.")
        _, step, _, name = call["PropertyFile"]["Get"].split(".", 3)
        return walk(self.property_file(step, name), self.resolve(call["Path"]), f"property file {name} of step {step}")


def walk(value: Any, path: str, whole: str) -> Any:
    """Follow a path such as `Outputs['train'].S3Output.S3Uri` into nested lists and dictionaries."""
    for match in _TOKEN.finditer(path):
        key = next(group for group in match.groups() if group is not None)
        value = _member(value, key)
        if value is None:
            raise ServiceError("ClientError", f"Unable to resolve {path!r}: {whole} has no {key!r}.")
    return value


def _member(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list):
        if key.isdigit():
            return value[int(key)] if int(key) < len(value) else None
        return next((item for item in value if key in [item.get(name) for name in _NAMES]), None)
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
