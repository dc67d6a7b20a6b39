"""Which of moto's services are mended, each when it is first asked: to import them all would delay every start."""

from __future__ import annotations

import importlib
from functools import cache

_SEAMS = {
    "autoscaling": "moto_autoscaling",
    "dms": "moto_migration",
    "ecs": "moto_containers",
    "eks": "moto_containers",
    "elb": "moto_balancers",
    "emr": "moto_clusters",
    "greengrass": "moto_greengrass",
    "kms": "moto_kms",
    "rds": "moto_databases",
}


def mend(service: str) -> None:
    """Mend a service of moto's that is about to be asked."""
    if service in _SEAMS:
        _mend(_SEAMS[service])


@cache
def _mend(seam: str) -> None:
    importlib.import_module(f"smproject.sandbox.{seam}").mend()
