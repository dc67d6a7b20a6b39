"""What a resource schema demands of a value, in the words of the validator that CloudFormation uses.

https://github.com/aws-cloudformation/cloudformation-resource-schema: everit's messages, without the values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.keywords import (
    COMBINED,
    KEYWORDS,
    Schema,
    has_unresolved,
    is_unresolved,
    matches,
    number_of,
)

NO_VALUE = {"Ref": "AWS::NoValue"}
_EXPECTED = {
    "array": "JSONArray",
    "boolean": "Boolean",
    "integer": "Integer",
    "null": "Null",
    "number": "Number",
    "object": "JSONObject",
    "string": "String",
}
_FOUND = {dict: "JSONObject", list: "JSONArray", bool: "Boolean", int: "Integer", float: "BigDecimal", str: "String"}


def violations(schema: Schema, value: Any) -> list[str]:
    """Return what a value breaks of a schema; what only a later resolution tells breaks nothing.

    Keywords that cfn-lint adds to AWS's (requiredXor, uniqueKeys, ...) are the services' to refuse, and not read.
    """
    return list(dict.fromkeys(_Check(schema).errors(schema, value, "#")))


class _Check:
    """One validation; `root` holds the definitions that `$ref` names."""

    def __init__(self, root: Schema) -> None:
        self.root = root

    def errors(self, schema: Schema, value: Any, path: str) -> Iterator[str]:
        """Yield the violations of a value that lies at a JSON pointer such as `#/Tags/0`."""
        if is_unresolved(value):
            return
        schema = self._followed(schema)
        wrong = list(_type(schema.get("type", []), value, schema, path))
        if wrong:
            yield from wrong
            return
        if isinstance(value, dict):
            value = {key: item for key, item in value.items() if item != NO_VALUE}
            yield from self._members(schema, value, path)
        elif isinstance(value, list) and isinstance(schema.get("items"), dict):
            for index, item in enumerate(value):
                yield from self.errors(schema["items"], item, f"{path}/{index}")
        for keyword, holds in KEYWORDS.items():
            if keyword in schema:
                yield from (f"{path}: {wrong}" for wrong in holds(schema, value, schema[keyword]))
        yield from self._combined(schema, value, path)

    def _followed(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self.root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            schema = found
        return schema

    def _members(self, schema: Schema, value: dict[str, Any], path: str) -> Iterator[str]:
        declared, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        others = schema.get("additionalProperties", True)
        for key, item in value.items():
            found = [declared[key]] if key in declared else []
            found += [each for pattern, each in patterns.items() if matches(pattern, str(key))]
            if not found and others is False:
                yield f"{path}: extraneous key [{key}] is not permitted"
            for each in found or ([others] if isinstance(others, dict) else []):
                yield from self.errors(each, item, f"{path}/{key}")

    def _combined(self, schema: Schema, value: Any, path: str) -> Iterator[str]:
        certain = not has_unresolved(value)  # else a function may yet make the difference
        for keyword, enough in (("allOf", None), ("anyOf", 1), ("oneOf", 1)):
            told = [list(self.errors(each, value, path)) for each in schema.get(keyword, [])]
            met, total = sum(not wrong for wrong in told), len(told)
            several = keyword == "oneOf" and met > 1 and certain
            if told and (met < (total if enough is None else enough) or several):
                yield f"{path}: #: {COMBINED[keyword].format(met=met, total=total)}"
                yield from (line for wrong in told for line in wrong)
        if certain and "not" in schema and not list(self.errors(schema["not"], value, path)):
            yield f"{path}: failed validation constraint for keyword [not]"
        if certain and "if" in schema:
            branch = "else" if list(self.errors(schema["if"], value, path)) else "then"
            yield from self.errors(schema.get(branch, {}), value, path)


def _type(declared: str | list[str], value: Any, schema: Schema, path: str) -> Iterator[str]:
    types = [declared] if isinstance(declared, str) else declared
    if not types or any(_is(kind, value, schema) for kind in types):
        return
    if len(types) > 1:
        yield f"{path}: #: {COMBINED['anyOf'].format(total=len(types))}"
    for kind in types:
        yield f"{path}: expected type: {_EXPECTED[kind]}, found: {_FOUND.get(type(value), 'Null')}"


def _is(kind: str, value: Any, schema: Schema) -> bool:
    """Tell whether a value is of a type, or is one to CloudFormation, which turns scalars into each other."""
    if kind == "array":
        return isinstance(value, list)
    if kind == "object":
        return isinstance(value, dict) or ("properties" not in schema and _is_json_object(value))
    if kind == "null" or not isinstance(value, (str, bool, int, float)):
        return kind == "null" and value is None
    if kind == "boolean":
        return text(value).lower() in {"true", "false"}
    if kind == "string":
        return True
    number = number_of(value)
    return number is not None and (kind == "number" or number == int(number))


def _is_json_object(value: Any) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), dict)
    except ValueError:
        return False
