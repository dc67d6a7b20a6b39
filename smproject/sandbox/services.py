"""The services that the sandbox answers itself; everything else is moto's."""

from __future__ import annotations

from smproject.sandbox.service import Service
from smproject.sandbox.world import World


def build(world: World) -> dict[str, Service]:
    """Return our services by signing name."""
    made: list[Service] = []
    return {service.signing_name or service.name: service for service in made}
