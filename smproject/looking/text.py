"""A template as text for people."""

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from smproject.looking.pipelines import Delivery, Pipeline
from smproject.looking.roles import Role
from smproject.looking.view import FILLED_IN, Parameter, View

WIDTH = 110


def lines(seen: View) -> Iterator[str]:
    """Yield the lines of all that is known of a template."""
    yield f"{seen.id} {seen.version}: {seen.title}"
    yield from _wrapped(seen.description, 2)
    for title, section in (
        ("Parameters", _parameters(seen.parameters)),
        ("Resources", _resources(seen)),
        ("Roles", (line for role in seen.roles for line in _role(role))),
        ("Pipelines", _pipelines(seen)),
        ("Outputs", _pairs(dict(seen.outputs))),
        ("Seeds", _pairs(dict(seen.seeds))),
    ):
        found = list(section)
        if found:
            yield from ("", title, *found)


def default_of(parameter: Parameter) -> str:
    """A parameter's default in words."""
    if parameter.name in FILLED_IN:
        return "filled in by SageMaker"
    return "must be given" if parameter.default is None else f"default {parameter.default or 'empty'}"


def waits(pipeline: Pipeline) -> Iterator[tuple[str, str, str]]:
    """Yield name and type of each step, and in words what it waits for."""
    for step in pipeline.steps:
        branches = [f"{name} {branch}" for name, branch in step.after.items() if branch]
        others = [name for name, branch in step.after.items() if not branch]
        yield step.name, step.type, f"after {', '.join(others + branches)}" if step.after else "first"


def stages(delivery: Delivery) -> str:
    """The actions of a CodePipeline in order, those of a stage together."""
    grouped = groupby(delivery.actions, key=lambda action: action.stage)
    return " > ".join(f"{stage} ({', '.join(a.provider for a in actions)})" for stage, actions in grouped)


def _parameters(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    for group, members in groupby(parameters, key=lambda each: each.group):
        yield f"  {group}"
        for each in members:
            yield f"    {each.name} ({each.type}, {default_of(each)})"
            yield from _wrapped(each.description, 8)
            if each.allowed:
                yield from _wrapped(f"allowed: {each.allowed}", 8)


def _resources(seen: View) -> Iterator[str]:
    for type_, ids in seen.resources.items():
        yield from _wrapped(f"{type_}: {', '.join(ids)}", 2)


def _role(role: Role) -> Iterator[str]:
    yield f"  {role.id}" + (f" ({role.name})" if role.name else "")
    if role.description:
        yield from _wrapped(role.description, 6)
    yield f"      assumed by {', '.join(role.assumed_by)}"
    rights = [f"{service} {summary}" for service, summary in role.summary.items()]
    yield from _wrapped(f"may use, by number of actions: {'; '.join(rights) or 'nothing'}", 6)
    for arn in (*role.managed_policies, *(f"assumes {arn}" for arn in role.assumes)):
        yield f"      {arn}"


def _pipelines(seen: View) -> Iterator[str]:
    for delivery in seen.deliveries:
        yield f"  CodePipeline {delivery.title}"
        yield from _wrapped(stages(delivery), 4)
    for pipeline in seen.pipelines:
        yield f"  SageMaker pipeline {pipeline.name}"
        for name, type_, after in waits(pipeline):
            yield f"    {name} ({type_}) {after}"


def _pairs(values: dict[str, str]) -> Iterator[str]:
    width = max(map(len, values), default=0)
    for key, value in values.items():
        yield f"  {key:<{width}}  {value}"


def _wrapped(text: str, indent: int) -> Iterator[str]:
    space = " " * indent
    yield from wrap(text, WIDTH, initial_indent=space, subsequent_indent=f"{space}  ", break_long_words=False)
