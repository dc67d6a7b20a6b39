"""The members of CreationPolicy and UpdatePolicy, as schemas for the providers that obey them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.keywords import Schema


def members(**declared: Schema) -> Schema:
    """Return the schema of an object with these members and no other."""
    return {"type": "object", "properties": declared, "additionalProperties": False}


FLAG: Schema = {"type": "boolean"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_PERCENT: Schema = {"type": "integer", "minimum": 0, "maximum": 100}
_DURATION: Schema = {"type": "string", "pattern": r"^PT(\d+H)?(\d+M)?(\d+S)?$"}
_PROCESSES: Schema = {
    "type": "array",
    "items": {
        "type": "string",
        "enum": [
            *("Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck"),
            *("InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"),
        ],
    },
}
_SIGNAL = members(Count={"type": "integer", "minimum": 1}, Timeout=_DURATION)

SIGNALLED: dict[str, Any] = {"CreationPolicy": members(ResourceSignal=_SIGNAL)}
GROUP: dict[str, Any] = {
    "CreationPolicy": members(
        ResourceSignal=_SIGNAL, AutoScalingCreationPolicy=members(MinSuccessfulInstancesPercent=_PERCENT)
    ),
    "UpdatePolicy": members(
        AutoScalingReplacingUpdate=members(WillReplace=FLAG),
        AutoScalingRollingUpdate=members(
            MaxBatchSize={"type": "integer", "minimum": 1},
            MinActiveInstancesPercent=_PERCENT,
            MinInstancesInService=_COUNT,
            MinSuccessfulInstancesPercent=_PERCENT,
            PauseTime=_DURATION,
            SuspendProcesses=_PROCESSES,
            WaitOnResourceSignals=FLAG,
        ),
        AutoScalingScheduledAction=members(IgnoreUnmodifiedGroupSizeProperties=FLAG),
    ),
}
