"""CloudFront: what there is is kept as it was given and described; nothing is delivered from here.

moto keeps less than half of a distribution's members and no policies, so these kinds are ours; the rest is moto's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from smproject.sandbox import rest
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.cloudfront_functions import CloudFrontFunctions
from smproject.sandbox.replies import Reply
from smproject.sandbox.service import Caller, Handler, Request, Service, ServiceError, now, unique_id
from smproject.sandbox.world import World

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
_MANAGED = {
    "2e54312d-136d-493c-8eb9-b001f22f67d2",
    "08627262-05a9-4f76-9ded-b50ca2e3a84f",
    "658327ea-f89d-4fab-a63d-7e88639e58f6",
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
    "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
    "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
}
_KINDS = {  # by kind: the member that holds the configuration
    "CachePolicy": "CachePolicyConfig",
    "CloudFrontOriginAccessIdentity": "CloudFrontOriginAccessIdentityConfig",
    "Distribution": "DistributionConfig",
    "OriginAccessControl": "OriginAccessControlConfig",
}
_OPERATION = re.compile(rf"(Create|Get|Update|Delete)({'|'.join(_KINDS)})(Config|WithTags)?")


@dataclass
class Item:
    """Something of CloudFront's: `told` is what its description holds besides the configuration."""

    account: str
    kind: str
    id: str
    config: dict[str, Any]
    told: dict[str, Any] = field(default_factory=dict)
    changed: datetime = field(default_factory=now)
    etag: str = field(default_factory=lambda: "E" + unique_id(13, _ALPHABET))

    def describe(self) -> dict[str, Any]:
        """Return the description."""
        moment = {"LastModifiedTime": self.changed} if self.kind in {"CachePolicy", "Distribution"} else {}
        return {"Id": self.id, **self.told, **moment, _KINDS[self.kind]: self.config}


