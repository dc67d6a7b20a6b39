"""The policy statements of a template, each with whom it gives rights, or to what."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from smproject.looking.reading import listed, texts

ATTACHED = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
HOLDERS = ("Roles", "Users", "Groups")
TRUST = "AssumeRolePolicyDocument"


@dataclass(frozen=True)
class Statement:
    """A statement; `subject` is the role that gets rights, or the resource that is opened to others.

    `kind` is `may` for what a role may do, `trust` for who may assume it, and `policy` for what others may do with a
    resource. `when` is the condition under which there is the resource that holds it, by name.
    """

    subject: str
    kind: str
    name: str
    body: Mapping[str, Any] = field(repr=False)
    when: Mapping[str, Any] = field(default_factory=dict)

    @property
    def allows(self) -> bool:
        """Whether it allows; else it denies."""
        return self.body.get("Effect") == "Allow"


def read(resources: Mapping[str, Any]) -> Iterator[Statement]:
    """Yield every statement of a template's expanded resources."""
    for key, resource in resources.items():
        properties, when = resource.get("Properties") or {}, resource.get("Condition") or {}
        if resource["Type"] == "AWS::Lambda::Permission":
            yield Statement(_called(properties.get("FunctionName")), "policy", "", _permission(properties), when)
            continue
        subjects = _subjects(key, resource)
        for name, value in properties.items():
            kind = "trust" if name == TRUST else "may" if resource["Type"].startswith("AWS::IAM::") else "policy"
            for body in _bodies(value):
                for subject in subjects:
                    yield Statement(subject, kind, str(body.get("Sid", "")), body, when)


def _subjects(key: str, resource: Mapping[str, Any]) -> list[str]:
    """The roles that a policy is attached to, else the resource itself."""
    properties = resource.get("Properties") or {}
    holders = [text for name in HOLDERS for text in texts(properties.get(name) or [])]
    return [each.strip("${}") for each in holders] if resource["Type"] in ATTACHED and holders else [key]


def _bodies(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings that have an Effect, and say on what; some documents are texts in JSON."""
    if isinstance(value, str) and '"Statement"' in value:
        try:
            value = json.loads(value)
        except ValueError:
            return
    if isinstance(value, dict) and "Effect" in value and {"Action", "NotAction"} & set(value):
        yield value
        return
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _bodies(child)


def _permission(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A permission of a function, as the statement that Lambda makes of it."""
    conditions = {
        "ArnLike": {"aws:SourceArn": properties.get("SourceArn")},
        "StringEquals": {
            "aws:SourceAccount": properties.get("SourceAccount"),
            "aws:PrincipalOrgID": properties.get("PrincipalOrgID"),
        },
    }
    given = {
        operator: {key: value for key, value in keys.items() if value is not None}
        for operator, keys in conditions.items()
    }
    return {
        "Effect": "Allow",
        "Action": properties.get("Action"),
        "Principal": properties.get("Principal"),
        "Condition": {operator: keys for operator, keys in given.items() if keys},
    }


def _called(value: Any) -> str:
    return next(texts(listed(value)), "").strip("${}").split(".")[0]
