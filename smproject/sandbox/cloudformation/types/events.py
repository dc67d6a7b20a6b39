"""EventBridge rules."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import document
from smproject.sandbox.cloudformation.tags import Tagging

_TAGS = Tagging("ResourceARN")


@provides
class Rule(Provider):
    """An EventBridge rule with its targets."""

    type = "AWS::Events::Rule"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the rule, then its targets."""
        events, name = context.client("events"), properties.get("Name") or context.name(64)
        bus = {"EventBusName": properties["EventBusName"]} if "EventBusName" in properties else {}
        arn = self._put(context, name, properties)
        # A rule of another bus than the default one is known by both names.
        made = Made(f"{bus['EventBusName']}|{name}" if bus else name, {"Arn": arn, "RuleName": name, "_bus": bus})
        if targets := properties.get("Targets"):
            with undone_on_failure(lambda: self.delete(context, made)):
                call(events, "PutTargets", bus | {"Rule": name, "Targets": targets})
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the rule anew, put its targets and remove those that are no more."""
        events, differ = context.client("events"), changed(before, after)
        bus, name = made.attributes["_bus"], made.attributes["RuleName"]
        if set(differ) - {"Targets", "Tags"}:
            self._put(context, name, {key: value for key, value in after.items() if key != "Tags"})
        if "Targets" in differ:
            old, new = ({t["Id"]: t for t in side.get("Targets", [])} for side in (before, after))
            if new:
                call(events, "PutTargets", bus | {"Rule": name, "Targets": list(new.values())})
            if gone := sorted(set(old) - set(new)):
                events.remove_targets(Rule=name, Ids=gone, **bus)
        _TAGS.update(events, made.attributes["Arn"], before, after)
        return made

    def _put(self, context: Context, name: str, properties: Properties) -> str:
        rule = {key: value for key, value in properties.items() if key != "Targets"} | {"Name": name}
        if "EventPattern" in rule:
            rule["EventPattern"] = document(rule["EventPattern"])
        return str(call(context.client("events"), "PutRule", rule)["RuleArn"])

    def delete(self, context: Context, made: Made) -> None:
        """Remove the targets, then the rule; what is gone already is deleted."""
        events, bus, name = context.client("events"), made.attributes["_bus"], made.attributes["RuleName"]
        try:
            ids = [target["Id"] for target in events.list_targets_by_rule(Rule=name, **bus)["Targets"]]
        except events.exceptions.ResourceNotFoundException:
            return
        if ids:
            events.remove_targets(Rule=name, Ids=ids, **bus)
        events.delete_rule(Name=name, **bus)
