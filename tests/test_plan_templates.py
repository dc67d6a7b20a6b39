"""What a template changes for those who use the one before: parameters, rights and resources."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from smproject.planning import templates
from smproject.planning.templates import TemplateChange

BASE = """
Parameters:
  Kept: {Type: String, Default: a, AllowedPattern: ^a$}
  Gone: {Type: String}
Conditions:
  IsOn: !Equals [!Ref Kept, a]
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: worker
      PermissionsBoundary: arn:aws:iam::aws:policy/Bound
      ManagedPolicyArns: [arn:aws:iam::aws:policy/Managed]
      AssumeRolePolicyDocument:
        Statement:
          - {Effect: Allow, Action: sts:AssumeRole, Principal: {Service: a.amazonaws.com},
             Condition: {StringEquals: {aws:SourceAccount: "1"}}}
      Policies:
        - PolicyName: inline
          PolicyDocument:
            Statement:
              - {Sid: Reads, Effect: Allow, Action: [s3:GetObject, s3:ListBucket],
                 Resource: [!Sub "arn:${Kept}/*", arn:b], Condition: {StringLike: {aws:PrincipalArn: [x, y]}}}
              - {Sid: Never, Effect: Deny, Action: [s3:DeleteObject, s3:PutObject], Resource: "*"}
  Attached:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: attached
      Roles: [!Ref Role]
      PolicyDocument: {Statement: [{Sid: Logs, Effect: Allow, Action: "logs:Get*", Resource: !If [IsOn, l, m]}]}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: !Sub "${Kept}-topic", DisplayName: one}
  Subscription:
    Type: AWS::SNS::Subscription
    UpdateReplacePolicy: Retain
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: e}
"""
ROLE = "Resources.Role.Properties"
READS = f"{ROLE}.Policies.0.PolicyDocument.Statement.0"
NEVER = f"{ROLE}.Policies.0.PolicyDocument.Statement.1"
TRUST = f"{ROLE}.AssumeRolePolicyDocument.Statement.0"
STATEMENTS = f"{ROLE}.Policies.0.PolicyDocument.Statement"
ABSENT = object()


def base() -> dict[str, Any]:
    return templates.read(BASE)


def at(template: Any, path: str) -> tuple[Any, Any]:
    """What holds the end of a path, and the end as its key."""
    *steps, last = path.split(".")
    for step in steps:
        template = template[int(step)] if isinstance(template, list) else template[step]
    return template, int(last) if isinstance(template, list) else last


def edited(*edits: tuple[str, Any]) -> dict[str, Any]:
    """The base with other values at paths."""
    template = base()
    for path, value in edits:
        holder, key = at(template, path)
        if value is ABSENT:
            del holder[key]
        elif isinstance(holder, list) and key == len(holder):
            holder.append(value)
        else:
            holder[key] = copy.deepcopy(value)
    return template


def change(*edits: tuple[str, Any]) -> TemplateChange:
    return templates.compare(base(), edited(*edits))


def back(*edits: tuple[str, Any]) -> TemplateChange:
    return templates.compare(edited(*edits), base())


PUTS = {"Sid": "Puts", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
# Edits that give rights, so that taking them back takes rights.
WIDENS = {
    "action": [(f"{READS}.Action.2", "s3:PutObject")],
    "pattern of actions": [(f"{READS}.Action", "s3:*")],
    "resource": [(f"{READS}.Resource.2", "arn:c")],
    "pattern of resources": [(f"{READS}.Resource.1", "arn:b*")],
    "condition dropped": [(f"{READS}.Condition", ABSENT)],
    "value of a condition": [(f"{READS}.Condition.StringLike.aws:PrincipalArn.2", "z")],
    "principal": [(f"{TRUST}.Principal.Service", ["a.amazonaws.com", "b.amazonaws.com"])],
    "anybody": [(f"{TRUST}.Principal", {"AWS": "*"})],
    "condition of trust": [(f"{TRUST}.Condition.StringEquals", ABSENT)],
    "denial dropped": [(NEVER, ABSENT)],
    "denial of less": [(f"{NEVER}.Action.1", ABSENT)],
    "denial under a condition": [(f"{NEVER}.Condition", {"Bool": {"aws:SecureTransport": "false"}})],
    "boundary": [(f"{ROLE}.PermissionsBoundary", ABSENT)],
    "managed policy": [(f"{ROLE}.ManagedPolicyArns.1", "arn:aws:iam::aws:policy/Administrator")],
    "statement": [(f"{STATEMENTS}.2", PUTS)],
    "statement of a policy beside": [("Resources.Attached.Properties.PolicyDocument.Statement.1", PUTS)],
}


@pytest.mark.parametrize("edits", WIDENS.values(), ids=WIDENS)
def test_what_gives_rights_is_wider_and_taking_it_back_is_narrower(edits: list[tuple[str, Any]]) -> None:
    assert change(*edits).widened
    told = back(*edits)
    assert told.rights
    assert not told.widened


SAME_RIGHTS = {
    "another order": [(f"{READS}.Action", ["s3:ListBucket", "s3:GetObject"])],
    "letters of actions": [(f"{READS}.Action", ["s3:getobject", "s3:ListBucket"])],
    "what a pattern includes": [
        ("Resources.Attached.Properties.PolicyDocument.Statement.0.Action", ["logs:Get*", "logs:GetX"])
    ],
    "an unused property": [("Resources.Topic.Properties.DisplayName", "two")],
}


@pytest.mark.parametrize("edits", SAME_RIGHTS.values(), ids=SAME_RIGHTS)
def test_what_allows_the_same_is_no_change_of_rights(edits: list[tuple[str, Any]]) -> None:
    assert change(*edits).rights == ()


def test_a_statement_that_moves_to_another_policy_of_the_role_gives_nothing() -> None:
    moved = at(base(), READS)[0][0]
    told = change(
        (STATEMENTS, [at(base(), NEVER)[0][1]]), ("Resources.Attached.Properties.PolicyDocument.Statement.1", moved)
    )
    assert told.rights == ()


def test_a_statement_in_two_parts_gives_nothing_new() -> None:
    whole = at(base(), READS)[0][0]
    parts = [{**whole, "Sid": action, "Action": f"s3:{action}"} for action in ("GetObject", "ListBucket")]
    assert not change((STATEMENTS, [*parts, at(base(), NEVER)[0][1]])).widened


@pytest.mark.parametrize(
    "edits",
    [
        [(f"{READS}.Action", ABSENT), (f"{READS}.NotAction", "s3:GetObject")],
        [("Conditions.IsOn", {"Fn::Equals": [{"Ref": "Kept"}, "b"]})],
        [(f"{READS}.Condition", {"NumericLessThan": {"s3:max-keys": "9"}})],
    ],
    ids=["not", "condition of the template", "other operator"],
)
def test_what_can_t_be_told_counts_as_wider(edits: list[tuple[str, Any]]) -> None:
    assert change(*edits).widened


def test_each_right_says_whose_it_is_and_what_it_is() -> None:
    (told,) = change((f"{READS}.Action.2", "s3:PutObject")).rights
    assert (told.subject, told.kind, told.statement, told.text) == ("Role", "may", "Reads", "action s3:PutObject added")
    assert told.effect == "wider"


def test_parameters_are_told_by_what_they_take() -> None:
    told = change(
        ("Parameters.Kept", {"Type": "String", "Default": "b", "AllowedValues": ["b"]}),
        ("Parameters.Gone", ABSENT),
        ("Parameters.Needed", {"Type": "String"}),
        ("Parameters.Free", {"Type": "String", "Default": ""}),
    ).parameters
    assert {(each.name, each.change, each.rule, each.needed) for each in told} == {
        ("Kept", "changed", "default", False),
        ("Kept", "changed", "pattern", False),
        ("Kept", "changed", "allowed values", False),
        ("Gone", "removed", "", False),
        ("Needed", "added", "", True),
        ("Free", "added", "", False),
    }


def resources(*edits: tuple[str, Any]) -> dict[str, tuple[str, bool]]:
    return {each.id: (each.change, each.kept) for each in change(*edits).resources}


def test_a_name_that_is_another_replaces_and_may_replace_what_names_it() -> None:
    told = resources(("Resources.Topic.Properties.TopicName", {"Fn::Sub": "${Kept}-news"}))
    assert told == {"Topic": ("replaced", False), "Subscription": ("may be replaced", True)}


def test_a_name_that_comes_from_elsewhere_may_be_the_same() -> None:
    told = resources((f"{ROLE}.RoleName", {"Ref": "Gone"}))
    assert told == {"Role": ("may be replaced", False)}


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ([("Resources.Topic.Properties.DisplayName", "two")], {}),
        ([("Resources.Subscription", ABSENT)], {"Subscription": ("deleted", False)}),
        ([("Resources.Subscription.Type", "AWS::SQS::Queue")], {"Subscription": ("refused", False)}),
        ([("Resources.Subscription.Condition", "IsOn")], {"Subscription": ("may be deleted", False)}),
        ([("Resources.Subscription.Properties.Endpoint", "f")], {"Subscription": ("replaced", True)}),
    ],
    ids=["in place", "gone", "other type", "condition", "kept"],
)
def test_what_becomes_of_resources_is_told(edits: list[tuple[str, Any]], told: dict[str, tuple[str, bool]]) -> None:
    assert resources(*edits) == told


def test_comments_and_descriptions_change_no_stack() -> None:
    assert templates.is_same(base(), {**templates.read(BASE + "# why\n"), "Description": "Another."})
    assert not templates.is_same(base(), edited(("Resources.Topic.Properties.DisplayName", "two")))


def test_the_value_of_a_parameter_decides_about_what_refers_to_it() -> None:
    before, after = (templates.given(base(), {"Kept": value}) for value in ("a", "b"))
    told = templates.compare(before, after)
    assert [each.id for each in told.resources if each.change == "replaced"] == ["Topic"]
    assert {each.statement for each in told.widened} >= {"Reads"}
