"""IoT's things, policies and rules: kept and described, but no message is ever routed here."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.api import call, known, remove
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.kept import Kept
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.simple import Answer, document


class _Iot(Kept):
    """A resource of IoT; moto keeps no tags of them, so these are refused."""

    service, at, name_limit = "iot", "@", 128

    def create(self, context: Context, properties: Properties) -> Made:
        """Create what can be kept."""
        known(properties, *(name for name in self.takes))
        return super().create(context, properties)

    takes: ClassVar[tuple[str, ...]]

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(str(sent[self.name_property]))


@provides
class Thing(_Iot):
    """A thing."""

    type, name_property, takes = "AWS::IoT::Thing", "ThingName", ("ThingName", "AttributePayload")
    creates, updates, deletes = "CreateThing", "UpdateThing", "DeleteThing"
    reads, delete_member, patches = "DescribeThing", "thingName", True
    asked_as: ClassVar[dict[str, str]] = {"attributePayload": "{attributes: attributes}"}
    fallbacks: ClassVar[Properties] = {"AttributePayload": {"Attributes": {}}}
    tells: ClassVar[dict[str, str]] = {"Arn": "thingArn", "Id": "thingId"}


@provides
class Policy(_Iot):
    """What things may do; a change is a new version of it, which is the only one."""

    type, name_property, takes = "AWS::IoT::Policy", "PolicyName", ("PolicyName", "PolicyDocument")
    creates, deletes, reads, delete_member = "CreatePolicy", "DeletePolicy", "GetPolicy", "policyName"
    documents = ("PolicyDocument",)
    tells: ClassVar[dict[str, str]] = {"Arn": "policyArn", "Id": "policyName"}

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Make a new version the default, then delete the others."""
        client = context.client("iot")
        if "PolicyDocument" in changed(before, after):
            wanted = {"policyDocument": document(after["PolicyDocument"]), "setAsDefault": True}
            call(client, "CreatePolicyVersion", self.target(made) | wanted)
            for version in call(client, "ListPolicyVersions", self.target(made))["policyVersions"]:
                if not version["isDefaultVersion"]:
                    gone = {"policyVersionId": version["versionId"]}
                    remove(client, "DeletePolicyVersion", self.target(made) | gone)
        return super().update(context, made, after, after)


@provides
class TopicRule(_Iot):
    """What would be done with messages."""

    type, name_property, takes = "AWS::IoT::TopicRule", "RuleName", ("RuleName", "TopicRulePayload")
    creates, updates, deletes = "CreateTopicRule", "ReplaceTopicRule", "DeleteTopicRule"
    reads, delete_member = "GetTopicRule", "ruleName"
    asked_as: ClassVar[dict[str, str]] = {"topicRulePayload": "rule", "ruleName": "rule.ruleName"}
    tells: ClassVar[dict[str, str]] = {"Arn": "ruleArn"}

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the rule under a name that IoT takes: without hyphens."""
        generated = context.name(self.name_limit).replace("-", "_")
        return super().create(context, {"RuleName": generated} | properties)


class _Attachment(Provider):
    """Something that a principal, such as a certificate, is attached to; each change is another attachment."""

    state_only = True
    attaches: ClassVar[str]
    detaches: ClassVar[str]
    to: ClassVar[str]
    principal: ClassVar[str] = "Principal"

    def create(self, context: Context, properties: Properties) -> Made:
        """Attach the principal."""
        known(properties, self.to, "Principal")
        target = {self.to: properties[self.to], self.principal: properties["Principal"]}
        call(context.client("iot"), self.attaches, target)
        return Made(f"{properties[self.to]}|{properties['Principal']}", {"_target": target})

    def delete(self, context: Context, made: Made) -> None:
        """Detach the principal."""
        remove(context.client("iot"), self.detaches, made.attributes["_target"])


@provides
class PolicyPrincipalAttachment(_Attachment):
    """A policy that a principal has."""

    type, attaches, detaches = "AWS::IoT::PolicyPrincipalAttachment", "AttachPolicy", "DetachPolicy"
    to, principal = "PolicyName", "Target"


@provides
class ThingPrincipalAttachment(_Attachment):
    """A thing that a principal speaks for."""

    type, attaches, detaches = "AWS::IoT::ThingPrincipalAttachment", "AttachThingPrincipal", "DetachThingPrincipal"
    to = "ThingName"
