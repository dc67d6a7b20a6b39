"""A plan as people read it: what would be done, and in red what gives rights or takes things away."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import click

from smproject.planning import schemas
from smproject.planning.changes import (
    BLOCKED,
    UNCHANGED,
    UPDATE,
    Plan,
    PortfolioChange,
    ProductChange,
    StackChange,
    Upload,
    Value,
)
from smproject.planning.parameters import ParameterChange
from smproject.planning.replacing import ResourceChange
from smproject.planning.rights import RightChange
from smproject.planning.templates import TemplateChange

SPEAKS = {"may": "{0} may", "trust": "who may assume {0}", "policy": "{0} lets others"}
INDENT = "  "


def lines(plan: Plan) -> Iterator[str]:
    """Yield the plan, line by line."""
    for stack in plan.stacks:
        yield from _stack(stack)
    for portfolio in plan.portfolios:
        yield from _portfolio(portfolio)
    for product in plan.products:
        if product.action != UNCHANGED:
            yield from _product(product)
    same = [each.id for each in plan.products if each.action == UNCHANGED]
    if same:
        yield f"unchanged: {', '.join(same)}"
    yield from _uploads(plan)
    for domain in plan.domains:
        yield f"domain {domain}: gets the tag that offers the templates"
    yield f"{plan.place}: {_end(plan)}"


def _stack(stack: StackChange) -> Iterator[str]:
    told = f"stack {stack.name}: {stack.action}{', ' + stack.reason if stack.reason else ''}"
    yield _red(told) if stack.action == BLOCKED else told
    for value in stack.values:
        yield f"{INDENT}{_value(value)}"
    yield from template_lines(stack.template, "the stack")


def _portfolio(portfolio: PortfolioChange) -> Iterator[str]:
    told = f"for {portfolio.principal.after}" if portfolio.principal.before is None else ""
    yield f"portfolio {portfolio.name}: {portfolio.action}{', ' + told if told else ''}"
    if portfolio.principal.before is not None and portfolio.principal.before != portfolio.principal.after:
        told = f"{INDENT}{'wider: ' if portfolio.widened else ''}{_value(portfolio.principal)}"
        yield _red(told) if portfolio.widened else told
    for key, value in portfolio.add_tags:
        yield f"{INDENT}tag option {key}={value} added"
    for key, value in portfolio.remove_tags:
        yield f"{INDENT}tag option {key}={value} removed"
    if portfolio.stack.action in (UPDATE, BLOCKED):
        yield from _indented(_stack(portfolio.stack))


def _product(product: ProductChange) -> Iterator[str]:
    yield f"product {product.id}: {_versions(product)}"
    for name in product.deprecate:
        yield f"{INDENT}deprecates version {name}"
    for name in product.retire:
        yield f"{INDENT}retires version {name}"
    role = product.launch_role
    if role and role.before is None:
        yield f"{INDENT}launched by {role.after}"
    elif role and role.before != role.after:
        yield f"{INDENT}{_value(role)}"
    if product.note:
        yield _red(f"{INDENT}{product.note}")
    yield from template_lines(product.template, "existing projects")
    if product.stack and product.stack.action in (UPDATE, BLOCKED):
        yield from _indented(_stack(product.stack))


def _versions(product: ProductChange) -> str:
    """What becomes of a product, and why."""
    if product.before is None or product.action == BLOCKED:
        return f"{product.action}{', version ' + product.create if product.create else ''}"
    why = f"template {product.before} is now {product.after}"
    if product.create:
        return f"new version {product.create}, for {why}"
    return product.action if product.before == product.after else f"changed: {why}"


def template_lines(change: TemplateChange | None, of: str) -> Iterator[str]:
    """Yield what a template changes, line by line; `of` says what an update would change by that."""
    if change is None:
        return
    for parameter in change.parameters:
        yield f"{INDENT}{_parameter(parameter, of)}"
    for right in change.rights:
        yield f"{INDENT}{_right(right)}"
    for resource in change.resources:
        yield f"{INDENT}{_resource(resource, of)}"


def _parameter(change: ParameterChange, of: str) -> str:
    if change.change == "changed":
        return f"parameter {change.name}: {change.rule} {_said(change.before)}, then {_said(change.after)}"
    if change.needed:
        return f"parameter {change.name} added, without a default: an update of {of} must give it"
    default = f", by default {_said(change.after)}" if change.change == "added" else ""
    return f"parameter {change.name} {change.change}{default}"


def _right(change: RightChange) -> str:
    told = f"{change.effect}: {SPEAKS[change.kind].format(change.subject)}, {change.statement}: {change.text}"
    return _red(told) if change.widens else told


def _resource(change: ResourceChange, of: str) -> str:
    kept = "; the old one is kept" if change.kept else ""
    told = f"{change.change} by an update of {of}: {change.id} ({change.type}), {change.reason}{kept}"
    return told if kept else _red(told)


def _uploads(plan: Plan) -> Iterator[str]:
    """Yield a line for each folder of files: seeds and templates have one each."""
    verb = "writes" if plan.target == "folder" else "uploads"

    def place(upload: Upload) -> tuple[str, bool]:
        return upload.key.partition("/")[0] if "/" in upload.key else "", upload.only_tags

    for (folder, only_tags), group in groupby(sorted(plan.uploads, key=place), key=place):
        files = list(group)
        told = files[0].key if len(files) == 1 else f"{len(files)} files below {folder}/"
        size = "" if only_tags else f", {sum(each.size for each in files) / 1024:.0f} KiB"
        yield f"{'tags' if only_tags else verb} {told}{size}"


def _end(plan: Plan) -> str:
    if plan.blocked:
        return "publishing would stop at what is blocked; nothing was changed"
    if not plan.changed:
        return "nothing to do"
    counted: dict[str, Sequence[Any]] = {
        "stack": [each for each in plan.stacks if each.action != UNCHANGED],
        "portfolio": [each for each in plan.portfolios if each.action != UNCHANGED],
        "product": [each for each in plan.products if each.action != UNCHANGED],
        "file": plan.uploads,
        "domain": plan.domains,
    }
    told = [_count(len(each), name) for name, each in counted.items() if each]
    wider = _red(f"; rights get wider in {_count(plan.widened, 'place')}") if plan.widened else ""
    return f"{', '.join(told)} to do{wider}; nothing was changed"


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def sources(plan: Plan) -> str:
    """How it is known what an update replaces, for who has to rely on it; empty where that was no question."""
    templates = [*(each.template for each in plan.every_stack), *(each.template for each in plan.products)]
    if not any(templates):
        return ""
    if not schemas.can_tell():
        return "which resources are replaced is not known: run pip install 'sagemaker-project-templates[sandbox]'"
    return "what is replaced is told by the templates and CloudFormation's schemas; no project was asked"


def _value(value: Value) -> str:
    return f"{value.name}: {_said(value.before)}, then {_said(value.after)}"


def _said(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value) or '""'


def _indented(told: Iterator[str]) -> Iterator[str]:
    return (INDENT + line for line in told)


def _red(text: str) -> str:
    return click.style(text, fg="red")
