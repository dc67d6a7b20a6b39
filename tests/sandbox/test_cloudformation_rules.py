"""Rules of templates: parameters that don't fit together are refused before anything is made."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import Stacks

RULES = """
Parameters:
  Stage: {Type: String, Default: test}
  Zones: {Type: CommaDelimitedList, Default: "a,b"}
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}
  Subnet: {Type: "AWS::EC2::Subnet::Id"}
  Network: {Type: "AWS::EC2::VPC::Id"}
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
      - Assert: {"Fn::EachMemberEquals": [{"Fn::RefAll": "AWS::EC2::Subnet::Id"}, !Ref Subnet]}
        AssertDescription: Production has one subnet.
  Places:
    RuleCondition: !Equals [!Ref Stage, placed]
    Assertions:
      - Assert: {"Fn::EachMemberEquals": [{"Fn::ValueOf": [Subnets, VpcId]}, !Ref Network]}
        AssertDescription: All subnets lie in the network.
      - Assert: {"Fn::Contains": [{"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", Tags.Use]}, build]}
        AssertDescription: One subnet is for builds.
Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: a}}}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture(scope="module")
def given(stacks: Stacks) -> dict[str, str]:
    """Return parameters that meet all rules but the ones about production."""
    ec2 = stacks.sandbox.client("ec2")
    network = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "Use", "Value": "build"}]}]
    one, two = (_subnet(ec2, network, place, tags) for place in ("10.9.1.0/24", "10.9.2.0/24"))
    return {"Subnets": f"{one},{two}", "Subnet": one, "Network": network}


def _subnet(ec2: Any, network: str, block: str, tags: list[dict[str, Any]]) -> str:
    return str(ec2.create_subnet(VpcId=network, CidrBlock=block, TagSpecifications=tags)["Subnet"]["SubnetId"])


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"Zones": "a,d"}, "the rule Zones is not met: Zones are a, b and c."),
        ({"Zones": "c"}, "the rule Zones is not met: an assertion of the rule Zones does not hold"),
        ({"Stage": "production", "Zones": "b"}, "the rule Production is not met: Production needs zone a."),
        ({"Stage": "production"}, "the rule Production is not met: Production has one subnet."),
    ],
)
def test_a_rule_that_is_not_met_refuses_the_stack(
    stacks: Stacks, given: dict[str, str], changed: dict[str, str], told: str
) -> None:
    assert told in stacks.refusal(RULES, given | changed)


def test_rules_that_are_met_let_the_stack_be_made_and_hold_for_its_updates(
    stacks: Stacks, given: dict[str, str]
) -> None:
    one = given["Subnet"]
    made = stacks.create(RULES, given | {"Stage": "production", "Subnets": f"{one},{one}"})
    assert stacks.create(RULES, given | {"Zones": "b"})["StackStatus"] == "CREATE_COMPLETE"
    assert made["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="the rule Production is not met: Production needs zone a"):
        stacks.start_update(made["StackId"], None, given | {"Stage": "production", "Zones": "b"})


def test_rules_ask_for_attributes_of_what_parameters_name(stacks: Stacks, given: dict[str, str]) -> None:
    ec2 = stacks.sandbox.client("ec2")
    elsewhere = ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    outside = _subnet(ec2, elsewhere, "10.8.1.0/24", [])
    placed = given | {"Stage": "placed"}
    assert stacks.create(RULES, placed)["StackStatus"] == "CREATE_COMPLETE"
    told = stacks.refusal(RULES, placed | {"Subnets": f"{given['Subnet']},{outside}"})
    assert told.endswith("All subnets lie in the network.")
    unused = placed | {"Network": elsewhere, "Subnets": outside, "Subnet": outside}
    assert stacks.refusal(RULES, unused).endswith("One subnet is for builds.")


@pytest.mark.parametrize(
    ("assertion", "told"),
    [
        ("{'Fn::Contains': [[a], !Ref A]}", "Unresolved dependencies [A]. Cannot reference resources in the Rules"),
        ("{'Fn::ValueOf': [Nothing, VpcId]}", "Unresolved dependencies [Nothing]"),
        ("!GetAtt A.Value", "Cannot use Fn::GetAtt in Rules"),
        ("{'Fn::RefAll': [a]}", "every Fn::RefAll object must name a parameter type"),
    ],
)
def test_rules_know_parameters_only(stacks: Stacks, assertion: str, told: str) -> None:
    template = f"""
    Rules: {{R: {{Assertions: [{{Assert: {assertion}}}]}}}}
    Resources: {{A: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: a}}}}}}
    """
    assert told in stacks.refusal(template)