class CloudFront(Service):
    """Distributions, origin access, cache policies and functions."""

    name, over_moto = "cloudfront", True

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.items: dict[tuple[str, str], Item] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.parts = [CloudFrontFunctions(self.tags)]

    def handler(self, operation: str) -> Handler | None:
        """Return what answers an operation on one of the kinds, on functions or on tags."""
        found = _OPERATION.fullmatch(operation)
        if not found or (found[3] and (found[1], found[3]) not in {("Get", "Config"), ("Create", "WithTags")}):
            return self.first_handler([self, *self.parts], operation)
        does: dict[str, Callable[..., dict[str, Any]]] = {
            "Create": self._create,
            "Get": self._config if found[3] else self._get,
            "Update": self._update,
            "Delete": self._delete,
        }
        return partial(does[found[1]], found[2])

    def http(self, caller: Caller, call: Call, environ: Environ) -> Reply | None:
        """Answer a REST call."""
        return rest.answer(self, caller, call, environ)

    def _create(self, kind: str, caller: Caller, request: Request) -> dict[str, Any]:
        given = request.get("DistributionConfigWithTags") or request
        config = given[_KINDS[kind]]
        self._check(caller, kind, "", config)
        id_ = "E" + unique_id(13, _ALPHABET)
        made = Item(caller.account, kind, id_, config, _told(caller, kind, id_))
        self.items[caller.account, id_] = made
        if tags := given.get("Tags", {}).get("Items", []):
            self.tags[made.told["ARN"]] = {tag["Key"]: tag.get("Value", "") for tag in tags}
        return {kind: made.describe(), "ETag": made.etag}

    def _get(self, kind: str, caller: Caller, request: Request) -> dict[str, Any]:
        found = self._find(kind, caller, request)
        return {kind: found.describe(), "ETag": found.etag}

    def _config(self, kind: str, caller: Caller, request: Request) -> dict[str, Any]:
        found = self._find(kind, caller, request)
        return {_KINDS[kind]: found.config, "ETag": found.etag}

    def _update(self, kind: str, caller: Caller, request: Request) -> dict[str, Any]:
        found, config = self._find(kind, caller, request), request[_KINDS[kind]]
        _match(found, request)
        if (reference := found.config.get("CallerReference")) and config.get("CallerReference") != reference:
            raise ServiceError("IllegalUpdate", "The update contains modifications that are not allowed.")
        self._check(caller, kind, found.id, config)
        found.config, found.changed, found.etag = config, now(), "E" + unique_id(13, _ALPHABET)
        return {kind: found.describe(), "ETag": found.etag}

    def _delete(self, kind: str, caller: Caller, request: Request) -> dict[str, Any]:
        found = self._find(kind, caller, request)
        _match(found, request)
        if found.config.get("Enabled"):
            raise ServiceError("DistributionNotDisabled", "The distribution you are trying to delete is not disabled.")
        if any(found.id in _used(each.config) for each in self._of(caller, "Distribution")):
            raise ServiceError(f"{kind}InUse", f"{found.id} is used by a distribution.")
        del self.items[caller.account, found.id]
        self.tags.pop(found.told.get("ARN", ""), None)
        return {}

    def list_distributions(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the distributions, all on one page."""
        return {"DistributionList": _listing([_summary(each) for each in self._of(caller, "Distribution")])}

    def list_origin_access_controls(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the origin access controls, all on one page."""
        found = self._of(caller, "OriginAccessControl")
        return {"OriginAccessControlList": _listing([{"Id": each.id, **each.config} for each in found])}

    def list_cache_policies(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the account's own cache policies, all on one page."""
        found = [] if request.get("Type") == "managed" else self._of(caller, "CachePolicy")
        items = [{"Type": "custom", "CachePolicy": each.describe()} for each in found]
        return {"CachePolicyList": {"MaxItems": 100, "Quantity": len(items), "Items": items}}

    def tag_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Give a resource tags."""
        tags = self.tags.setdefault(request["Resource"], {})
        tags |= {tag["Key"]: tag.get("Value", "") for tag in request["Tags"]["Items"]}
        return {}

    def untag_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Take tags of a resource away."""
        for key in request["TagKeys"]["Items"]:
            self.tags.get(request["Resource"], {}).pop(key, None)
        return {}

    def list_tags_for_resource(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List a resource's tags."""
        tags = self.tags.get(request["Resource"], {})
        return {"Tags": {"Items": [{"Key": key, "Value": value} for key, value in tags.items()]}}

    def _of(self, caller: Caller, kind: str) -> list[Item]:
        return [each for each in list(self.items.values()) if (each.account, each.kind) == (caller.account, kind)]

    def _find(self, kind: str, caller: Caller, request: Request) -> Item:
        found = self.items.get((caller.account, request["Id"]))
        if found is None or found.kind != kind:
            raise ServiceError(f"NoSuch{kind}", f"The specified {kind} does not exist: {request['Id']}")
        return found

    def _check(self, caller: Caller, kind: str, own: str, config: dict[str, Any]) -> None:
        """Refuse names that are taken, and distributions that point to what is not there."""
        same = [
            each.id for each in self._of(caller, kind) if "Name" in config and each.config["Name"] == config["Name"]
        ]
        if set(same) - {own}:
            raise ServiceError(f"{kind}AlreadyExists", f"The {kind} {config['Name']} already exists.")
        if kind != "Distribution":
            return
        origins = {origin["Id"] for origin in config["Origins"]["Items"]}
        for behavior in [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", {}).get("Items", [])]:
            if behavior["TargetOriginId"] not in origins:
                raise ServiceError("NoSuchOrigin", "One or more of your origins or origin groups do not exist.")
            policy = behavior.get("CachePolicyId") or next(iter(_MANAGED))
            if policy not in _MANAGED and policy not in {each.id for each in self._of(caller, "CachePolicy")}:
                raise ServiceError("NoSuchCachePolicy", "The specified cache policy does not exist.")
        for origin in config["Origins"]["Items"]:
            control = origin.get("OriginAccessControlId")
            if control and control not in {each.id for each in self._of(caller, "OriginAccessControl")}:
                raise ServiceError("InvalidOriginAccessControl", "The origin access control does not exist.")


def _told(caller: Caller, kind: str, id_: str) -> dict[str, Any]:
    if kind == "CloudFrontOriginAccessIdentity":
        return {"S3CanonicalUserId": unique_id(96, "0123456789abcdef")}
    if kind != "Distribution":
        return {}
    nobody = {"Enabled": False, "Quantity": 0}
    return {
        "ARN": f"arn:aws:cloudfront::{caller.account}:distribution/{id_}",
        "Status": "Deployed",
        "InProgressInvalidationBatches": 0,
        "DomainName": f"d{unique_id(13)}.cloudfront.net",
        "ActiveTrustedSigners": nobody,
        "ActiveTrustedKeyGroups": nobody,
    }


def _summary(found: Item) -> dict[str, Any]:
    rest = {name: item for name, item in found.config.items() if name not in {"CallerReference", "Logging"}}
    return {"Id": found.id, **found.told, "LastModifiedTime": found.changed, **rest}


def _listing(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Marker": "", "MaxItems": 100, "IsTruncated": False, "Quantity": len(items), "Items": items}


def _used(config: dict[str, Any]) -> set[str]:
    """Return the policies and origin access controls that a distribution uses."""
    behaviors = [config["DefaultCacheBehavior"], *config.get("CacheBehaviors", {}).get("Items", [])]
    policies = {each.get("CachePolicyId") for each in behaviors}
    return policies | {each.get("OriginAccessControlId") for each in config["Origins"]["Items"]}


def _match(found: Item, request: Request) -> None:
    if not request.get("IfMatch"):
        raise ServiceError("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    if request["IfMatch"] != found.etag:
        raise ServiceError("PreconditionFailed", "The request failed because it didn't meet the preconditions.")
