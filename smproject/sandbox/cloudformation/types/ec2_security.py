"""Security groups and their rules: kept and described, since the sandbox has no networks."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import call, known, remove, updatable
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.types.ec2 import TAGS

_ANYWHERE = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}  # what a new group lets out
_RULES = {"SecurityGroupIngress": "Ingress", "SecurityGroupEgress": "Egress"}
_GROUP = {  # what a rule calls the other group, by the API's members
    "GroupId": ("SourceSecurityGroupId", "DestinationSecurityGroupId"),
    "GroupName": ("SourceSecurityGroupName",),
    "UserId": ("SourceSecurityGroupOwnerId",),
}
_PREFIXES = ("SourcePrefixListId", "DestinationPrefixListId")


@provides
class SecurityGroup(Provider):
    """A security group with its rules."""

    type, state_only = "AWS::EC2::SecurityGroup", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group, then its rules; rules for what goes out take the place of the one that lets all out."""
        known(properties, "GroupDescription", "GroupName", "VpcId", "Tags", *_RULES)
        ec2, name = context.client("ec2"), properties.get("GroupName") or context.name(255)
        wanted = {"GroupName": name, "Description": properties["GroupDescription"]}
        wanted |= {"VpcId": properties["VpcId"]} if "VpcId" in properties else {}
        group = call(ec2, "CreateSecurityGroup", wanted)["GroupId"]
        vpc = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0].get("VpcId", "")
        named = {"Id": group, "GroupId": group, "GroupName": name, "VpcId": vpc}
        made = Made(group, named | {"GroupDescription": properties["GroupDescription"]})
        with undone_on_failure(lambda: self.delete(context, made)):
            _bring(ec2, group, {}, properties)
            TAGS.update(ec2, group, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change rules and tags."""
        updatable(before, after, "Tags", *_RULES)
        ec2 = context.client("ec2")
        _bring(ec2, made.ref, before, after)
        TAGS.update(ec2, made.ref, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the group."""
        remove(context.client("ec2"), "DeleteSecurityGroup", {"GroupId": made.ref})


def _bring(ec2: Any, group: str, before: Properties, after: Properties) -> None:
    for name, direction in _RULES.items():
        implied = [_ANYWHERE] if direction == "Egress" else []
        old, new = (side.get(name) or implied for side in (before, after))
        _change(ec2, "Revoke", direction, group, [rule for rule in old if not any(same(rule, each) for each in new)])
        _change(ec2, "Authorize", direction, group, [rule for rule in new if not any(same(rule, each) for each in old)])


def _change(ec2: Any, verb: str, direction: str, group: str, rules: list[Properties]) -> None:
    if rules:
        permissions = [_permission(rule) for rule in rules]
        call(ec2, f"{verb}SecurityGroup{direction}", {"GroupId": group, "IpPermissions": permissions})


def _permission(rule: Properties) -> Properties:
    """Write a rule as the API does: protocol and ports, and the one peer that it lets through."""
    told = {"Description": rule["Description"]} if "Description" in rule else {}
    permission: Properties = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in rule}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], **told}]
    if "CidrIpv6" in rule:
        permission["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **told}]
    if prefix := next((rule[name] for name in _PREFIXES if name in rule), None):
        permission["PrefixListIds"] = [{"PrefixListId": prefix, **told}]
    other = {member: rule[name] for member, names in _GROUP.items() for name in names if name in rule}
    return permission | ({"UserIdGroupPairs": [other | told]} if other else {})


class _Rule(Provider):
    """A rule that is a resource of its own; `Ref` is its id."""

    state_only = True
    direction: ClassVar[str]

    def create(self, context: Context, properties: Properties) -> Made:
        """Authorize what the rule lets through."""
        ec2 = context.client("ec2")
        group = {name: properties[name] for name in ("GroupId", "GroupName") if name in properties}
        request = group | {"IpPermissions": [_permission(_rule(properties))]}
        answer = call(ec2, f"AuthorizeSecurityGroup{self.direction}", request)
        name = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return Made(name, {"Id": name, "_request": request})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change the rule's description."""
        updatable(before, after, "Description")
        request = made.attributes["_request"] | {"IpPermissions": [_permission({"Description": "", **_rule(after)})]}
        call(context.client("ec2"), f"UpdateSecurityGroupRuleDescriptions{self.direction}", request)
        return Made(made.ref, made.attributes | {"_request": request})

    def delete(self, context: Context, made: Made) -> None:
        """Revoke what the rule lets through."""
        call(context.client("ec2"), f"RevokeSecurityGroup{self.direction}", made.attributes["_request"])


def _rule(properties: Properties) -> Properties:
    return {name: item for name, item in properties.items() if name not in ("GroupId", "GroupName")}


@provides
class SecurityGroupIngress(_Rule):
    """What a group lets in."""

    type, direction = "AWS::EC2::SecurityGroupIngress", "Ingress"


@provides
class SecurityGroupEgress(_Rule):
    """What a group lets out."""

    type, direction = "AWS::EC2::SecurityGroupEgress", "Egress"
