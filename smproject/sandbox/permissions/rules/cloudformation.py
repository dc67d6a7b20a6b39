"""CloudFormation: a stack is known by its id, which a new one does not have yet."""

from __future__ import annotations

from smproject.sandbox.permissions.asked import Asked
from smproject.sandbox.permissions.rules.common import Items, Name, Rule, arn, each, first

_OF_STACKS = (
    *("CancelUpdateStack", "ContinueUpdateRollback", "CreateChangeSet", "DeleteChangeSet", "DeleteStack"),
    *("DescribeChangeSet", "DescribeChangeSetHooks", "DescribeEvents", "DescribeStackEvents", "DescribeStackResource"),
    *("DescribeStackResourceDrifts", "DescribeStackResources", "DescribeStacks", "DetectStackDrift"),
    *("DetectStackResourceDrift", "ExecuteChangeSet", "GetStackPolicy", "GetTemplate", "GetTemplateSummary"),
    *("ListChangeSets", "ListStackResources", "RollbackStack", "SetStackPolicy", "SignalResource", "TagResource"),
    *("UntagResource", "UpdateStack", "UpdateTerminationProtection"),
)


def _stack(asked: Asked) -> Items:
    if name := first(asked, "{StackName}", "{StackId}"):
        known = name if name.startswith("arn:") else asked.stack_id({"StackName": name})
        return [(known or arn(asked, f"stack/{name}/*"),)]
    change_set = first(asked, "{ChangeSetName}")  # its ARN does not tell its stack
    known = asked.stack_id({"ChangeSetName": change_set}) if change_set.startswith("arn:") else ""
    return [(known,)] if known else []


def _new(asked: Asked) -> Items:
    return [(arn(asked, f"stack/{first(asked, '{StackName}')}/*"),)]


RULES: dict[tuple[str, str], Rule] = {
    **each("cloudformation", _stack, _OF_STACKS),
    ("cloudformation", "CreateStack"): _new,
}
NAMES: dict[tuple[str, str], Name] = {}
