"""The audit of templates as they are written: wildcards without a reason, and what handlers miss."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smproject import catalog
from smproject.audit import handlers, statements
from smproject.audit.findings import Finding
from smproject.audit.statements import Statement
from smproject.sandbox.cloudformation import template as reader
from smproject.sandbox.permissions.patterns import matches

# What `smproject publish` deploys.
PUBLISHED = ("catalog-bucket", "launch-role", "portfolio", "product")


@dataclass(frozen=True)
class Launch:
    """A role with which CloudFormation makes the resources of templates."""

    holder: Path
    role: str
    templates: tuple[Path, ...]

    @property
    def grants(self) -> list[Statement]:
        """Return what the role is allowed."""
        return [s for s in statements.read(self.holder) if self.role in s.roles and s.effect == "Allow"]


def launches(root: Path = catalog.ROOT) -> list[Launch]:
    """Return who makes what: launch roles products, targets' roles what pipelines deploy, publishing the hub."""
    offered = catalog.templates(root)
    products, admin = (
        tuple(each.path for each in offered if each.portfolio == portfolio)
        for portfolio in (catalog.PROJECTS, catalog.ADMIN)
    )
    served, scored = (tuple(sorted(root.glob(f"pipelines/deploy/{kind}/*.yaml"))) for kind in ("realtime", "batch"))
    published = tuple(catalog.template(name, root).path for name in PUBLISHED)
    folder = root / "project_templates"
    return [
        Launch(folder / "launch-role/template.yaml", "LaunchRole", products),
        Launch(folder / "launch-role/template.yaml", "LaunchAdminRole", admin),
        Launch(folder / "target-account/template.yaml", "TargetCloudformationRole", served),
        Launch(folder / "batch-target/template.yaml", "BatchCloudformationRole", scored),
        Launch(folder / "publishing/template.yaml", "PublishingPublishRole", published),
    ]


def audit(template_id: str | None = None, root: Path = catalog.ROOT) -> Iterator[Finding]:
    """Yield every wildcard of a template, or of all, and what launch roles may not do though handlers need it.

    Raises CatalogError for a template that there is not.
    """
    audited = [catalog.template(template_id, root)] if template_id else catalog.templates(root)
    paths = {each.path for each in audited}
    for path in sorted(paths):
        yield from wildcards(path, root)
    for launch in launches(root):
        made = launch.templates if not template_id or launch.holder in paths else paths & set(launch.templates)
        for path in sorted(made):
            yield from _missing(launch, path, root)


def wildcards(path: Path, root: Path) -> Iterator[Finding]:
    """Yield the wildcards of a template, each with its reason."""
    for statement in statements.read(path):
        where = f"{path.relative_to(root).as_posix()}:{statement.line}"
        for text in statement.wildcards:
            yield Finding("wildcard", where, statement.name, text, statement.reason or statement.shared_reason)


def _missing(launch: Launch, path: Path, root: Path) -> Iterator[Finding]:
    """Yield what a role may not do though the handlers of a template's resources need it."""
    granted = [action for statement in launch.grants for action in statement.actions]
    for need in handlers.needs(reader.read(path.read_text())["Resources"]):
        if not any(matches(action.lower(), need.action.lower()) for action in granted):
            told = f"{launch.role} lacks {need.action}, which {need.type} needs to {', '.join(need.verbs)}"
            yield Finding("missing", path.relative_to(root).as_posix(), "", told)
