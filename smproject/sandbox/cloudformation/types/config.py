"""AWS Config: kept and described; nothing is recorded or judged here."""

from __future__ import annotations

from typing import ClassVar

from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import provides
from smproject.sandbox.cloudformation.simple import Answer, Simple


class _Config(Simple):
    """What one call puts and changes, described by one structure."""

    service, state_only = "config", True
    structure: ClassVar[str]

    def translate(self, properties: Properties) -> Properties:
        """Nest the properties."""
        return {self.structure: super().translate(properties)}


@provides
class ConfigRule(_Config):
    """A rule that resources should fulfil."""

    type, structure = "AWS::Config::ConfigRule", "ConfigRule"
    creates, updates, deletes, reads = "PutConfigRule", "PutConfigRule", "DeleteConfigRule", "DescribeConfigRules"
    delete_member, read_member, documents = "ConfigRuleName", "ConfigRuleNames[]", ("InputParameters",)
    name_property, name_limit = "ConfigRuleName", 128

    def found(self, sent: Properties, answer: Answer) -> Properties:
        """Return the rule's id and ARN."""
        [rule] = answer.get("ConfigRules") or [{}]
        names = {"Arn": "ConfigRuleArn", "ConfigRuleId": "ConfigRuleId"}
        return {name: rule[member] for name, member in names.items() if member in rule}


@provides
class ConfigurationRecorder(_Config):
    """A recorder of configurations."""

    type, structure = "AWS::Config::ConfigurationRecorder", "ConfigurationRecorder"
    creates, updates, deletes = "PutConfigurationRecorder", "PutConfigurationRecorder", "DeleteConfigurationRecorder"
    delete_member, name_property, name_limit = "ConfigurationRecorderName", "Name", 256


@provides
class DeliveryChannel(_Config):
    """Where configurations would be sent."""

    type, structure = "AWS::Config::DeliveryChannel", "DeliveryChannel"
    creates, updates, deletes = "PutDeliveryChannel", "PutDeliveryChannel", "DeleteDeliveryChannel"
    delete_member, name_property, name_limit = "DeliveryChannelName", "Name", 256
