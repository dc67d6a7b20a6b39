"""Rules of templates: parameters that don't fit together are refused before anything is made."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import Stacks

RULES = """
Parameters:
  Stage: {Type: String, Default: test}
  Zones: {Type: CommaDelimitedList, Default: "a,b"}
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>", Default: ""}
  Subnet: {Type: "AWS::EC2::Subnet::Id", Default: s-1}
Rules:
  Zones:
    Assertions:
      - {Assert: {"Fn::EachMemberIn": [!Ref Zones, [a, b, c]]}, AssertDescription: "Zones are a, b and c."}
      - Assert: !Not [{"Fn::Contains": [!Ref Zones, c]}]
  Production:
    RuleCondition: !Equals [!Ref Stage, production]
    Assertions:
      - Assert: !And [{"Fn::Contains": [!Ref Zones, a]}, !Or [!Equals [1, 2], !Equals [!Ref AWS::Region, us-east-1]]]
        AssertDescription: Production needs zone a.
      - Assert: {"Fn::EachMemberEquals": [{"Fn::RefAll": "AWS::EC2::Subnet::Id"}, s-1]}
        AssertDescription: Production has one subnet.
Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}}}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"Zones": "a,d"}, "the rule Zones is not met: Zones are a, b and c."),
        ({"Zones": "c"}, "the rule Zones is not met: an assertion of the rule Zones does not hold"),
        ({"Stage": "production", "Zones": "b"}, "the rule Production is not met: Production needs zone a."),
        ({"Stage": "production", "Subnets": "s-1,s-2"}, "the rule Production is not met: Production has one subnet."),
        ({"Stage": "production", "Subnet": "s-2"}, "the rule Production is not met: Production has one subnet."),
    ],
)
def test_a_rule_that_is_not_met_refuses_the_stack(stacks: Stacks, given: dict[str, str], told: str) -> None:
    assert told in stacks.refusal(RULES, given)


def test_rules_that_are_met_let_the_stack_be_made_and_hold_for_its_updates(stacks: Stacks) -> None:
    made = stacks.create(RULES, {"Stage": "production", "Subnets": "s-1,s-1"})
    assert stacks.create(RULES, {"Zones": "b", "Subnet": "s-2"})["StackStatus"] == "CREATE_COMPLETE"
    assert made["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="the rule Production is not met: Production needs zone a"):
        stacks.start_update(made["StackId"], None, {"Stage": "production", "Zones": "b"})
