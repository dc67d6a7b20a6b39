"""Reading a policy's text, and refusing what is no policy.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import Any

from smproject.sandbox.permissions.conditions import listed
from smproject.sandbox.permissions.policy import Policy, prepared

LOG = logging.getLogger(__name__)
VERSIONS = ("2012-10-17", "2008-10-17")
_TEXTS = ("Action", "NotAction", "Resource", "NotResource")


class MalformedPolicyError(Exception):
    """A text that is no policy; says why."""


@lru_cache(maxsize=4096)  # by its text: who changes a policy has another text
def parse(text: str, *, of_resource: bool = False) -> Policy:
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
    return prepared(found)


def kept(text: str, of: str) -> Policy:
    """Return the policy that a service keeps for something; one that can't be read allows nothing."""
    try:
        return parse(text)
    except MalformedPolicyError as error:
        LOG.warning("The policy of %s allows nothing: %s.", of, error)
        return Policy()


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
