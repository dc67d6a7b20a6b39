"""The roles of a template: who assumes them, what they may do, and whom they assume."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smproject.looking.reading import listed, mappings, texts, written

POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
# Kinds of action by the first word of its name, as AWS's access levels are.
KINDS = {
    "read": "BatchCheck BatchGet Check Describe Download Filter Get Head Is List Lookup Query Search Select Test",
    "delete": "Abort BatchDelete Cancel Delete Deregister Detach Disable Disassociate Remove Revoke Terminate",
    "tag": "AddTags DeleteTags Tag Untag",
    "pass": "PassRole",
    "assume": "AssumeRole",
}
ORDER = ("read", "write", "delete", "tag", "pass", "assume")


@dataclass(frozen=True)
class Right:
    """What a statement allows: actions, and on what; its Sid says why."""

    name: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True)
class Role:
    """A role; principals and names as the template writes them, references as `${Name}`."""

    id: str
    name: str
    description: str
    assumed_by: tuple[str, ...]
    rights: tuple[Right, ...]
    managed_policies: tuple[str, ...]

    @property
    def assumes(self) -> tuple[str, ...]:
        """ARNs of the roles that it may assume."""
        given = (right.resources for right in self.rights if "sts:AssumeRole" in right.actions)
        return tuple(dict.fromkeys(arn for resources in given for arn in resources))

    @property
    def summary(self) -> dict[str, str]:
        """What it may do, by service: the number of actions and their kinds."""
        actions = sorted({action for right in self.rights for action in right.actions})
        found: dict[str, list[str]] = {}
        for action in actions:
            service, _, name = action.partition(":")
            found.setdefault(service, []).append(name)
        return {service: _summary(names) for service, names in found.items()}


def roles(resources: Mapping[str, Any]) -> list[Role]:
    """Every role among a template's resources, in order."""
    return [_role(key, resources) for key, each in resources.items() if each["Type"] == "AWS::IAM::Role"]


def _role(key: str, resources: Mapping[str, Any]) -> Role:
    properties = resources[key]["Properties"]
    attached = [each["Properties"] for each in resources.values() if each["Type"] in POLICIES]
    policies = [each for each in attached if f"${{{key}}}" in texts(each.get("Roles", []))]
    return Role(
        key,
        written(properties.get("RoleName", "")),
        written(properties.get("Description", "")),
        tuple(dict.fromkeys(_principals(properties["AssumeRolePolicyDocument"]))),
        tuple(_rights([properties.get("Policies", []), [each["PolicyDocument"] for each in policies]])),
        tuple(texts(properties.get("ManagedPolicyArns", []))),
    )


def _principals(document: Any) -> Iterator[str]:
    for statement in mappings(document):
        if "Principal" in statement:
            narrowed = [text for text in texts(statement.get("Condition", {})) if re.search(r":iam::.*:role/", text)]
            found = list(texts(statement["Principal"]))
            # An account as principal, narrowed to some of its roles, is those roles.
            yield from narrowed if narrowed and all(text.endswith(":root") for text in found) else found


def _rights(policies: Any) -> Iterator[Right]:
    for statement in mappings(policies):
        if statement.get("Effect") == "Allow" and "Action" in statement:
            actions = tuple(texts(statement["Action"]))
            yield Right(str(statement.get("Sid", "")), actions, tuple(texts(listed(statement.get("Resource", [])))))


def _summary(names: list[str]) -> str:
    found = {_kind(name) for name in names}
    return f"{len(names)} ({', '.join(kind for kind in ORDER if kind in found)})"


def _kind(action: str) -> str:
    for kind, words in reversed(KINDS.items()):
        if action.startswith(tuple(words.split())):
            return kind
    return "write"
