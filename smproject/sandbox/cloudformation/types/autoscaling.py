"""Application Auto Scaling: what may be scaled, and how."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import call, remove
from smproject.sandbox.cloudformation.changes import Properties, same
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging

_TAGS = Tagging("ResourceARN", spelling=None)
_ACTIONS = "ScheduledActions"
_RUNNING = {
    f"{what}Suspended": False for what in ("DynamicScalingIn", "DynamicScalingOut", "ScheduledScaling")
}  # the state that nothing is said of
_TARGET = ("ResourceId", "ScalableDimension", "ServiceNamespace")


class _Scaling(Simple):
    """What is named by its target: the properties of that stay with the resource."""

    service, state_only = "application-autoscaling", True
    delete_names: tuple[str, ...] = _TARGET

    def delete(self, context: Context, made: Made) -> None:
        """Delete by target."""
        call(
            context.client(self.service),
            self.deletes,
            {name: made.attributes[f"_{name}"] for name in self.delete_names},
        )

    def kept(self, sent: Properties) -> Properties:
        """Return the attributes that the deletion needs."""
        return {f"_{name}": sent[name] for name in self.delete_names}


@provides
class ScalableTarget(_Scaling):
    """What may be scaled, and between which bounds; nothing is ever scaled."""

    type = "AWS::ApplicationAutoScaling::ScalableTarget"
    creates, updates, deletes = "RegisterScalableTarget", "RegisterScalableTarget", "DeregisterScalableTarget"
    patches, tagging = True, _TAGS

    def create(self, context: Context, properties: Properties) -> Made:
        """Register the target, then tag it and schedule its actions."""
        apart = ("Tags", _ACTIONS)
        made = super().create(context, {name: item for name, item in properties.items() if name not in apart})
        with undone_on_failure(lambda: self.delete(context, made)):
            _TAGS.update(context.client(self.service), self.arn(made), {}, properties)
            return self._schedule(context, made, {}, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Register the target with its new bounds, then schedule other actions."""
        lasting = {"SuspendedState": _RUNNING} if "SuspendedState" in before | after else {}
        had, wanted = (
            lasting | {name: item for name, item in each.items() if name != _ACTIONS} for each in (before, after)
        )
        return self._schedule(context, super().update(context, made, had, wanted), before, after)

    def delete(self, context: Context, made: Made) -> None:
        """Take the target's actions away, then the target."""
        self._schedule(context, made, {_ACTIONS: made.attributes.get("_actions", [])}, {})
        super().delete(context, made)

    def _schedule(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the actions that are new or differ, and delete those that are gone."""
        client, target = context.client(self.service), {name: made.attributes[f"_{name}"] for name in _TARGET}
        had, wanted = ({a["ScheduledActionName"]: a for a in each.get(_ACTIONS, [])} for each in (before, after))
        for name in sorted(set(had) - set(wanted)):
            remove(client, "DeleteScheduledAction", target | {"ScheduledActionName": name})
        for name in wanted:
            if not same(had.get(name), wanted[name]):
                call(client, "PutScheduledAction", target | wanted[name])
        return Made(made.ref, made.attributes | {"_actions": after.get(_ACTIONS, [])})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the target's three names."""
        name = "|".join(sent[key] for key in _TARGET)
        arn = {"_arn": answer["ScalableTargetARN"]} if "ScalableTargetARN" in answer else {}
        return Made(name, {"Id": name, **arn} | self.kept(sent))

    def arn(self, made: Made) -> str:
        """Return the target's ARN, which is not an attribute of the type."""
        return str(made.attributes["_arn"])


@provides
class ScalingPolicy(_Scaling):
    """How a target would be scaled."""

    type = "AWS::ApplicationAutoScaling::ScalingPolicy"
    creates, updates, deletes = "PutScalingPolicy", "PutScalingPolicy", "DeleteScalingPolicy"
    delete_names = ("PolicyName", *_TARGET)

    def translate(self, properties: Properties) -> Properties:
        """Take the target's id apart, where the template gives it in place of its three names."""
        rest = {key: value for key, value in properties.items() if key != "ScalingTargetId"}
        names = properties.get("ScalingTargetId", "").split("|")
        return super().translate((dict(zip(_TARGET, names, strict=True)) if len(names) == len(_TARGET) else {}) | rest)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN."""
        return Made(answer["PolicyARN"], {"Arn": answer["PolicyARN"]} | self.kept(sent))
