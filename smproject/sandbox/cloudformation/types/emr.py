"""EMR's clusters: kept and described, with EC2 instances that are kept as well, but nothing runs on them."""

from __future__ import annotations

from typing import Any, ClassVar

from smproject.sandbox.cloudformation.api import NotUpdatableError, Setting, call, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed, same
from smproject.sandbox.cloudformation.intrinsics import text
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.tags import Tagging

_ROLES = {"MasterInstanceGroup": "MASTER", "CoreInstanceGroup": "CORE"}
_GROUPS = (*_ROLES, "TaskInstanceGroups")
_INSTANCES = (
    *("AdditionalMasterSecurityGroups", "AdditionalSlaveSecurityGroups", "Ec2KeyName", "Ec2SubnetId"),
    *("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "KeepJobFlowAliveWhenNoSteps", "Placement"),
    *("ServiceAccessSecurityGroup", "TerminationProtected"),
)
_GROUP = ("AutoScalingPolicy", "BidPrice", "EbsConfiguration", "InstanceCount", "InstanceType", "Market", "Name")


@provides
class Cluster(Kept):
    """A cluster, which runs none of its steps."""

    type, service, ref = "AWS::EMR::Cluster", "emr", "JobFlowId"
    creates, deletes, delete_member = "RunJobFlow", "TerminateJobFlows", "JobFlowIds[]"
    reads, read_member, at = "DescribeCluster", "ClusterId", "Cluster"
    state, done, gone = "Status.State", ("WAITING", "RUNNING"), ("TERMINATED", "TERMINATED_WITH_ERRORS")
    tagging = Tagging("ResourceId", "AddTags", "RemoveTags")
    asked_as: ClassVar[dict[str, str]] = {
        "JobFlowRole": "Ec2InstanceAttributes.IamInstanceProfile",
        "PlacementGroupConfigs": "PlacementGroups",
    }
    untold: ClassVar[tuple[str, ...]] = ("Tags", "Instances", "Steps", "BootstrapActions")  # told by calls of their own
    tells: ClassVar[dict[str, str]] = {"MasterPublicDNS": "MasterPublicDnsName"}
    settings: ClassVar[dict[str, Setting]] = {
        "VisibleToAllUsers": Setting("SetVisibleToAllUsers", lambda value: {"VisibleToAllUsers": value}, default=False),
    }

    def translate(self, properties: Properties) -> Properties:
        """Write the groups of instances, and configurations, as the API has them."""
        written = {
            "Instances": _instances(properties["Instances"]),
            "Configurations": [_configuration(each) for each in properties.get("Configurations") or []],
        }
        return super().translate({name: written.get(name, item) for name, item in properties.items()})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change how many instances there are, whether they are protected, how many steps may run, who sees it."""
        updatable(before, after, "Instances", "StepConcurrencyLevel", "Tags", *self.settings)
        old, new, client = before["Instances"], after["Instances"], context.client("emr")
        counts = _counts(old, new)
        if "TerminationProtected" in changed(old, new):
            protected = {"JobFlowIds": [made.ref], "TerminationProtected": new.get("TerminationProtected", False)}
            call(client, "SetTerminationProtection", protected)
        groups = call(client, "ListInstanceGroups", {"ClusterId": made.ref})["InstanceGroups"] if counts else []
        for group in groups:
            if (count := counts.get((group["InstanceGroupType"], group["Name"]))) is not None:
                wanted = [{"InstanceGroupId": group["Id"], "InstanceCount": count}]
                call(client, "ModifyInstanceGroups", {"ClusterId": made.ref, "InstanceGroups": wanted})
        if "StepConcurrencyLevel" in changed(before, after):
            level = {"StepConcurrencyLevel": after.get("StepConcurrencyLevel", 1)}
            call(client, "ModifyCluster", {"ClusterId": made.ref} | level)
        brought = ("Instances", "StepConcurrencyLevel")
        left = ({**side, **{name: after[name] for name in brought if name in after}} for side in (before, after))
        return super().update(context, made, *left)


def _instances(instances: Properties) -> Properties:
    known(instances, *_GROUPS, *_INSTANCES)
    rest = {name: item for name, item in instances.items() if name not in _GROUPS}
    groups = [_group(instances[name], role) for name, role in _ROLES.items() if name in instances]
    tasks = [_group(each, "TASK") for each in instances.get("TaskInstanceGroups") or []]
    return {"KeepJobFlowAliveWhenNoSteps": True, **rest, "InstanceGroups": groups + tasks}


def _group(group: Properties, role: str) -> Properties:
    known(group, *_GROUP)
    return group | {"InstanceRole": role}


def _configuration(configuration: Properties) -> Properties:
    known(configuration, "Classification", "ConfigurationProperties", "Configurations")
    renamed = {"ConfigurationProperties": "Properties"}
    written = {renamed.get(name, name): item for name, item in configuration.items()}
    within = [_configuration(each) for each in configuration.get("Configurations") or []]
    return written | ({"Configurations": within} if within else {})


def _counts(before: Properties, after: Properties) -> dict[tuple[str, str], Any]:
    """Return the new counts of groups by role and name; refuse changes of anything else but the protection."""
    flag = "TerminationProtected"
    old, new = ({name: item for name, item in each.items() if name != flag} for each in (before, after))
    had, wanted = (_instances(each)["InstanceGroups"] for each in (old, new))
    plain = [[{k: v for k, v in group.items() if k != "InstanceCount"} for group in each] for each in (had, wanted)]
    others = [{k: v for k, v in each.items() if k not in _GROUPS} for each in (old, new)]
    if not same(plain[0], plain[1]) or not same(others[0], others[1]):
        raise NotUpdatableError("The sandbox can't change the property Instances in place but for counts of instances.")
    names = {"MASTER": "master", "CORE": "slave", "TASK": "Task instance group"}  # where the template names none
    return {
        (each["InstanceRole"], text(each.get("Name", names[each["InstanceRole"]]))): each["InstanceCount"]
        for each, former in zip(wanted, had, strict=True)
        if not same(each["InstanceCount"], former["InstanceCount"])
    }
