"""What a request must acknowledge before CloudFormation executes its template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (Capabilities)
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Request, ServiceError

AUTO_EXPAND = "CAPABILITY_AUTO_EXPAND"
_NAMES = {  # the types that need an acknowledgment, and the property with which the template names one
    "AWS::IAM::AccessKey": "",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": "",
}


def needed(content: dict[str, Any]) -> list[str]:
    """Return the capabilities that a template's resources need."""
    items = [item for item in content["Resources"].values() if item.get("Type") in _NAMES]
    named = any(_NAMES[item["Type"]] in item.get("Properties", {}) for item in items)
    return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"] if items else []


def reason(content: dict[str, Any]) -> str:
    """Return why a template needs capabilities; nothing when it needs none."""
    types = sorted({item["Type"] for item in content["Resources"].values() if item.get("Type") in _NAMES})
    return f"The following resource(s) require capabilities: [{', '.join(types)}]" if types else ""


def demand(request: Request, wanted: list[str]) -> None:
    """Raise ServiceError (InsufficientCapabilitiesException) for capabilities that a request doesn't acknowledge."""
    granted = set(request.get("Capabilities") or [])
    granted |= {"CAPABILITY_IAM"} if "CAPABILITY_NAMED_IAM" in granted else set()
    if missing := [name for name in wanted if name not in granted]:
        raise ServiceError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(missing)}]")
