"""MLflow tracking servers and apps: kept and described; none runs, so they are inactive and have no address."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.sagemaker.records import Facts, Records, given, listing
from smproject.sandbox.sagemaker.registry import creator
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, unique_id

_VERSION = "3.0"  # of MLflow, where the request doesn't say
_SERVER_UPDATES = (
    "ArtifactStoreUri",
    "TrackingServerSize",
    "AutomaticModelRegistration",
    "WeeklyMaintenanceWindowStart",
    "S3BucketOwnerAccountId",
    "S3BucketOwnerVerification",
)
_SERVER = (
    "TrackingServerArn",
    "TrackingServerName",
    "CreationTime",
    "LastModifiedTime",
    "TrackingServerStatus",
    "IsActive",
    "MlflowVersion",
)
_APP_UPDATES = (
    "ArtifactStoreUri",
    "ModelRegistrationMode",
    "WeeklyMaintenanceWindowStart",
    "DefaultDomainIdList",
    "AccountDefaultStatus",
)
_APP = ("Arn", "Name", "Status", "CreationTime", "LastModifiedTime", "MlflowVersion")


class TrackingServers:
    """The operations on tracking servers."""

    def __init__(self, tags: Tags) -> None:
        self.tags = tags
        self.servers = Records("Mlflow tracking server [{arn}] does not exist.")

    def create_mlflow_tracking_server(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a tracking server."""
        arn = _server(caller, request)
        if arn in self.servers.facts:
            message = f"Mlflow tracking server [{request['TrackingServerName']}] already exists."
            raise ServiceError("ValidationException", message)
        facts = {
            "TrackingServerSize": "Small",
            "AutomaticModelRegistration": False,
            "MlflowVersion": _VERSION,
            **given(request, "TrackingServerName", "RoleArn", "MlflowVersion", *_SERVER_UPDATES),
            "TrackingServerArn": arn,
            "TrackingServerStatus": "Created",
            "IsActive": "Inactive",
        }
        self.servers.add(arn, facts | _by(caller))
        self.tags.set(arn, request.get("Tags", []))
        return {"TrackingServerArn": arn}

    def describe_mlflow_tracking_server(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a tracking server."""
        return self.servers.find(_server(caller, request))

    def list_mlflow_tracking_servers(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's tracking servers."""
        found = _chosen(
            self.servers.below(_server(caller, {"TrackingServerName": ""})),
            {
                "TrackingServerStatus": request.get("TrackingServerStatus"),
                "MlflowVersion": request.get("MlflowVersion"),
            },
        )
        sorts = {"Name": "TrackingServerName", "Status": "TrackingServerStatus"}
        return listing(found, request, "TrackingServerSummaries", _SERVER, sorts, "Descending")

    def update_mlflow_tracking_server(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a tracking server."""
        arn = _server(caller, request)
        changed = given(request, *_SERVER_UPDATES) | {"LastModifiedBy": creator(caller)}
        self.servers.change(arn, changed | {"TrackingServerStatus": "Updated"})
        return {"TrackingServerArn": arn}

    def delete_mlflow_tracking_server(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a tracking server."""
        arn = _server(caller, request)
        self.servers.remove(arn)
        self.tags.set(arn, [])
        return {"TrackingServerArn": arn}


class MlflowApps:
    """The operations on MLflow apps, which AWS gives their ids."""

    def __init__(self, tags: Tags) -> None:
        self.tags = tags
        self.apps = Records("Mlflow app [{arn}] does not exist.")

    def create_mlflow_app(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create an app."""
        self._check_name(caller, request["Name"])
        arn = caller.arn_of("sagemaker", f"mlflow-app/app-{unique_id(12).upper()}")
        facts = {
            "ModelRegistrationMode": "AutoModelRegistrationDisabled",
            "AccountDefaultStatus": "DISABLED",
            **given(request, "Name", "RoleArn", "KmsKeyId", *_APP_UPDATES),
            "Arn": arn,
            "MlflowVersion": _VERSION,
            "Status": "Created",
        }
        self.apps.add(arn, facts | _by(caller))
        self.tags.set(arn, request.get("Tags", []))
        return {"Arn": arn}

    def describe_mlflow_app(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe an app."""
        return self.apps.find(_own(caller, request))

    def list_mlflow_apps(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's apps."""
        wanted = {name: request.get(name) for name in ("Status", "MlflowVersion", "AccountDefaultStatus")}
        found = _chosen(self.apps.below(caller.arn_of("sagemaker", "mlflow-app/")), wanted)
        domain = request.get("DefaultForDomainId")
        found = [app for app in found if domain is None or domain in app.get("DefaultDomainIdList", [])]
        return listing(found, request, "Summaries", _APP, order="Descending")

    def update_mlflow_app(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change an app."""
        arn = _own(caller, request)
        app = self.apps.find(arn)
        if request.get("Name", app["Name"]) != app["Name"]:
            self._check_name(caller, request["Name"])
        changed = given(request, "Name", *_APP_UPDATES) | {"LastModifiedBy": creator(caller)}
        self.apps.change(arn, changed | {"Status": "Updated"})
        return {"Arn": arn}

    def delete_mlflow_app(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete an app."""
        arn = _own(caller, request)
        self.apps.remove(arn)
        self.tags.set(arn, [])
        return {"Arn": arn}

    def _check_name(self, caller: Caller, name: str) -> None:
        if any(app["Name"] == name for app in self.apps.below(caller.arn_of("sagemaker", "mlflow-app/"))):
            raise ServiceError("ConflictException", f"Mlflow app [{name}] already exists.")


def _server(caller: Caller, request: Request) -> str:
    return caller.arn_of("sagemaker", f"mlflow-tracking-server/{request['TrackingServerName']}")


def _own(caller: Caller, request: Request) -> str:
    """Return an app's ARN, with which another account's app is not found."""
    return caller.arn_of("sagemaker", f"mlflow-app/{request['Arn'].rpartition('/')[2]}")


def _by(caller: Caller) -> Facts:
    return {"CreatedBy": creator(caller), "LastModifiedBy": creator(caller)}


def _chosen(found: list[Facts], wanted: Facts) -> list[Facts]:
    return [item for item in found if all(value in (None, item[name]) for name, value in wanted.items())]
