"""The tags of a request, and the permission to set them that a creation with tags needs.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.permissions.asked import Asked

_LISTS = ("Tags", "tags", "TagList", "tagList", "AddTags")
_KEYS = ("Key", "key", "TagKey")
_VALUES = ("Value", "value", "TagValue")
_REMOVED = ("TagKeys", "tagKeys", "TagKeyList", "tagKeyList", "RemoveTags")
# What sets tags at a creation, by the prefix of IAM's actions: `*` is every creation that is not named.
_SETTERS: dict[str, dict[str, str]] = {
    "application-autoscaling": {"*": "TagResource"},
    "cloudwatch": {"*": "TagResource"},
    "codecommit": {"*": "TagResource"},
    "codeconnections": {"*": "TagResource"},
    "codepipeline": {"*": "TagResource"},
    "dynamodb": {"*": "TagResource"},
    "ecr": {"*": "TagResource"},
    "events": {"*": "TagResource"},
    "iam": {
        "CreateInstanceProfile": "TagInstanceProfile",
        "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider",
        "CreatePolicy": "TagPolicy",
        "CreateRole": "TagRole",
        "CreateSAMLProvider": "TagSAMLProvider",
        "CreateUser": "TagUser",
    },
    "kms": {"*": "TagResource"},
    "lambda": {"*": "TagResource"},
    "logs": {"*": "TagResource"},
    "sagemaker": {"*": "AddTags"},
    "scheduler": {"*": "TagResource"},
    "secretsmanager": {"*": "TagResource"},
    "sns": {"*": "TagResource"},
    "sqs": {"*": "TagQueue"},
    "ssm": {"*": "AddTagsToResource"},
    "states": {"*": "TagResource"},
}
_CREATES = ("Create", "Put", "Register")


def given(asked: Asked) -> dict[str, str]:
    """Return the tags that a request sets."""
    for name in _LISTS:
        if found := asked.members.get(name):
            return dict(pairs(found))
    nested = asked.members.get("pipeline")
    return dict(pairs(nested.get("tags", []))) if isinstance(nested, dict) else {}


def keys(asked: Asked) -> tuple[str, ...]:
    """Return the keys of the tags that a request sets or removes."""
    removed = next((asked.members[name] for name in _REMOVED if name in asked.members), None)
    return (*given(asked), *(str(key) for key in (removed if isinstance(removed, list) else [])))


def setter(asked: Asked) -> str:
    """Return the action that sets the tags of a request, where it needs a permission of its own; else nothing."""
    if not asked.operation.startswith(_CREATES) or not given(asked):
        return ""
    known = _SETTERS.get(asked.prefix, {})
    return known.get(asked.operation) or known.get("*", "")


def pairs(found: Any) -> list[tuple[str, str]]:
    """Return tags, written as a list or as an object, as pairs."""
    if isinstance(found, dict):
        return [(str(key), str(value)) for key, value in found.items()]
    items = [item for item in found if isinstance(item, dict)]
    return [(_one(item, _KEYS), _one(item, _VALUES)) for item in items]


def _one(item: dict[str, Any], names: tuple[str, ...]) -> str:
    return str(next((item[name] for name in names if name in item), ""))
