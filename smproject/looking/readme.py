"""The README of a template, generated from its manifest and its template.yaml."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from smproject.catalog import ADMIN, PROJECTS, Template
from smproject.looking import accounts, pipelines
from smproject.looking.mermaid import mermaid
from smproject.looking.roles import Role
from smproject.looking.text import default_of, stages, waits
from smproject.looking.view import Parameter, View, view

HEADER = "<!-- Generated from project.yaml and template.yaml. Edit the fragments, then run: smproject assemble -->"
# By portfolio: who deploys its products, and where.
WHO = {
    ADMIN: "An administrator launches it from Service Catalog",
    PROJECTS: "A data scientist creates a project from it in SageMaker Studio",
}
# CloudFormation takes larger templates from S3 only.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LARGEST_BODY = 51_200


def readme(template: Template) -> str:
    """Return the text of README.md; raises CatalogError when template.yaml is missing."""
    seen = view(template)
    parts = [
        f"{HEADER}\n\n# {seen.title}\n\n`{seen.id}`, version {seen.version}. {seen.description}",
        _section("Deploy it", _deployment(seen, template)),
        _section("Parameters", _parameters(seen.parameters)),
        _section("What it makes", _table(("type", "resources"), _resources(seen))),
        _section("Roles", _roles(seen.roles)),
        _section("Pipelines", _pipelines(seen)),
        _section("Accounts", _diagram(mermaid(accounts.graph(seen, template)))),
        _section(
            "Outputs", _table(("output", "what it is"), ((f"`{key}`", text) for key, text in seen.outputs.items()))
        ),
        _section("Seed code", _seeds(template)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def is_current(template: Template) -> bool:
    """Whether the committed README.md is what the manifest and the template make."""
    path = template.folder / "README.md"
    return template.path.is_file() and path.is_file() and path.read_text() == readme(template)


def _section(title: str, lines: Iterable[str]) -> str:
    found = "\n".join(lines)
    return f"## {title}\n\n{found}" if found else ""


def _deployment(seen: View, template: Template) -> Iterator[str]:
    if seen.portfolio in WHO:
        yield f"{WHO[seen.portfolio]}, where `smproject publish` and `smproject share` have put it."
        yield "It is an ordinary CloudFormation template too:"
        yield ""
    yield "```sh"
    yield f"aws cloudformation deploy --stack-name {seen.id} --capabilities CAPABILITY_NAMED_IAM \\"
    bucket = " --s3-bucket BUCKET" if template.path.stat().st_size > LARGEST_BODY else ""
    asked = [each.name for each in seen.parameters if each.default is None]
    more = " \\" if asked else ""
    yield f"  --template-file project_templates/{seen.id}/template.yaml{bucket}{more}"
    if asked:
        yield f"  --parameter-overrides {' '.join(f'{name}=...' for name in asked)}"
    yield "```"


def _parameters(parameters: tuple[Parameter, ...]) -> Iterator[str]:
    for number, (group, members) in enumerate(groupby(parameters, key=lambda each: each.group)):
        if number:
            yield ""
        yield f"**{group}**"
        yield ""
        yield from _table(("parameter", "what it is", "default", "allowed"), map(_parameter, members))


def _parameter(each: Parameter) -> tuple[str, ...]:
    allowed = _code(each.allowed) if each.allowed else each.type
    return f"`{each.name}`", each.description, default_of(each).removeprefix("default "), allowed


def _resources(seen: View) -> Iterator[tuple[str, ...]]:
    for type_, ids in seen.resources.items():
        yield type_, ", ".join(f"`{key}`" for key in ids)


def _roles(roles: tuple[Role, ...]) -> Iterator[str]:
    rows = ((f"`{role.id}`", ", ".join(map(_code, role.assumed_by)), role.description, _rights(role)) for role in roles)
    yield from _table(("role", "assumed by", "what for", "actions by service"), rows)


def _rights(role: Role) -> str:
    rights = [f"{service} {summary}" for service, summary in role.summary.items()]
    return "; ".join([*rights, *(f"assumes {_code(arn)}" for arn in role.assumes)])


def _pipelines(seen: View) -> Iterator[str]:
    for delivery in seen.deliveries:
        yield f"- CodePipeline `{delivery.title}`: {stages(delivery)}"
    for pipeline in seen.pipelines:
        steps = "; ".join(f"`{name}` ({type_}) {after}" for name, type_, after in waits(pipeline))
        yield f"- SageMaker pipeline `{pipeline.name}`: {steps}"
    if seen.deliveries or seen.pipelines:
        yield ""
        yield from _diagram(mermaid(pipelines.graph(seen.title, seen.pipelines, seen.deliveries)))


def _diagram(text: str) -> Iterator[str]:
    yield f"```mermaid\n{text}```"


def _seeds(template: Template) -> Iterator[str]:
    for seed in template.seeds:
        taken = f"named by `{seed.parameter}`" if seed.parameter else "for a repository of yours"
        yield f"- `{seed.id}`, {taken}: {', '.join(f'`{part}`' for part in seed.parts)}"
    if template.seeds:
        yield ""
        yield f"`smproject assemble --seed {template.seeds[0].id} --to FOLDER` writes it to a folder."


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    body = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    if body:
        yield f"| {' | '.join(head)} |"
        yield f"|{'---|' * len(head)}"
        yield from body


def _cell(text: str) -> str:
    """A text of one line; within a table a bar ends the cell, in code as well."""
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: str) -> str:
    return f"`{text}`"
