"""EventBridge rules."""

from __future__ import annotations

import json

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging

_TAGS = Tagging("ResourceARN")


@provides
class Rule(Provider):
    """An EventBridge rule with its targets."""

    type = "AWS::Events::Rule"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the rule, then its targets."""
        events, name = context.client("events"), properties.get("Name") or context.name(64)
        arn = self._put(context, name, properties)
        made = Made(name, {"Arn": arn})
        if targets := properties.get("Targets"):
            with undone_on_failure(lambda: self.delete(context, made)):
                call(events, "PutTargets", {"Rule": name, "Targets": targets})
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the rule anew, put its targets and remove those that are no more."""
        events, differ = context.client("events"), changed(before, after)
        if set(differ) - {"Targets", "Tags"}:
            self._put(context, made.ref, {key: value for key, value in after.items() if key != "Tags"})
        if "Targets" in differ:
            old, new = ({t["Id"]: t for t in side.get("Targets", [])} for side in (before, after))
            if new:
                call(events, "PutTargets", {"Rule": made.ref, "Targets": list(new.values())})
            if gone := sorted(set(old) - set(new)):
                events.remove_targets(Rule=made.ref, Ids=gone)
        _TAGS.update(events, made.attributes["Arn"], before, after)
        return made

    def _put(self, context: Context, name: str, properties: Properties) -> str:
        rule = {key: value for key, value in properties.items() if key != "Targets"} | {"Name": name}
        if "EventPattern" in rule:
            rule["EventPattern"] = json.dumps(rule["EventPattern"])
        return str(call(context.client("events"), "PutRule", rule)["RuleArn"])

    def delete(self, context: Context, made: Made) -> None:
        """Remove the targets, then the rule."""
        events = context.client("events")
        ids = [target["Id"] for target in events.list_targets_by_rule(Rule=made.ref)["Targets"]]
        if ids:
            events.remove_targets(Rule=made.ref, Ids=ids)
        events.delete_rule(Name=made.ref)
