"""Templates made comparable: what conditions, mappings and given parameters stand for is put in their place."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from smproject.looking.reading import mappings

REFERENCE = re.compile(r"\$\{([^}!]+)\}")
NOTHING = "AWS::NoValue"


def expanded(template: Mapping[str, Any]) -> dict[str, Any]:
    """The resources of a template, each with what its conditions and mappings say instead of their names."""
    found: dict[str, Any] = _expand(template.get("Resources", {}), template)
    return found


def bound(value: Any, values: Mapping[str, str]) -> Any:
    """A value with what references to the given parameters stand for."""
    if isinstance(value, dict):
        if set(value) == {"Ref"} and value["Ref"] in values:
            return values[value["Ref"]]
        return {
            key: _substituted(child, values) if key == "Fn::Sub" else bound(child, values)
            for key, child in value.items()
        }
    return [bound(child, values) for child in value] if isinstance(value, list) else value


def references(value: Any) -> set[str]:
    """Names of the parameters and resources that a value refers to."""
    found: set[str] = set()
    for each in mappings(value):
        if set(each) == {"Ref"}:
            found.add(str(each["Ref"]))
        elif set(each) == {"Fn::GetAtt"}:
            argument = each["Fn::GetAtt"]
            found.add(str(argument[0] if isinstance(argument, list) else argument.split(".")[0]))
        elif set(each) == {"Fn::Sub"}:
            found |= set(_substitutions(each["Fn::Sub"]))
    return found - {NOTHING}


def canonical(value: Any) -> str:
    """A text that two values share when CloudFormation takes them for one: `1` and `"1"` are."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child) for child in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _expand(value: Any, template: Mapping[str, Any]) -> Any:
    conditions = template.get("Conditions") or {}
    if isinstance(value, list):
        return [_expand(child, template) for child in value]
    if not isinstance(value, dict):
        return value
    found = {key: _expand(child, template) for key, child in value.items()}
    # A condition of a resource, and one that another refers to, are texts; those of statements are mappings.
    if isinstance(named := value.get("Condition"), str) and named in conditions:
        found["Condition"] = {named: _expand(conditions[named], template)}
    if set(value) == {"Fn::If"} and value["Fn::If"][0] in conditions:
        found["Fn::If"][0] = _expand(conditions[value["Fn::If"][0]], template)
    if set(value) == {"Fn::FindInMap"} and isinstance(value["Fn::FindInMap"][0], str):
        found["Fn::FindInMap"][0] = (template.get("Mappings") or {}).get(value["Fn::FindInMap"][0])
    return found


def _substituted(argument: Any, values: Mapping[str, str]) -> Any:
    """What Fn::Sub takes; names of its own map are not parameters."""
    text, own = (argument, {}) if isinstance(argument, str) else argument
    given = {name: value for name, value in values.items() if name not in own}
    text = REFERENCE.sub(lambda match: given.get(match[1], match[0]), text)
    return text if isinstance(argument, str) else [text, bound(own, values)]


def _substitutions(argument: Any) -> Iterator[str]:
    text, own = (argument, {}) if isinstance(argument, str) else argument
    for name in REFERENCE.findall(text):
        if name not in own:
            yield name if name.startswith("AWS::") else name.split(".")[0]
