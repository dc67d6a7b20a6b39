"""SageMaker Studio: domains, who works in them, and images. All are kept and described; nothing runs in them."""

from __future__ import annotations

from types import MappingProxyType

from smproject.sandbox.cloudformation.api import NotUpdatableError, call, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer
from smproject.sandbox.cloudformation.types.sagemaker import Described

_SERVER = "RStudioServerProDomainSettings"
_VERSION = ("VendorGuidance", "JobType", "MLFramework", "ProgrammingLang", "Processor", "Horovod", "ReleaseNotes")


@provides
class Domain(Described):
    """A Studio domain, with its file system in EFS."""

    type, state_only = "AWS::SageMaker::Domain", True
    creates, updates, deletes, reads = "CreateDomain", "UpdateDomain", "DeleteDomain", "DescribeDomain"
    ref = delete_member = "DomainId"
    arn_member, update_keys, patches = "DomainArn", ("DomainId",), True

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Update the domain, whose settings the call calls by other names."""
        return super().update(context, made, _for_update(before), _for_update(after))


def _for_update(properties: Properties) -> Properties:
    rest = {name: item for name, item in properties.items() if name != "DomainSettings"}
    if "DomainSettings" not in properties:
        return rest
    words = {_SERVER: f"{_SERVER}ForUpdate"}
    settings = {words.get(name, name): item for name, item in properties["DomainSettings"].items()}
    return rest | {"DomainSettingsForUpdate": settings}


class _OfDomain(Described):
    """What lies in a domain: `Ref` is the domain's id and the name."""

    state_only, patches, place = True, True, ("DomainId",)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the domain's id and the name."""
        name = sent[self.name_property]
        return Made(f"{sent['DomainId']}|{name}", {f"_{self.name_property}": name})


@provides
class UserProfile(_OfDomain):
    """A user profile of a domain."""

    type = "AWS::SageMaker::UserProfile"
    creates, updates, deletes = "CreateUserProfile", "UpdateUserProfile", "DeleteUserProfile"
    name_property = delete_member = "UserProfileName"
    arn_member = "UserProfileArn"


@provides
class Space(_OfDomain):
    """A space of a domain."""

    type = "AWS::SageMaker::Space"
    creates, updates, deletes, reads = "CreateSpace", "UpdateSpace", "DeleteSpace", "DescribeSpace"
    name_property = delete_member = "SpaceName"
    arn_member = "SpaceArn"


@provides
class Image(Described):
    """A Studio image, to which versions are added."""

    type, state_only, patches = "AWS::SageMaker::Image", True, True
    creates, updates, deletes = "CreateImage", "UpdateImage", "DeleteImage"
    name_property = delete_member = "ImageName"
    ref = arn_member = "ImageArn"
    members = MappingProxyType(
        {"ImageRoleArn": "RoleArn", "ImageDisplayName": "DisplayName", "ImageDescription": "Description"}
    )


@provides
class ImageVersion(Described):
    """A version of a Studio image, whose container image must be in the registry."""

    type, state_only, tagging = "AWS::SageMaker::ImageVersion", True, None
    creates, deletes, reads = "CreateImageVersion", "DeleteImageVersion", "DescribeImageVersion"
    ref = arn_member = "ImageVersionArn"
    name_property = delete_member = "ImageName"

    def translate(self, properties: Properties) -> Properties:
        """Put the one alias among the aliases."""
        rest = {name: item for name, item in properties.items() if name not in ("Alias", "Aliases")}
        return rest | ({"Aliases": found} if (found := _aliases(properties)) else {})

    def target(self, made: Made) -> Properties:
        """Return the image's name and the version's number."""
        return {"ImageName": self.name(made), "Version": int(made.ref.rpartition("/")[2])}

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change what the version says of itself, and its aliases."""
        updatable(before, after, "Alias", "Aliases", *_VERSION)
        differ = [name for name in changed(before, after) if name in _VERSION]
        if gone := [name for name in differ if name not in after]:
            raise NotUpdatableError(f"UpdateImageVersion can't take away the property {gone[0]}.")
        had, wanted = _aliases(before), _aliases(after)
        aliases = {
            "AliasesToAdd": [alias for alias in wanted if alias not in had],
            "AliasesToDelete": [alias for alias in had if alias not in wanted],
        }
        told = {name: after[name] for name in differ} | {name: item for name, item in aliases.items() if item}
        if told:
            call(context.client("sagemaker"), "UpdateImageVersion", self.target(made) | told)
        return made


def _aliases(properties: Properties) -> list[str]:
    one = [properties["Alias"]] if "Alias" in properties else []
    return one + [alias for alias in properties.get("Aliases", []) if alias not in one]
