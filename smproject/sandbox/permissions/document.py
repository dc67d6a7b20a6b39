"""Reading a policy's text, and refusing what is no policy.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]
VERSIONS = ("2012-10-17", "2008-10-17")
_TEXTS = ("Action", "NotAction", "Resource", "NotResource")


class MalformedPolicyError(Exception):
    """A text that is no policy; says why."""


def parse(text: str, *, of_resource: bool = False) -> Document:
    """Read a policy; raises MalformedPolicyError. A resource's policy names principals."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise MalformedPolicyError(f"it is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise MalformedPolicyError("it is not a JSON object")
    if found.get("Version", VERSIONS[1]) not in VERSIONS:
        raise MalformedPolicyError(f"its Version is {found['Version']!r}, not one of {', '.join(VERSIONS)}")
    statements = listed(found.get("Statement", []))
    if not statements:
        raise MalformedPolicyError("it has no Statement")
    for number, statement in enumerate(statements, 1):
        if problem := _problem(statement, of_resource=of_resource):
            raise MalformedPolicyError(f"statement {number} {problem}")
    return found


def listed(value: Any) -> list[Any]:
    """Return a list as it is and anything else as a list of one: policies may write either."""
    return value if isinstance(value, list) else [value]


def _problem(statement: Any, *, of_resource: bool) -> str:
    """Return what is wrong with a statement; empty when nothing is."""
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        return "is not an object whose Effect is Allow or Deny"
    for element in ("Action", "Principal") if of_resource else ("Action",):
        if (element in statement) is (f"Not{element}" in statement):
            return f"needs either {element} or Not{element}"
    texts = [text for element in _TEXTS for text in listed(statement.get(element, []))]
    if not all(isinstance(text, str) for text in texts):
        return "has something other than text in its actions or resources"
    if not all(_is_principal(statement.get(element, "*")) for element in ("Principal", "NotPrincipal")):
        return 'names a principal otherwise than as "*" or {"AWS": ..., "Service": ...}'
    if not _is_condition(statement.get("Condition", {})):
        return 'has a Condition that is not of the form {"operator": {"key": value}}'
    return ""


def _is_principal(element: Any) -> bool:
    return element == "*" or (
        isinstance(element, dict) and all(isinstance(name, str) for names in element.values() for name in listed(names))
    )


def _is_condition(element: Any) -> bool:
    return isinstance(element, dict) and all(isinstance(keys, dict) for keys in element.values())
