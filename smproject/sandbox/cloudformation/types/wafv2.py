"""Web ACLs: kept and described; no request passes through one here."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import UnsupportedPropertyError, call, known, remove, request, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.state_only import holds
from smproject.sandbox.cloudformation.tags import Tagging, spelled

_KEPT = (
    *("AssociationConfig", "CaptchaConfig", "ChallengeConfig", "CustomResponseBodies", "DefaultAction"),
    *("Description", "Rules", "TokenDomains", "VisibilityConfig"),
)
_TAGS = Tagging("ResourceARN")


@provides
class WebACL(Provider):
    """Rules about which requests to let through."""

    type, state_only = "AWS::WAFv2::WebACL", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the ACL."""
        known(properties, "Name", "Scope", "Tags", *_KEPT)
        client, name, scope = context.client("wafv2"), properties.get("Name"), properties["Scope"]
        named = {"Name": name or context.name(128), "Scope": scope}
        tags = {"Tags": spelled(properties["Tags"])} if properties.get("Tags") else {}
        summary = call(client, "CreateWebACL", _kept(properties) | named | tags)["Summary"]
        target = {**named, "Id": summary["Id"]}
        told = {"Id": summary["Id"], "Arn": summary["ARN"], "_target": target}
        made = Made(f"{named['Name']}|{summary['Id']}|{scope}", told)
        with undone_on_failure(lambda: self.delete(context, made)):
            return _looked_at(client, made, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change everything but name and scope."""
        updatable(before, after, "Tags", *_KEPT)
        client, target = context.client("wafv2"), made.attributes["_target"]
        if set(changed(before, after)) - {"Tags"}:
            token = call(client, "GetWebACL", target)["LockToken"]
            cleared: Properties = {"Rules": []} | ({"Description": ""} if "Description" in before else {})
            call(client, "UpdateWebACL", cleared | _kept(after) | target | {"LockToken": token})
        _TAGS.update(client, made.attributes["Arn"], before, after)
        return _looked_at(client, made, after)

    def delete(self, context: Context, made: Made) -> None:
        """Delete the ACL."""
        client, target = context.client("wafv2"), made.attributes["_target"]
        token = call(client, "GetWebACL", target)["LockToken"]
        remove(client, "DeleteWebACL", target | {"LockToken": token})


def _kept(properties: Properties) -> Properties:
    return {name: properties[name] for name in _KEPT if name in properties}


def _looked_at(client: Any, made: Made, properties: Properties) -> Made:
    """Return the ACL with its attributes; raises UnsupportedPropertyError for what the service has not kept."""
    told = call(client, "GetWebACL", made.attributes["_target"])["WebACL"]
    asked = request(client, "UpdateWebACL", _kept(properties))
    if lost := next((name for name, value in asked.items() if not holds(told.get(name), value)), ""):
        raise UnsupportedPropertyError(f"The sandbox does not keep the property {lost} of AWS::WAFv2::WebACL.")
    read = {"Capacity": str(told["Capacity"]), "LabelNamespace": told["LabelNamespace"]}
    return Made(made.ref, made.attributes | read)
