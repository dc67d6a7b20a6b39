"""Application Auto Scaling: what may be scaled, and how."""

from __future__ import annotations

from smproject.sandbox.cloudformation.api import call
from smproject.sandbox.cloudformation.changes import Properties
from smproject.sandbox.cloudformation.provider import Context, Made, provides, undone_on_failure
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging

_TAGS = Tagging("ResourceARN", spelling=None)
_TARGET = ("ResourceId", "ScalableDimension", "ServiceNamespace")


class _Scaling(Simple):
    """What is named by its target: the properties of that stay with the resource."""

    service = "application-autoscaling"
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
    """What may be scaled, and between which bounds."""

    type = "AWS::ApplicationAutoScaling::ScalableTarget"
    creates, updates, deletes = "RegisterScalableTarget", "RegisterScalableTarget", "DeregisterScalableTarget"
    patches, tagging = True, _TAGS

    def create(self, context: Context, properties: Properties) -> Made:
        """Register the target, then tag it."""
        made = super().create(context, {name: item for name, item in properties.items() if name != "Tags"})
        with undone_on_failure(lambda: self.delete(context, made)):
            _TAGS.update(context.client(self.service), self.arn(made), {}, properties)
        return made

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
    """How a target is scaled."""

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
