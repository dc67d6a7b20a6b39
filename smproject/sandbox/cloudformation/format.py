"""Templates as text: JSON, or YAML with CloudFormation's short tags, into plain dictionaries.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

import yaml

from smproject.sandbox.cloudformation.syntax import invalid, malformed, text
from smproject.sandbox.service import ServiceError

_KINDS = {bool: "boolean", int: "numeric", float: "numeric", type(None): "null"}
_NOT_SUPPORTED = {"binary", "omap", "pairs", "set", "timestamp"}
_YAML = "tag:yaml.org,2002:"
_DEPTH = 100  # levels: AWS names no bound, the functions that walk templates need one


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as CloudFormation reads it: dates stay text, `!Ref x` means `{"Ref": "x"}`, no aliases."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse aliases, which the parser would resolve."""
        if self.check_event(yaml.AliasEvent):
            raise invalid("Template error: YAML aliases are not allowed in CloudFormation templates")
        return super().compose_node(parent, index)


def _tag(loader: _Loader, suffix: str, node: Any) -> dict[str, Any]:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: _mapping(loader, node)}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key for key, _ in node.value]
    for merged in (key for key in keys if key.tag == f"{_YAML}merge"):
        _refuse(loader, merged)
    _refuse_duplicates((key.value for key in keys if key.tag == f"{_YAML}str"), _place(node.start_mark))
    return loader.construct_mapping(node, deep=True)


def _refuse(loader: _Loader, node: yaml.Node) -> Any:
    raise malformed(f"YAML not well-formed. {_place(node.start_mark)}")


def _place(mark: Any) -> str:
    return f"(line {mark.line + 1}, column {mark.column + 1})"


def _refuse_duplicates(keys: Iterable[str], place: str = "") -> None:
    twice = sorted(key for key, count in Counter(keys).items() if count > 1)
    if twice:
        raise malformed(f"duplicate key {twice[0]} {place}".rstrip())


_Loader.add_multi_constructor("!", _tag)
_Loader.add_constructor(f"{_YAML}map", _mapping)
for _unknown in _NOT_SUPPORTED:
    _Loader.add_constructor(f"{_YAML}{_unknown}", _refuse)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in resolvers if tag != f"{_YAML}timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse(text: str) -> Any:
    """Return what a template's text holds; raises ServiceError (ValidationError) for what can't be read."""
    try:
        value = _json(text) if is_json(text) else _yaml(text)
    except RecursionError:
        raise _too_deep() from None
    _check_members(value, "")
    return value


def _too_deep() -> ServiceError:
    return malformed(f"members are nested in more than {_DEPTH} levels.")


def is_json(text: str) -> bool:
    """Tell whether a template is written in JSON."""
    return text.lstrip().startswith("{")


def _json(text: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        _refuse_duplicates(key for key, _ in pairs)
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise malformed(f"JSON not well-formed. (line {error.lineno}, column {error.colno})") from error


def _refuse_constant(name: str) -> Any:
    """Refuse NaN and Infinity, which Python reads although JSON has none."""
    raise malformed(f"JSON not well-formed: {name} is no value.")


def _yaml(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise malformed(f"YAML not well-formed. {_place(mark) if mark else ''}".rstrip()) from error
    except yaml.YAMLError as error:
        raise malformed("YAML not well-formed.") from error


def _check_members(value: Any, path: str, depth: int = 0) -> None:
    """Refuse keys that are not texts, null as a value, and members that are nested too deeply."""
    if depth > _DEPTH:
        raise _too_deep()
    if value is None and path:
        raise invalid(f"[{path}] 'null' values are not allowed in templates")
    for key in value if isinstance(value, dict) else []:
        if not isinstance(key, str):
            place = f"[{path}] " if path else ""
            raise malformed(f"{place}map keys must be strings; received {_KINDS[type(key)]} [{text(key)}] instead")
    if isinstance(value, (dict, list)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _check_members(item, f"{path}/{key}", depth + 1)
