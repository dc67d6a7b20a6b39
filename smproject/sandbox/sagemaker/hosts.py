"""The hosts of a job, `algo-1` to `algo-n`, and the groups of instances that they make up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smproject.sandbox.sagemaker.job import Job
from smproject.sandbox.service import Request

HOMOGENEOUS = "homogeneousCluster"  # the group's name where a job has no groups


@dataclass(frozen=True)
class Group:
    """Hosts of one instance type; `hosts` are their names."""

    name: str
    instance_type: str
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Host:
    """One instance of a job with a folder of its own, whose subfolder `ml` is its program's /opt/ml."""

    name: str
    group: Group
    folder: Path

    @property
    def ml(self) -> Path:
        """Return what its program sees as /opt/ml."""
        return self.folder / "ml"

    @property
    def log(self) -> Path:
        """Return the file that its program prints to."""
        return self.folder / "log"


def resources(request: Request) -> dict[str, Any]:
    """Return the part of a request that says on what its job runs."""
    found = request.get("ResourceConfig") or request["ProcessingResources"]["ClusterConfig"]
    return dict(found)


def groups(request: Request) -> list[Group]:
    """Return the groups of a job, whose hosts are numbered through."""
    wanted = resources(request)
    listed = wanted.get("InstanceGroups") or [{"InstanceGroupName": HOMOGENEOUS, **wanted}]
    found, first = [], 1
    for each in listed:
        count = int(each.get("InstanceCount", 1))
        names = tuple(f"algo-{number}" for number in range(first, first + count))
        found.append(Group(each["InstanceGroupName"], each.get("InstanceType", ""), names))
        first += count
    return found


def of(job: Job, folder: Path) -> list[Host]:
    """Return a job's hosts, with their folders below the job's."""
    return [Host(name, group, folder / name) for group in groups(job.request) for name in group.hosts]
