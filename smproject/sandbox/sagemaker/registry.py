"""The model registry: groups, and model packages with their versions and approval."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox import images
from smproject.sandbox.events import events_of
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.sagemaker.transfer import location
from smproject.sandbox.service import Caller, Request, ServiceError, now, page
from smproject.sandbox.world import World

_UPDATES = {"ModelApprovalStatus", "ApprovalDescription", "ModelLifeCycle", "ModelCard", "SourceUri"}
_OTHER_UPDATES = {"ModelPackageArn", "ClientToken", "CustomerMetadataProperties", "CustomerMetadataPropertiesToRemove"}


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


@dataclass
class Group:
    """A model package group; `versions` counts every version ever made, so that numbers are never used twice."""

    name: str
    arn: str
    description: str
    created_by: dict[str, Any]
    created: datetime = field(default_factory=now)
    versions: int = 0

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


def creator(caller: Caller) -> dict[str, Any]:
    """Return the UserContext of whoever made something."""
    return {"IamIdentity": {"Arn": caller.arn, "PrincipalId": caller.credentials.access_key}}


class Registry:
    """The operations on model package groups and model packages."""

    def __init__(self, world: World, tags: Tags) -> None:
        self.world, self.tags = world, tags
        self.groups: dict[str, Group] = {}
        self.packages: dict[str, Package] = {}

    def create_model_package_group(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create an empty group."""
        name = request["ModelPackageGroupName"]
        arn = caller.arn_of("sagemaker", f"model-package-group/{name}")
        if arn in self.groups:
            raise _invalid(f"Model Package Group already exists: {arn}")
        self.groups[arn] = Group(name, arn, request.get("ModelPackageGroupDescription", ""), creator(caller))
        self.tags.set(arn, request.get("Tags", []))
        return {"ModelPackageGroupArn": arn}

    def describe_model_package_group(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a group by name or ARN."""
        return self._group(caller, request["ModelPackageGroupName"]).describe()

    def list_model_package_groups(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's groups."""
        mine = [
            g for arn, g in self.groups.items() if arn.startswith(caller.arn_of("sagemaker", "model-package-group/"))
        ]
        named = [g.describe() for g in mine if request.get("NameContains", "").lower() in g.name.lower()]
        return page(_sorted(named, request), request, "ModelPackageGroupSummaryList")

    def delete_model_package_group(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a group that holds no version."""
        group = self._group(caller, request["ModelPackageGroupName"])
        if any(package.arn.startswith(_prefix(group)) for package in self.packages.values()):
            raise ServiceError(
                "ConflictException", f"Model Package Group {group.name} cannot be deleted: it holds model packages."
            )
        del self.groups[group.arn]
        return {}

    def create_model_package(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Register a version; its image and model data must exist."""
        if "ModelPackageGroupName" not in request:
            raise _invalid("The sandbox registers versioned model packages only: ModelPackageGroupName is required.")
        group = self._group(caller, request["ModelPackageGroupName"])
        content = {k: v for k, v in request.items() if k != "ModelPackageGroupName"}
        for container in content.get("InferenceSpecification", {}).get("Containers", []):
            self._resolve(caller, container)
        content.setdefault("ModelApprovalStatus", "PendingManualApproval")
        group.versions += 1
        package = Package(f"{_prefix(group)}{group.versions}", group.name, group.versions, content, creator(caller))
        self.packages[package.arn] = package
        self.tags.set(package.arn, request.get("Tags", []))
        self._announce(caller, package)
        return {"ModelPackageArn": package.arn}

    def describe_model_package(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a version by its ARN."""
        return self._package(caller, request["ModelPackageName"]).describe()

    def list_model_packages(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List versions, oldest first unless SortOrder says otherwise."""
        name = request.get("ModelPackageGroupName")
        groups = (
            [self._group(caller, name)]
            if name
            else [
                g
                for arn, g in self.groups.items()
                if arn.startswith(caller.arn_of("sagemaker", "")) and "ModelPackageType" in request
            ]
        )
        wanted = request.get("ModelApprovalStatus")
        found = [
            package.summary()
            for package in self.packages.values()
            if package.arn.startswith(tuple(map(_prefix, groups)))
            and wanted in (None, package.content["ModelApprovalStatus"])
        ]
        return page(_sorted(found, request), request, "ModelPackageSummaryList")

    def update_model_package(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a version's approval, life cycle, card or metadata."""
        package = self._package(caller, request["ModelPackageArn"])
        if unsupported := sorted(set(request) - _UPDATES - _OTHER_UPDATES):
            raise _invalid(f"The sandbox does not update {unsupported[0]} of a model package.")
        package.content |= {key: request[key] for key in _UPDATES & set(request)}
        metadata = package.content.get("CustomerMetadataProperties", {}) | request.get("CustomerMetadataProperties", {})
        removed = request.get("CustomerMetadataPropertiesToRemove", [])
        package.content["CustomerMetadataProperties"] = {k: v for k, v in metadata.items() if k not in removed}
        package.modified = now()
        self._announce(caller, package)
        return {"ModelPackageArn": package.arn}

    def delete_model_package(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a version."""
        del self.packages[self._package(caller, request["ModelPackageName"]).arn]
        return {}

    def _group(self, caller: Caller, name: str) -> Group:
        arn = name if name.startswith("arn:") else caller.arn_of("sagemaker", f"model-package-group/{name}")
        if arn not in self.groups or not caller.owns(arn):
            raise _invalid(f"Model Package Group {name} does not exist.")
        return self.groups[arn]

    def _package(self, caller: Caller, arn: str) -> Package:
        if arn not in self.packages or not caller.owns(arn):
            raise _invalid(f"ModelPackage {arn} does not exist.")
        return self.packages[arn]

    def _resolve(self, caller: Caller, container: dict[str, Any]) -> None:
        """Fill in the image's digest and the model data's ETag, as SageMaker does; refuse what isn't there."""
        ecr = self.world.client("ecr", caller.credentials, caller.region)
        image = images.find(images.ImageStore(self.world.home / "images"), container["Image"], ecr)
        container["ImageDigest"] = image.digest
        if url := container.get("ModelDataUrl"):
            bucket, key = location(url)
            try:
                head = self.world.client("s3", caller.credentials).head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                raise _invalid(f"Could not find model data at {url}: {error.response['Error']['Message']}") from error
            container["ModelDataETag"] = head["ETag"].strip('"')

    def _announce(self, caller: Caller, package: Package) -> None:
        """Emit the event that AWS documents for a change of a model package."""
        detail = {
            "ModelPackageGroupName": package.group,
            "ModelPackageVersion": package.version,
            "ModelPackageArn": package.arn,
            "CreationTime": int(package.created.timestamp() * 1000),
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": package.content["ModelApprovalStatus"],
            "CustomerMetadataProperties": package.content.get("CustomerMetadataProperties", {}),
            "Tags": {},
        }
        kind = "SageMaker Model Package State Change"
        events_of(self.world).emit(caller.account, caller.region, "aws.sagemaker", kind, detail, [package.arn])


def _prefix(group: Group) -> str:
    return group.arn.replace(":model-package-group/", ":model-package/") + "/"


def _sorted(items: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    by_name = request.get("SortBy") == "Name"
    key = "ModelPackageGroupName" if by_name else "CreationTime"
    return sorted(items, key=lambda item: item[key], reverse=request.get("SortOrder") == "Descending")
