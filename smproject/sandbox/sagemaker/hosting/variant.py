"""A production variant that runs: its model's container, started by the model's role.

One server answers for a variant: its instances are counted, not multiplied.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from smproject.sandbox.image_store import Image
from smproject.sandbox.log import Log
from smproject.sandbox.sagemaker import runtime, transfer
from smproject.sandbox.sagemaker.hosting import archive
from smproject.sandbox.sagemaker.hosting.containers import Access
from smproject.sandbox.sagemaker.hosting.models import Model
from smproject.sandbox.sagemaker.hosting.refusals import invalid
from smproject.sandbox.sagemaker.hosting.server import INVOCATION_SECONDS, Server, UnhealthyError
from smproject.sandbox.service import Caller, ServiceError, now, told, unique_id
from smproject.sandbox.world import World

_BINDS = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"
_PING_SECONDS = 480  # the documented default of ContainerStartupHealthCheckTimeoutInSeconds
_STATES = 5  # shown of a variant, as the API allows


@dataclass(frozen=True)
class Place:
    """Where a variant serves: its endpoint's name and ARN, whose caller it acts for, and a folder of its own."""

    world: World
    caller: Caller
    endpoint: str
    arn: str
    folder: Path

    @property
    def log_group(self) -> str:
        """Return the log group of the endpoint."""
        return f"/aws/sagemaker/Endpoints/{self.endpoint}"


class Variant:
    """A variant of an endpoint; `settings` are those of its endpoint configuration."""

    TRANSIENT: ClassVar[dict[str, Any]] = {"server": None, "_log": None, "_busy": 0}

    def __init__(self, place: Place, settings: dict[str, Any], model: Model) -> None:
        self.place, self.settings, self.model = place, settings, model
        self.name: str = settings["VariantName"]
        self.weight = float(settings["InitialVariantWeight"])
        self.instances = int(settings["InitialInstanceCount"])
        self.states: list[dict[str, Any]] = []
        self.server: Server | None = None
        self._image: Image | None = None
        self._resolved: datetime | None = None
        self._log: Log | None = None
        self._busy, self._idle = 0, threading.Condition()

    def start(self) -> None:
        """Start the container and wait until it is healthy; raises ServiceError telling why it isn't."""
        try:
            self._start()
        except ClientError as error:
            raise ServiceError("ValidationException", f"Production variant {self.name}: {told(error)[1]}") from error

    def stop(self) -> None:
        """Let requests in flight end, then stop the container."""
        with self._idle:
            self._idle.wait_for(lambda: self._busy == 0, INVOCATION_SECONDS)
        if self.server:
            self.server.stop()
        if self._log:
            self._log.close()
        shutil.rmtree(self.place.folder / self.name, ignore_errors=True)

    def enter(self) -> None:
        """Count a request in."""
        with self._idle:
            self._busy += 1

    def leave(self) -> None:
        """Count a request out."""
        with self._idle:
            self._busy -= 1
            self._idle.notify_all()

    def tell(self, status: str, message: str) -> None:
        """Show a status, such as Creating or Baking."""
        self.states = [{"Status": status, "StatusMessage": message, "StartTime": now()}, *self.states][:_STATES]

    def describe(self) -> dict[str, Any]:
        """Return the variant's summary in the Describe response."""
        running = self.instances if self.server and self.server.healthy else 0
        shown = {
            "VariantName": self.name,
            "CurrentWeight": self.weight,
            "DesiredWeight": self.weight,
            "CurrentInstanceCount": running,
            "DesiredInstanceCount": self.instances,
        }
        if self._image:
            uri = self.model.container.image
            resolved = f"{uri.partition('@')[0].rpartition(':')[0] or uri}@{self._image.digest}"
            image = {"SpecifiedImage": uri, "ResolvedImage": resolved, "ResolutionTime": self._resolved}
            shown["DeployedImages"] = [image]
        return shown | ({"VariantStatus": self.states} if self.states else {})

    def _start(self) -> None:
        access = Access.of(self.place.world, self.place.caller, self.model.role, self.place.arn)
        image = server_image(access, self.model, f"production variant {self.name}")
        folder = self.place.folder / self.name
        load(access, self.model, folder)
        self._image, self._resolved = image, now()
        self._log = Log(folder / "log")
        stream = f"{self.name}/i-{unique_id(17, '0123456789abcdef')}"
        self._log.follow_if_allowed(access.client("logs"), self.place.log_group, stream)
        self.server = Server(self.place.world.processes, launch(access, self.model, image, folder), self._log)
        try:
            self.server.start(float(self.settings.get("ContainerStartupHealthCheckTimeoutInSeconds", _PING_SECONDS)))
        except UnhealthyError as error:
            raise invalid(
                f"The primary container for production variant {self.name} did not pass the ping health check. "
                f"Please check CloudWatch logs for this endpoint. {error}"
            ) from error


def server_image(access: Access, model: Model, owner: str) -> Image:
    """Return a model's image, which must let its server's port be chosen; `owner` is whose image it is, in words."""
    image = access.image(model.container.image)
    if image.labels.get(_BINDS) != "true":
        raise invalid(
            f"The image of {owner} does not carry the label {_BINDS}=true: the sandbox runs "
            "every server on this machine, so each must listen on the port that SAGEMAKER_BIND_TO_PORT names."
        )
    return image


def load(access: Access, model: Model, folder: Path) -> None:
    """Fetch and unpack a model."""
    (folder / "ml" / "model").mkdir(parents=True)
    if url := model.container.data:
        bucket, key = transfer.location(url)
        packed = folder / "model.tar.gz"
        access.client("s3").download_file(bucket, key, str(packed))
        archive.unpack(packed, folder / "ml" / "model", url)
        packed.unlink()


def launch(
    access: Access, model: Model, image: Image, folder: Path, more: Mapping[str, str] | None = None
) -> runtime.Launch:
    """Return what runs a model's server; `more` is added to the environment that its container has."""
    credentials = None if model.isolated else access.credentials
    env = runtime.access(access.world.endpoint, access.region, credentials) | model.container.environment
    command = [*image.entrypoint, "serve"]
    env |= more or {}
    return runtime.Launch(folder, image, command, env, network=not model.isolated, readonly=("model",))
