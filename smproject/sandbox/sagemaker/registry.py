"""The model registry: groups, and model packages with their versions and approval."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox import images
from smproject.sandbox.events import events_of
from smproject.sandbox.permissions import access
from smproject.sandbox.permissions.document import MalformedPolicyError, parse
from smproject.sandbox.permissions.request import Principal, access_request
from smproject.sandbox.sagemaker.model_packages import Group, Package, group_arn
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.sagemaker.transfer import location
from smproject.sandbox.service import Caller, Request, ServiceError, now, page
from smproject.sandbox.world import World

_UPDATES = {"ModelApprovalStatus", "ApprovalDescription", "ModelLifeCycle", "ModelCard", "SourceUri"}
_OTHER_UPDATES = {"ModelPackageArn", "ClientToken", "CustomerMetadataProperties", "CustomerMetadataPropertiesToRemove"}


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


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
        name = request["ModelPackageGroupName"]
        return self._group(caller, name, "sagemaker:DescribeModelPackageGroup").describe()

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
        if any(package.arn.startswith(group.prefix) for package in self.packages.values()):
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
        package = Package(f"{group.prefix}{group.versions}", group.name, group.versions, content, creator(caller))
        self.packages[package.arn] = package
        self.tags.set(package.arn, request.get("Tags", []))
        self._announce(package)
        return {"ModelPackageArn": package.arn}

    def describe_model_package(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a version by its ARN."""
        return self.package(caller, request["ModelPackageName"]).describe()

    def list_model_packages(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List versions, oldest first unless SortOrder says otherwise."""
        name = request.get("ModelPackageGroupName")
        groups = (
            [self._group(caller, name, "sagemaker:ListModelPackages")]
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
            if package.arn.startswith(tuple(group.prefix for group in groups))
            and wanted in (None, package.content["ModelApprovalStatus"])
        ]
        return page(_sorted(found, request), request, "ModelPackageSummaryList")

    def update_model_package(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a version's approval, life cycle, card or metadata."""
        package = self._own_package(caller, request["ModelPackageArn"])
        if unsupported := sorted(set(request) - _UPDATES - _OTHER_UPDATES):
            raise _invalid(f"The sandbox does not update {unsupported[0]} of a model package.")
        package.content |= {key: request[key] for key in _UPDATES & set(request)}
        metadata = package.content.get("CustomerMetadataProperties", {}) | request.get("CustomerMetadataProperties", {})
        removed = request.get("CustomerMetadataPropertiesToRemove", [])
        package.content["CustomerMetadataProperties"] = {k: v for k, v in metadata.items() if k not in removed}
        package.modified = now()
        self._announce(package)
        return {"ModelPackageArn": package.arn}

    def delete_model_package(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a version."""
        del self.packages[self._own_package(caller, request["ModelPackageName"]).arn]
        return {}

    def put_model_package_group_policy(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Set a group's resource policy, which decides who else may use its versions."""
        group = self._group(caller, request["ModelPackageGroupName"])
        try:
            parse(request["ResourcePolicy"], of_resource=True)
        except MalformedPolicyError as error:
            raise _invalid(f"The resource policy of {group.name} is malformed: {error}.") from error
        group.policy = request["ResourcePolicy"]
        return {"ModelPackageGroupArn": group.arn}

    def get_model_package_group_policy(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a group's resource policy."""
        return {"ResourcePolicy": self._with_policy(caller, request).policy}

    def delete_model_package_group_policy(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Remove a group's resource policy."""
        self._with_policy(caller, request).policy = ""
        return {}

    def package(self, caller: Caller, name_or_arn: str, action: str = "sagemaker:DescribeModelPackage") -> Package:
        """Return a version of any account for an action; another account's group policy must allow it.

        Raises ServiceError: ValidationException when there is none, AccessDeniedException when it may not be used.
        """
        arn = (
            name_or_arn
            if name_or_arn.startswith("arn:")
            else caller.arn_of("sagemaker", f"model-package/{name_or_arn}")
        )
        group = self.groups.get(group_arn(arn))
        self._demand(caller, action, arn, group)
        if arn not in self.packages:
            raise _invalid(f"ModelPackage {name_or_arn} does not exist.")
        return self.packages[arn]

    def _own_package(self, caller: Caller, arn: str) -> Package:
        if arn not in self.packages or not caller.owns(arn):
            raise _invalid(f"ModelPackage {arn} does not exist.")
        return self.packages[arn]

    def _group(self, caller: Caller, name: str, action: str = "") -> Group:
        """Return a group; another account's only for an action, which its policy must allow."""
        arn = _arn(caller, "model-package-group", name)
        if action:
            self._demand(caller, action, arn, self.groups.get(arn))
        if arn not in self.groups or not (action or caller.owns(arn)):
            raise _invalid(f"Model Package Group {name} does not exist.")
        return self.groups[arn]

    def _with_policy(self, caller: Caller, request: Request) -> Group:
        group = self._group(caller, request["ModelPackageGroupName"])
        if not group.policy:
            raise _invalid(f"Model Package Group {group.name} has no resource policy.")
        return group

    def _demand(self, caller: Caller, action: str, arn: str, group: Group | None) -> None:
        """Raise ServiceError unless the caller's account owns an ARN, or the group's policy and the caller's allow it.

        AWS's examples let ListModelPackages be allowed on the versions, others' on the group: either counts here.
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-deploy-xaccount.html
        """
        resources = (arn, f"{group.prefix}*") if group and action == "sagemaker:ListModelPackages" else (arn,)
        context = {"aws:RequestedRegion": caller.region}
        request = access_request(Principal.of(caller.credentials), action, resources, arn.split(":")[4], context)
        access.demand(request, parse(group.policy) if group and group.policy else None)

    def _resolve(self, caller: Caller, container: dict[str, Any]) -> None:
        """Fill in the image's digest and the model data's ETag, as SageMaker does; refuse what isn't there."""
        image = images.find(self.world, container["Image"], caller.credentials)
        container["ImageDigest"] = image.digest
        if url := container.get("ModelDataUrl"):
            bucket, key = location(url)
            try:
                head = self.world.client("s3", caller.credentials).head_object(Bucket=bucket, Key=key)
            except ClientError as error:
                raise _invalid(f"Could not find model data at {url}: {error.response['Error']['Message']}") from error
            container["ModelDataETag"] = head["ETag"].strip('"')

    def _announce(self, package: Package) -> None:
        """Emit the event that AWS documents for a change of a model package."""
        region, account = package.arn.split(":")[3:5]
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
        events_of(self.world).emit(account, region, "aws.sagemaker", kind, detail, [package.arn])


def _arn(caller: Caller, kind: str, name: str) -> str:
    return name if name.startswith("arn:") else caller.arn_of("sagemaker", f"{kind}/{name}")


def _sorted(items: list[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    by_name = request.get("SortBy") == "Name"
    key = "ModelPackageGroupName" if by_name else "CreationTime"
    return sorted(items, key=lambda item: item[key], reverse=request.get("SortOrder") == "Descending")
