"""What touches moto's registry of images (tests/sandbox/test_image_scans.py holds the seam)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto.ecr.models import ECRBackend, ecr_backends

_put_image = ECRBackend.put_image


@dataclass(frozen=True)
class Pushed:
    """An image that was pushed to a repository, and whether such are scanned."""

    account: str
    region: str
    repository: str
    digest: str
    tag: str
    scanned: bool


def on_push(tell: Callable[[Pushed], None]) -> None:
    """Tell of each image that is pushed."""

    def put_image(self: Any, repository_name: str, *arguments: Any, **named: Any) -> Any:
        image = _put_image(self, repository_name, *arguments, **named)
        repository = self.repositories[repository_name]
        by_registry = repository.scanning_config["scanFrequency"] == "SCAN_ON_PUSH"
        scanned = bool(repository.image_scanning_configuration.get("scanOnPush")) or by_registry
        where = (self.account_id, self.region_name, repository_name)
        tell(Pushed(*where, image.get_image_digest(), image.image_tag or "", scanned))
        return image

    ECRBackend.put_image = put_image


def keep_rules(account: str, region: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Keep the rules by which a registry scans what is pushed; returns the registry's configuration."""
    backend = ecr_backends[account][region]
    backend.put_registry_scanning_configuration(scan_type="BASIC", rules=rules)
    return {"registryScanningConfiguration": backend.get_registry_scanning_configuration()}
