"""Studio's images and their versions: kept and described; no notebook starts from them."""

from __future__ import annotations

from typing import Any

from smproject.sandbox import images
from smproject.sandbox.sagemaker.records import Facts, Records, given
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError, page
from smproject.sandbox.world import World

_IMAGE = ("Description", "DisplayName", "RoleArn")
_VERSION = ("VendorGuidance", "JobType", "MLFramework", "ProgrammingLang", "Processor", "Horovod", "ReleaseNotes")
_SORTS = {"IMAGE_NAME": "ImageName", "LAST_MODIFIED_TIME": "LastModifiedTime", "VERSION": "Version"}
_HIDDEN = ("Aliases", "BaseImage", "ContainerImage", *_VERSION)  # not in listings


class StudioImages:
    """The operations on images and image versions."""

    def __init__(self, world: World, tags: Tags) -> None:
        self.world, self.tags = world, tags
        self.images = Records("No Image with the name {name} exists.", "An Image with the name {name} already exists.")
        self.versions = Records("No ImageVersion {arn} exists.")
        self.numbers: dict[str, int] = {}  # by image: how many versions were ever made

    def create_image(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create an image without versions."""
        arn = _arn(caller, request)
        facts = given(request, "ImageName", *_IMAGE) | {"ImageArn": arn, "ImageStatus": "CREATED"}
        self.images.add(arn, {"DisplayName": request["ImageName"], **facts})
        self.tags.set(arn, request.get("Tags", []))
        return {"ImageArn": arn}

    def describe_image(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe an image."""
        return self.images.find(_arn(caller, request))

    def list_images(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's images."""
        found = self.images.below(caller.arn_of("sagemaker", "image/"))
        named = [image for image in found if request.get("NameContains", "") in image["ImageName"]]
        return _listing(named, request, "Images", ("RoleArn",))

    def update_image(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change what an image is called and says, and its role."""
        arn = _arn(caller, request)
        image = self.images.change(arn, given(request, *_IMAGE))
        for name in request.get("DeleteProperties", []):
            image.pop(name, None)
        image.setdefault("DisplayName", image["ImageName"])
        return {"ImageArn": arn}

    def delete_image(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete an image and all its versions."""
        arn = _arn(caller, request)
        self.images.remove(arn)
        self.tags.set(arn, [])
        for version in self._of(arn):
            self.versions.remove(version["ImageVersionArn"])
        return {}

    def create_image_version(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Add a version, whose container image must be in the registry."""
        image = self.images.find(_arn(caller, request))["ImageArn"]
        digest = images.find(self.world, request["BaseImage"], caller.credentials).digest
        self._check_aliases(image, request.get("Aliases", []))
        number = self.numbers[image] = self.numbers.get(image, 0) + 1
        arn = f"{image.replace(':image/', ':image-version/')}/{number}"
        repository = request["BaseImage"].partition("@")[0].rpartition(":")[0] or request["BaseImage"]
        facts = {
            "ImageArn": image,
            "ImageVersionArn": arn,
            "ImageVersionStatus": "CREATED",
            "Version": number,
            "BaseImage": request["BaseImage"],
            "ContainerImage": f"{repository}@{digest}",
            "Aliases": list(request.get("Aliases", [])),
        }
        self.versions.add(arn, facts | given(request, *_VERSION))
        return {"ImageVersionArn": arn}

    def describe_image_version(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a version by its number or alias; the newest one unless asked otherwise."""
        return self._version(caller, request)

    def list_image_versions(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List an image's versions."""
        found = self._of(self.images.find(_arn(caller, request))["ImageArn"])
        return _listing(found, request, "ImageVersions", _HIDDEN)

    def list_aliases(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the aliases of an image's versions, or of one version."""
        image = self.images.find(_arn(caller, request))["ImageArn"]
        chosen = [self._version(caller, request)] if "Version" in request else self._of(image)
        found = [alias for version in chosen for alias in version["Aliases"]]
        wanted = request.get("Alias")
        return page([alias for alias in found if wanted in (None, alias)], request, "SageMakerImageVersionAliases")

    def update_image_version(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change what a version says, and its aliases."""
        version = self._version(caller, request)
        added, gone = request.get("AliasesToAdd", []), request.get("AliasesToDelete", [])
        self._check_aliases(version["ImageArn"], added)
        aliases = [alias for alias in version["Aliases"] if alias not in gone] + added
        self.versions.change(version["ImageVersionArn"], given(request, *_VERSION) | {"Aliases": aliases})
        return {"ImageVersionArn": version["ImageVersionArn"]}

    def delete_image_version(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a version."""
        self.versions.remove(self._version(caller, request)["ImageVersionArn"])
        return {}

    def _of(self, image: str) -> list[Facts]:
        return self.versions.below(f"{image.replace(':image/', ':image-version/')}/")

    def _version(self, caller: Caller, request: Request) -> Facts:
        image = self.images.find(_arn(caller, request))["ImageArn"]
        number, alias = request.get("Version"), request.get("Alias")
        for version in reversed(self._of(image)):
            if number in (None, version["Version"]) and (alias is None or alias in version["Aliases"]):
                return version
        wanted = f"alias {alias}" if alias else f"version {number}" if number else "version"
        raise ServiceError("ResourceNotFound", f"The Image {request['ImageName']} has no {wanted}.")

    def _check_aliases(self, image: str, aliases: list[str]) -> None:
        taken = {alias for version in self._of(image) for alias in version["Aliases"]}
        if twice := sorted(taken & set(aliases)):
            raise ServiceError("ResourceInUse", f"The alias {twice[0]} is already used by a version of {image}.")


def _arn(caller: Caller, request: Request) -> str:
    return caller.arn_of("sagemaker", f"image/{request['ImageName'].lower()}")


def _listing(found: list[Facts], request: Request, key: str, hidden: tuple[str, ...]) -> dict[str, Any]:
    by = _SORTS.get(request.get("SortBy", ""), "CreationTime")
    ordered = sorted(found, key=lambda item: item[by], reverse=request.get("SortOrder", "DESCENDING") == "DESCENDING")
    return page([{k: v for k, v in item.items() if k not in hidden} for item in ordered], request, key)
