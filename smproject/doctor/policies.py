"""Policies of a role: as they are, as this repository's template has them, and the commands that make one the other."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from smproject.doctor.place import Place, aws
from smproject.looking.reading import listed

_BESIDE = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


@dataclass(frozen=True)
class Declared:
    """A policy that a template gives a role: inline, or managed and attached."""

    name: str
    document: Mapping[str, Any]
    is_managed: bool = False

    def command(self, place: Place, role: str, *, is_there: bool) -> str:
        """The command that gives a role the policy as it is declared."""
        document = json.dumps(self.document)
        if not self.is_managed:
            words = ["--role-name", role, "--policy-name", self.name, "--policy-document", document]
            return aws("iam", "put-role-policy", *words)
        arn = f"arn:{place.partition}:iam::{place.account}:policy/{self.name}"
        if is_there:
            words = ["--policy-arn", arn, "--policy-document", document, "--set-as-default"]
            return aws("iam", "create-policy-version", *words)
        return aws("iam", "attach-role-policy", "--role-name", role, "--policy-arn", arn)


def live(place: Place, role: str) -> dict[str, Mapping[str, Any]]:
    """Policies of a role, inline and attached, by name."""
    iam = place.client("iam")
    found = {}
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            found[name] = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for each in page["AttachedPolicies"]:
            version = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]["DefaultVersionId"]
            answer = iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId=version)
            found[each["PolicyName"]] = answer["PolicyVersion"]["Document"]
    return found


def declared(resources: Mapping[str, Any], logical: str) -> Iterator[Declared]:
    """Yield each policy that a template's resources, resolved or not, give a role: in it, or beside it."""
    role = resources[logical]["Properties"]
    for each in role.get("Policies", []):
        yield Declared(each["PolicyName"], each["PolicyDocument"])
    for each in resources.values():
        properties = each["Properties"]
        named = properties.get("Roles", [])
        if each["Type"] in _BESIDE and ({"Ref": logical} in named or role["RoleName"] in named):
            name = properties.get("PolicyName") or properties["ManagedPolicyName"]
            yield Declared(name, properties["PolicyDocument"], is_managed="ManagedPolicyName" in properties)


def actions(documents: Iterable[Mapping[str, Any]]) -> list[str]:
    """Patterns of the actions that policies allow, in lower case."""
    statements = [statement for document in documents for statement in listed(document["Statement"])]
    allowed = [listed(each.get("Action", [])) for each in statements if each["Effect"] == "Allow"]
    return [action.lower() for some in allowed for action in some]
