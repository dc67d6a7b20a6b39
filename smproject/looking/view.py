"""A template as one value: what `show`, the READMEs and the diagrams tell of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from smproject.catalog import Template
from smproject.looking.pipelines import Delivery, Pipeline, deliveries, sagemaker_pipelines
from smproject.looking.reading import read, written
from smproject.looking.roles import Role, roles
from smproject.seeds import seed_key, version

FILLED_IN = ("SageMakerProjectName", "SageMakerProjectId")


@dataclass(frozen=True)
class Parameter:
    """A parameter; `default` is None where a value must be given, `allowed` says in words what may be."""

    name: str
    group: str
    type: str
    default: str | None
    allowed: str
    description: str

    @property
    def is_asked(self) -> bool:
        """Whether a person must give it: it has no default, and SageMaker doesn't fill it in."""
        return self.default is None and self.name not in FILLED_IN


@dataclass(frozen=True)
class View:
    """What a template takes, makes and tells."""

    id: str
    title: str
    description: str
    version: str
    portfolio: str
    fragments: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    resources: Mapping[str, tuple[str, ...]]
    roles: tuple[Role, ...]
    deliveries: tuple[Delivery, ...]
    pipelines: tuple[Pipeline, ...]
    outputs: Mapping[str, str]
    seeds: Mapping[str, str]


def view(template: Template) -> View:
    """Read a template; raises CatalogError when it isn't assembled or isn't YAML."""
    content = read(template.path)
    resources = content.get("Resources", {})
    by_type: dict[str, tuple[str, ...]] = {}
    for key, each in resources.items():
        by_type[each["Type"]] = (*by_type.get(each["Type"], ()), key)
    return View(
        template.id,
        template.title,
        template.description,
        version(template.root),
        template.portfolio,
        template.fragments,
        tuple(_parameters(content)),
        dict(sorted(by_type.items())),
        tuple(roles(resources)),
        tuple(deliveries(resources)),
        tuple(sagemaker_pipelines(template)),
        {key: each.get("Description", "") for key, each in content.get("Outputs", {}).items()},
        {seed.id: seed_key(template, seed) for seed in template.seeds},
    )


def _parameters(content: Mapping[str, Any]) -> list[Parameter]:
    interface = content.get("Metadata", {}).get("AWS::CloudFormation::Interface", {})
    groups = {
        name: group["Label"]["default"]
        for group in interface.get("ParameterGroups", [])
        for name in group["Parameters"]
    }
    return [_parameter(name, groups.get(name, ""), each) for name, each in content.get("Parameters", {}).items()]


def _parameter(name: str, group: str, written_as: Mapping[str, Any]) -> Parameter:
    default = written(written_as["Default"]) if "Default" in written_as else None
    return Parameter(name, group, written_as["Type"], default, _allowed(written_as), written_as.get("Description", ""))


def _allowed(parameter: Mapping[str, Any]) -> str:
    """What a parameter may be: its values, its range, its pattern and its greatest length."""
    parts = []
    if "AllowedValues" in parameter:
        parts.append(", ".join(str(value) for value in parameter["AllowedValues"]))
    if "MinValue" in parameter or "MaxValue" in parameter:
        parts.append(f"{parameter.get('MinValue', '')} to {parameter.get('MaxValue', '')}".strip())
    if "AllowedPattern" in parameter:
        parts.append(str(parameter["AllowedPattern"]))
    if "MaxLength" in parameter:
        parts.append(f"up to {parameter['MaxLength']} characters")
    return "; ".join(parts)
