"""Stacks that wait for signals, and what sends them, for the tests of creation and update policies."""

from __future__ import annotations

import time
from typing import Any

from harness import eventually
from stacks import Stacks

Item = dict[str, Any]
INITIATED = "Resource creation Initiated"
# `Host` waits for its signals, and whoever needs it waits for it; `First` is there before.
HOST = """
Parameters: {Count: {Type: Number, Default: 1}, Timeout: {Type: String, Default: PT1M}}
Resources:
  First: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: first}}
  Host:
    Type: AWS::EC2::Instance
    DependsOn: First
    CreationPolicy: {ResourceSignal: {Count: !Ref Count, Timeout: !Ref Timeout}}
    Properties: {ImageId: ami-12c6146b, InstanceType: t3.micro}
  After: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Host}}
"""
# A group of instances that a launch configuration launches; UPDATE, CREATION and SIZES stand for what a test says.
GROUP = """
Parameters: {Type: {Type: String, Default: t3.micro}}
Resources:
  Launch: {Type: AWS::AutoScaling::LaunchConfiguration, Properties: {ImageId: ami-12c6146b, InstanceType: !Ref Type}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    CREATION
    UPDATE
    Properties: {LaunchConfigurationName: !Ref Launch, AvailabilityZones: [us-east-1a], SIZES}
Outputs: {Name: {Value: !Ref Group}}
"""


def group(update: str = "", creation: str = "", sizes: str = "MinSize: 2, MaxSize: 4") -> str:
    """Return the template of a group with these policies."""
    return GROUP.replace("CREATION", creation).replace("UPDATE", update).replace("SIZES", sizes)


class Signaller:
    """Sends signals to the resources of stacks, and watches their events."""

    def __init__(self, stacks: Stacks) -> None:
        self.stacks = stacks

    def until(self, stack: str, resource: str, told: str, times: int = 1) -> None:
        """Wait until so many events of a resource have told something."""
        eventually(lambda: sum(told in reason for reason in self.reasons(stack, resource)) >= times)

    def reasons(self, stack: str, resource: str) -> list[str]:
        """Return the reasons of a resource's events, oldest first."""
        return [reason for name, _, reason in self.stacks.events(stack) if name == resource]

    def send(self, stack: str, resource: str, who: str, status: str = "SUCCESS") -> None:
        """Send a signal."""
        self.stacks.api.signal_resource(StackName=stack, LogicalResourceId=resource, UniqueId=who, Status=status)

    def answer(self, stack: str, resource: str, status: str = "SUCCESS") -> str:
        """Signal for each instance of a group that is launched and asked after, until the stack is at rest."""
        sent: set[str] = set()
        while True:
            asked = sum("Waiting on 1 resource signal(s)" in each for each in self.reasons(stack, resource))
            new = [each for each in self.instances(stack) if each not in sent]
            if asked > len(sent) and new:
                sent.add(new[-1])
                self.send(stack, resource, new[-1], status)
            found = str(self.stacks.api.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
            if not found.endswith("_IN_PROGRESS"):
                return found
            time.sleep(0.1)

    def described(self, stack: str) -> Item:
        """Return Auto Scaling's description of a stack's group."""
        name = self.stacks.physical(stack)["Group"]
        client = self.stacks.sandbox.client("autoscaling")
        found: Item = client.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
        return found

    def instances(self, stack: str) -> list[str]:
        """Return the instances of a stack's group, oldest first."""
        return [each["InstanceId"] for each in self.described(stack)["Instances"]]

    def kinds(self, stack: str) -> list[str]:
        """Return the instance types of a stack's group."""
        ec2, ids = self.stacks.sandbox.client("ec2"), self.instances(stack)
        found = ec2.describe_instances(InstanceIds=ids)["Reservations"]
        return [each["InstanceType"] for one in found for each in one["Instances"]]
