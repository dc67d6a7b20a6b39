"""What a rule's target receives: the event, a part of it, a constant, or a template filled in from it."""

from __future__ import annotations

import json
import re
from typing import Any

_PLACEHOLDER = re.compile(r"<([\w.-]+)>")
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]|\['([^']+)'\]")


def target_input(event: dict[str, Any], rule: dict[str, Any], target: dict[str, Any]) -> str:
    """Return the text that a target receives, by its Input, InputPath or InputTransformer."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(look_up(event, target["InputPath"]))
    if "InputTransformer" in target:
        return _transform(event, rule, target["InputTransformer"])
    return json.dumps(event)


def with_paths(event: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    """Return a target whose pipeline parameters have, in place of a JSON path, what it finds in the event.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html#targets-specifics-dynamic
    """
    parameters = target.get("SageMakerPipelineParameters", {}).get("PipelineParameterList", [])
    if not any(each["Value"].startswith("$.") for each in parameters):
        return target
    filled = [each | {"Value": _found(event, each["Value"])} for each in parameters]
    return target | {"SageMakerPipelineParameters": {"PipelineParameterList": filled}}


def _found(event: dict[str, Any], value: str) -> str:
    if not value.startswith("$."):
        return value
    found = look_up(event, value)
    if found is None:
        raise ValueError(f"The event has nothing at {value}, which a parameter of the target names.")
    return found if isinstance(found, str) else json.dumps(found)


def look_up(event: Any, path: str) -> Any:
    """Return what a JSON path such as `$.detail.names[0]` finds; None when there is nothing."""
    steps = list(_STEP.finditer(path.removeprefix("$")))
    if "".join(step.group() for step in steps) != path.removeprefix("$"):
        raise ValueError(f"The sandbox reads JSON paths of names and indexes only, not {path}.")
    for step in steps:
        name, index, quoted = step.groups()
        try:
            event = event[int(index)] if index is not None else event[name or quoted]
        except (LookupError, TypeError):
            return None
    return event


def _transform(event: dict[str, Any], rule: dict[str, Any], transformer: dict[str, Any]) -> str:
    """Fill in a template (docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html).

    In a JSON template a string gets its quotes unless the placeholder already stands inside some.
    """
    template: str = transformer["InputTemplate"]
    values = {key: look_up(event, path) for key, path in transformer.get("InputPathsMap", {}).items()}
    values |= {"aws.events.rule-arn": rule["Arn"], "aws.events.rule-name": rule["Name"]}
    values |= {
        "aws.events.event": event,
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event["time"],
    }
    is_json = template.lstrip().startswith(("{", "["))

    def fill(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            return match.group()
        written = json.dumps(values[match.group(1)])
        quoted = template[: match.start()].replace('\\"', "").count('"') % 2 == 1
        is_text = isinstance(values[match.group(1)], str)
        return written[1:-1] if is_text and (quoted or not is_json) else written

    return _PLACEHOLDER.sub(fill, template)
