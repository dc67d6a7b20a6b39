"""What SageMaker remembers of model packages and their groups."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.service import now


@dataclass
class Group:
    """A model package group; `versions` counts every version ever made, so that numbers are never used twice."""

    name: str
    arn: str
    description: str
    created_by: dict[str, Any]
    created: datetime = field(default_factory=now)
    versions: int = 0
    policy: str = ""

    @property
    def prefix(self) -> str:
        """Return what its versions' ARNs begin with."""
        return self.arn.replace(":model-package-group/", ":model-package/") + "/"

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        text = {"ModelPackageGroupDescription": self.description} if self.description else {}
        return {
            "ModelPackageGroupName": self.name,
            "ModelPackageGroupArn": self.arn,
            "CreationTime": self.created,
            "CreatedBy": self.created_by,
            "ModelPackageGroupStatus": "Completed",
            **text,
        }


@dataclass
class Package:
    """A model package, with what it was registered with."""

    arn: str
    group: str
    version: int
    content: dict[str, Any]
    created_by: dict[str, Any]
    created: datetime = field(default_factory=now)
    modified: datetime | None = None

    def describe(self) -> dict[str, Any]:
        """Return the Describe response."""
        modified = {"LastModifiedTime": self.modified} if self.modified else {}
        statuses: dict[str, list[Any]] = {"ValidationStatuses": [], "ImageScanStatuses": []}
        return {
            **{k: v for k, v in self.content.items() if k not in ("Tags", "ClientToken")},
            "ModelPackageName": self.group,
            "ModelPackageGroupName": self.group,
            "ModelPackageVersion": self.version,
            "ModelPackageArn": self.arn,
            "CreationTime": self.created,
            "CreatedBy": self.created_by,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": statuses,
            **modified,
        }

    def summary(self) -> dict[str, Any]:
        """Return the List response's item."""
        shown = (
            "ModelPackageGroupName",
            "ModelPackageVersion",
            "ModelPackageArn",
            "ModelPackageDescription",
            "CreationTime",
            "ModelPackageStatus",
            "ModelApprovalStatus",
            "ModelLifeCycle",
        )
        full = self.describe()
        return {key: full[key] for key in shown if key in full}


def group_arn(version_arn: str) -> str:
    """Return the ARN of the group that holds a version."""
    return version_arn.rpartition("/")[0].replace(":model-package/", ":model-package-group/")
