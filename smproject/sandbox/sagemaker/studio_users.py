"""Who works in a Studio domain, and where: user profiles and spaces, kept and described."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.sagemaker.records import Facts, Records, given, listing
from smproject.sandbox.sagemaker.studio import Studio
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.service import Caller, Request, ServiceError

_PROFILE = ("DomainId", "UserProfileName", "Status", "CreationTime", "LastModifiedTime")
_SPACE = (*(name for name in _PROFILE if name != "UserProfileName"), "SpaceName", "SpaceDisplayName")


class UserProfiles:
    """The operations on user profiles."""

    def __init__(self, tags: Tags, studio: Studio) -> None:
        self.tags, self.studio = tags, studio

    def create_user_profile(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a user profile in a domain."""
        domain = self.studio.domain(caller, request)
        if "SingleSignOnUserIdentifier" in request or "SingleSignOnUserValue" in request:
            raise ServiceError("ValidationException", f"The AuthMode of Domain [{domain['DomainArn']}] is not SSO.")
        arn = _arn(caller, "user-profile", request, "UserProfileName")
        facts = {"UserProfileArn": arn, "Status": "InService", "HomeEfsFileSystemUid": self.studio.next_uid(domain)}
        self.studio.profiles.add(arn, given(request, "DomainId", "UserProfileName", "UserSettings") | facts)
        self.tags.set(arn, request.get("Tags", []))
        return {"UserProfileArn": arn}

    def describe_user_profile(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a user profile."""
        return self.studio.profiles.find(_arn(caller, "user-profile", request, "UserProfileName"))

    def list_user_profiles(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the user profiles of the account, or of one domain."""
        found = _chosen(caller, self.studio.profiles, "user-profile", request, "UserProfileName")
        return listing(found, request, "UserProfiles", _PROFILE)

    def update_user_profile(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Put new settings in place of the former ones."""
        arn = _arn(caller, "user-profile", request, "UserProfileName")
        self.studio.profiles.change(arn, given(request, "UserSettings"))
        return {"UserProfileArn": arn}

    def delete_user_profile(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a user profile that owns no space."""
        arn, name = _arn(caller, "user-profile", request, "UserProfileName"), request["UserProfileName"]
        self.studio.profiles.find(arn)
        owned = _chosen(caller, self.studio.spaces, "space", {"DomainIdEquals": request["DomainId"]}, "SpaceName")
        if any(space.get("OwnershipSettings", {}).get("OwnerUserProfileName") == name for space in owned):
            message = f"Unable to delete UserProfile [{arn}] because Space(s) are associated with it."
            raise ServiceError("ResourceInUse", message)
        self.studio.profiles.remove(arn)
        self.tags.set(arn, [])
        return {}


class Spaces:
    """The operations on spaces."""

    def __init__(self, tags: Tags, studio: Studio) -> None:
        self.tags, self.studio = tags, studio

    def create_space(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Create a space; a private one belongs to a user profile of its domain."""
        domain = self.studio.domain(caller, request)
        if ("OwnershipSettings" in request) != ("SpaceSharingSettings" in request):
            message = "OwnershipSettings and SpaceSharingSettings must be given together, or neither of them."
            raise ServiceError("ValidationException", message)
        if owner := request.get("OwnershipSettings", {}).get("OwnerUserProfileName"):
            profile = {"DomainId": request["DomainId"], "UserProfileName": owner}
            self.studio.profiles.find(_arn(caller, "user-profile", profile, "UserProfileName"))
        arn = _arn(caller, "space", request, "SpaceName")
        kept = ("DomainId", "SpaceName", "SpaceDisplayName", "SpaceSettings", "OwnershipSettings")
        facts = {
            "SpaceArn": arn,
            "Url": f"{domain['Url']}/jupyterlab/default?space={request['SpaceName']}",
            "Status": "InService",
            "HomeEfsFileSystemUid": self.studio.next_uid(domain),
        }
        self.studio.spaces.add(arn, given(request, *kept, "SpaceSharingSettings") | facts)
        self.tags.set(arn, request.get("Tags", []))
        return {"SpaceArn": arn}

    def describe_space(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a space."""
        return self.studio.spaces.find(_arn(caller, "space", request, "SpaceName"))

    def list_spaces(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the spaces of the account, or of one domain."""
        found = _chosen(caller, self.studio.spaces, "space", request, "SpaceName")
        return listing(found, request, "Spaces", _SPACE)

    def update_space(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change what a space is called, and put new settings in place of the former ones."""
        arn = _arn(caller, "space", request, "SpaceName")
        self.studio.spaces.change(arn, given(request, "SpaceSettings", "SpaceDisplayName"))
        return {"SpaceArn": arn}

    def delete_space(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Delete a space."""
        arn = _arn(caller, "space", request, "SpaceName")
        self.studio.spaces.remove(arn)
        self.tags.set(arn, [])
        return {}


def _arn(caller: Caller, kind: str, request: Request, name: str) -> str:
    return caller.arn_of("sagemaker", f"{kind}/{request['DomainId']}/{request[name]}")


def _chosen(caller: Caller, records: Records, kind: str, request: Request, name: str) -> list[Facts]:
    """Return what lies in the domain that is asked for, and whose name contains a text."""
    prefix = f"{kind}/{request['DomainIdEquals']}/" if "DomainIdEquals" in request else f"{kind}/"
    text = request.get(f"{name}Contains", "")
    return [item for item in records.below(caller.arn_of("sagemaker", prefix)) if text in item[name]]
