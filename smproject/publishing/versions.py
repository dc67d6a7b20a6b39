"""Versions of a product: a new one where the template is another, the one before deprecated, older ones retired."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smproject.progress import Progress
from smproject.publishing.wanted import Product


@dataclass(frozen=True)
class Version:
    """A provisioning artifact; `key` is that of the template it was made from."""

    id: str
    name: str
    key: str
    created: datetime
    active: bool
    deprecated: bool


@dataclass(frozen=True)
class Changes:
    """What brings a product's versions up to date: the name of a new one, if any, and what becomes of the others."""

    create: str | None
    deprecate: tuple[str, ...]
    retire: tuple[str, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.create or self.deprecate or self.retire)


def changes(versions: Sequence[Version], wanted: Product) -> Changes:
    """Say what to do. The newest version counts: people, and SageMaker, take that one.

    So a template that comes back after another one is a version anew. The one before stays launchable by nobody, but
    what was made of it can be updated from it; older ones are out of sight.
    """
    ordered = sorted(versions, key=lambda each: each.created)
    is_there = bool(ordered) and ordered[-1].key == wanted.key
    former = ordered[:-1] if is_there else ordered
    return Changes(
        None if is_there else _free(wanted.version, {each.name for each in versions}),
        tuple(each.id for each in former[-1:] if not each.deprecated),
        tuple(each.id for each in former[:-1] if each.active),
    )


def read(service_catalog: Any, product: str) -> list[Version]:
    """The versions that a product has, retired ones too."""
    found = service_catalog.list_provisioning_artifacts(ProductId=product)["ProvisioningArtifactDetails"]
    return [_version(each) for each in found]


def apply(service_catalog: Any, product: str, todo: Changes, place: Mapping[str, str], progress: Progress) -> None:
    """Do what `changes` said; `place` holds the new version's template: its URL and its key."""
    if todo.create:
        service_catalog.create_provisioning_artifact(
            ProductId=product,
            Parameters={
                "Name": todo.create,
                "Description": place["key"],
                "Type": "CLOUD_FORMATION_TEMPLATE",
                "Info": {"LoadTemplateFromURL": place["url"]},
            },
            # Of two runs at once, or of a call that is tried again, one makes the version.
            IdempotencyToken=f"{product}-{todo.create}".replace("+", "-").replace(".", "-"),
        )
        progress(f"product {product}: new version {todo.create}")
    for each in todo.deprecate:
        service_catalog.update_provisioning_artifact(
            ProductId=product, ProvisioningArtifactId=each, Guidance="DEPRECATED"
        )
        progress(f"product {product}: deprecated {each}")
    for each in todo.retire:
        service_catalog.update_provisioning_artifact(ProductId=product, ProvisioningArtifactId=each, Active=False)
        progress(f"product {product}: retired {each}")


def _version(found: Mapping[str, Any]) -> Version:
    deprecated = found.get("Guidance") == "DEPRECATED"
    key = found.get("Description") or ""
    return Version(found["Id"], found["Name"], key, found["CreatedTime"], found["Active"], deprecated)


def _free(name: str, taken: set[str]) -> str:
    """The name, or one like it that no version has."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name}.{number}"
    return found
