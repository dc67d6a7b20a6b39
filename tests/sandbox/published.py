"""Templates that others published: parameters filled in as a reader of their descriptions would, then deployed."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from botocore.exceptions import ClientError
from cfnlint.decode import cfn_json, cfn_yaml
from harness import eventually
from stacks import Stacks, given

from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.patterns import matches

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
# What a reader writes where a parameter has no default: the first that its constraints allow.
_ANSWERS = (
    *("example", "example.com", "user@example.com", "10.0.0.0/16", "10.0.0.0", "Passw0rd1234", "us-east-1a", "1", "80"),
    *("222222222222", "2026-11-22", "2026-11-22T00:00:00Z", "https://example.com", "https://example.com/a.json"),
    *("arn:aws:iam::222222222222:role/example", "arn:aws:sns:us-east-1:222222222222:example", "o-exampleorg"),
    *("ou-abcd-12345678", "r-abcd", "EXAMPLE", "Example", "ami-12345678", "true", "a/b", "s3://example/a"),
    *("d-0123456789", "pcx-0123456789abcdef0", "10.0.0.0/24", "${example}", ""),
)
_ARNS = {  # what stands in the names of parameters that take ARNs
    "role": "arn:aws:iam::222222222222:role/example",
    "bus": "arn:aws:events:us-east-1:222222222222:event-bus/default",
    "topic": "arn:aws:sns:us-east-1:222222222222:example",
    "": "arn:aws:s3:::templates-222222222222",
}
_WAITS = "CREATE_IN_PROGRESS"
_FOR_OTHERS = {"AWS::CertificateManager::Certificate", "AWS::CloudFormation::WaitCondition"}  # these wait
_ITS_OWN = "Received response status [FAILED] from custom resource"  # the template's code answers so to deletions too
_BUG = re.compile(r"sandbox failed|Traceback|\w+Error\(|\b(Key|Type|Attribute|Index|Value)Error\b|^$|object has no")


@dataclass
class Outcome:
    """How a deployment ended: refused before anything was made, or a stack's status and the reasons of failures.

    A stack that waits for signals is CREATE_IN_PROGRESS, and `reasons` name what waits.
    """

    refused: str = ""
    status: str = ""
    reasons: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)  # declared without a condition, and not in the stack
    deleted: str = ""

    @property
    def is_bug(self) -> bool:
        """Tell whether the sandbox broke, left out a resource without a word, or left something behind."""
        told = [self.refused] if self.refused else self.reasons
        stayed = self.status in {"CREATE_COMPLETE", "CREATE_IN_PROGRESS"} and self.deleted != "DELETE_COMPLETE"
        silent = not told and self.status != "CREATE_COMPLETE"
        stuck = self.status == "ROLLBACK_FAILED" and not any(_ITS_OWN in reason for reason in told)
        left = bool(self.left_out) or stayed or stuck
        return any(map(_BUG.search, told)) or silent or left

    def __str__(self) -> str:
        return f"refused: {self.refused}" if self.refused else " | ".join([self.status, *self.reasons])


class Publisher:
    """Deploys templates in the development account, where a key pair, a network and the like exist."""

    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks
        ec2 = stacks.sandbox.client("ec2")
        network = [{"Name": "default-for-az", "Values": ["true"]}]
        self.key = ec2.create_key_pair(KeyName=f"key-{uuid.uuid4().hex[:6]}")["KeyName"]
        subnets = ec2.describe_subnets(Filters=network)["Subnets"]
        self.subnets = cycle([each["SubnetId"] for each in subnets])
        self.zones = cycle([each["AvailabilityZone"] for each in subnets])
        self.vpc = subnets[0]["VpcId"]
        self.group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        self.image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        key = stacks.sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
        table = ec2.describe_route_tables()["RouteTables"][0]["RouteTableId"]
        self.answers = (*_ANSWERS[:-1], key, self.vpc, next(self.subnets), self.group, table, _ANSWERS[-1])

    def deploy(self, template: str) -> Outcome:
        """Deploy a template as somebody would who has read it, and delete it again."""
        bucket, name = "templates-222222222222", f"published-{uuid.uuid4().hex[:8]}"
        s3 = self.stacks.sandbox.client("s3")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=name, Body=template.encode())
        url = f"https://{bucket}.s3.amazonaws.com/{name}"
        try:
            declared = self._declared(template)
            made = self.stacks.api.create_stack(
                StackName=name, TemplateURL=url, Capabilities=CAPABILITIES, Parameters=given(self._answers(declared))
            )
        except ClientError as error:
            return Outcome(refused=error.response["Error"]["Message"])
        return self._followed(made["StackId"], declared)

    def _followed(self, stack: str, declared: dict[str, Any]) -> Outcome:
        ended = eventually(lambda: self._at_rest(stack, declared))
        events, own = self.stacks.events(stack), stack.split("/")[1]
        failed = [event for event in events if event[1].endswith("FAILED") and "cancelled" not in event[2]]
        failed = failed or [event for event in events if event[:2] == (own, "ROLLBACK_IN_PROGRESS")]
        reasons = [f"{name}: {reason}" for name, _, reason in failed if name != own or len(failed) == 1]
        wanted = {name for name, item in declared.get("Resources", {}).items() if "Condition" not in item}
        left_out = wanted - set(self.stacks.physical(stack)) if ended == "CREATE_COMPLETE" else set()
        waiting = [f"{name}: waits for signals" for name in self._waiting(stack, declared)] if ended == _WAITS else []
        deleted = self.stacks.delete(stack)["StackStatus"] if ended in {"CREATE_COMPLETE", _WAITS} else ""
        if deleted == "DELETE_FAILED":
            reasons += [f"{name}: {reason}" for name, status, reason in self.stacks.events(stack) if status == deleted]
        return Outcome("", ended, waiting or reasons, left_out, deleted)

    def _at_rest(self, stack: str, declared: dict[str, Any]) -> str:
        """Return the status of a stack that is at rest, or waits for signals that nobody sends."""
        status = str(self.stacks.api.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
        is_waiting = status == _WAITS and self._waiting(stack, declared)
        return status if is_waiting or not status.endswith("_IN_PROGRESS") else ""

    def _waiting(self, stack: str, declared: dict[str, Any]) -> list[str]:
        """Return what waits for signals in a stack in which nothing else is going on."""
        signalled = {name for name, item in declared.get("Resources", {}).items() if "CreationPolicy" in item}
        found = self.stacks.api.describe_stack_resources(StackName=stack)["StackResources"]
        busy = [each for each in found if each["ResourceStatus"].endswith("_IN_PROGRESS")]
        made = {each["LogicalResourceId"] for each in busy if "PhysicalResourceId" in each}
        conditions = {each["LogicalResourceId"] for each in busy if each["ResourceType"] in _FOR_OTHERS}
        waits = sorted(conditions | signalled & made)
        return waits if len(waits) == len(busy) else []

    def _declared(self, template: str) -> dict[str, Any]:
        decode = cfn_json.loads if template.lstrip().startswith("{") else cfn_yaml.loads
        found: dict[str, Any] = decode(template)
        if "Transform" in found or any(name.startswith("Fn::") for name in found.get("Resources", {})):
            found = {**found, "Resources": {}}  # a transform says what there will be
        return found

    def _answers(self, template: dict[str, Any]) -> dict[str, str]:
        needed = {name: spec for name, spec in template.get("Parameters", {}).items() if "Default" not in spec}
        return {name: self._answer(name, spec) for name, spec in needed.items()}

    def _answer(self, name: str, spec: dict[str, Any]) -> str:
        kind = spec["Type"].removeprefix("List<").removesuffix(">")
        ours = {
            "AWS::EC2::KeyPair::KeyName": cycle([self.key]),
            "AWS::EC2::VPC::Id": cycle([self.vpc]),
            "AWS::EC2::Subnet::Id": self.subnets,
            "AWS::EC2::SecurityGroup::Id": cycle([self.group]),
            "AWS::EC2::AvailabilityZone::Name": self.zones,
            "AWS::EC2::Image::Id": cycle([self.image]),
        }.get(kind)
        if ours:
            is_several = spec["Type"].startswith("List<") and kind.endswith(("Subnet::Id", "Zone::Name"))
            return ",".join(next(ours) for _ in range(2 if is_several else 1))
        if spec.get("AllowedValues"):
            return text(spec["AllowedValues"][0])
        if "arn" in name.lower() and "AllowedPattern" not in spec:
            return next(arn for word, arn in _ARNS.items() if word in name.lower())
        fitting = (answer for answer in self.answers if _fits(answer, spec))
        return next(fitting, "x" * int(spec.get("MinLength", 1)))


def _fits(answer: str, spec: dict[str, Any]) -> bool:
    if spec["Type"] == "Number":
        return answer.isdigit() and int(answer) >= float(spec.get("MinValue", 0))
    if not int(spec.get("MinLength", 0)) <= len(answer) <= int(spec.get("MaxLength", 4096)):
        return False
    return matches(spec.get("AllowedPattern", ".*"), answer)
