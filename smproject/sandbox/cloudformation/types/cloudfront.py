"""CloudFront: kept and described; nothing is delivered from here."""

from __future__ import annotations

from typing import Any, ClassVar

from botocore.model import ListShape, Shape, StructureShape

from smproject.sandbox.cloudformation.api import call, input_shape, is_absent, known, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides
from smproject.sandbox.cloudformation.tags import plain, spelled


class _Configured(Provider):
    """Something that is one configuration, which changes as a whole."""

    state_only = True
    kind: ClassVar[str]
    told: ClassVar[tuple[str, ...]] = ("Id",)  # attributes, as the description names them

    def create(self, context: Context, properties: Properties) -> Made:
        """Create it."""
        known(properties, self.config, "Tags")
        client = context.client("cloudfront")
        answer = call(client, f"Create{self.kind}", {self.config: self.written(client, context, properties)})
        made = self._made(answer)
        _tag(client, made, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the new configuration in the old one's place."""
        updatable(before, after, self.config, "Tags")
        client = context.client("cloudfront")
        if before.get(self.config) != after.get(self.config):
            there = call(client, f"Get{self.kind}", {"Id": made.ref})
            config = self.written(client, context, after)
            if reference := there[self.kind][self.config].get("CallerReference"):
                config["CallerReference"] = reference
            self._put(client, made, there["ETag"], config)
        _tag(client, made, before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete it; what is gone already is deleted."""
        client = context.client("cloudfront")
        try:
            there = call(client, f"Get{self.kind}", {"Id": made.ref})
        except Exception as error:
            if is_absent(error):
                return
            raise
        config, etag = there[self.kind][self.config], there["ETag"]
        if config.get("Enabled"):
            etag = self._put(client, made, etag, config | {"Enabled": False})
        call(client, f"Delete{self.kind}", {"Id": made.ref, "IfMatch": etag})

    @property
    def config(self) -> str:
        """The property that is the configuration."""
        return f"{self.kind}Config"

    def written(self, client: Any, context: Context, properties: Properties) -> Properties:
        """Return the configuration in the API's words."""
        shape = input_shape(client, f"Create{self.kind}").members[self.config]
        return dict(_counted(shape, properties[self.config]))

    def _made(self, answer: Properties) -> Made:
        item = answer[self.kind]
        arn = {"_arn": item["ARN"]} if "ARN" in item else {}
        return Made(item["Id"], {name: str(item[name]) for name in self.told} | arn)

    def _put(self, client: Any, made: Made, etag: str, config: Properties) -> str:
        named = {"Id": made.ref, "IfMatch": etag, self.config: config}
        return str(call(client, f"Update{self.kind}", named)["ETag"])


@provides
class OriginAccessControl(_Configured):
    """How a distribution signs what it asks of an origin."""

    type, kind = "AWS::CloudFront::OriginAccessControl", "OriginAccessControl"


@provides
class CachePolicy(_Configured):
    """What a cache tells requests apart by, and how long it keeps the answers."""

    type, kind, told = "AWS::CloudFront::CachePolicy", "CachePolicy", ("Id", "LastModifiedTime")


@provides
class CloudFrontOriginAccessIdentity(_Configured):
    """Who a distribution is to a bucket."""

    type, told = "AWS::CloudFront::CloudFrontOriginAccessIdentity", ("Id", "S3CanonicalUserId")
    kind = "CloudFrontOriginAccessIdentity"

    def written(self, client: Any, context: Context, properties: Properties) -> Properties:
        """Return the configuration with the reference that makes it one of its own."""
        reference = {"CallerReference": context.name(128)}
        return super().written(client, context, properties) | reference


@provides
class Distribution(_Configured):
    """A distribution; its domain name leads nowhere."""

    type, kind, told = "AWS::CloudFront::Distribution", "Distribution", ("Id", "DomainName")

    def written(self, client: Any, context: Context, properties: Properties) -> Properties:
        """Return the configuration in the API's words, with what the API demands and CloudFormation fills in."""
        given = dict(properties[self.config])
        if "IPV6Enabled" in given:
            given["IsIPV6Enabled"] = given.pop("IPV6Enabled")
        for name in ("DefaultCacheBehavior", "CacheBehaviors"):
            if name in given:
                given[name] = _behaviors(given[name])
        given["Origins"] = [_origin(each) for each in given.get("Origins", [])]
        if "Logging" in given:
            given["Logging"] = {"Enabled": True, "IncludeCookies": False, "Prefix": "", **given["Logging"]}
        filled = {"CallerReference": context.name(128), "Comment": "", **given}
        return super().written(client, context, {self.config: filled})


@provides
class Function(Provider):
    """A function at the edge, which is kept but not run."""

    type, state_only = "AWS::CloudFront::Function", True

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the function, and publish it where that is asked for."""
        known(properties, "AutoPublish", "FunctionCode", "FunctionConfig", "Name", "Tags")
        client = context.client("cloudfront")
        etag = call(client, "CreateFunction", _function(properties))["ETag"]
        made = self._described(context, properties)
        _tag(client, made, {}, properties)
        return self._published(context, etag, properties)

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change code, configuration and tags."""
        updatable(before, after, "AutoPublish", "FunctionCode", "FunctionConfig", "Tags")
        client = context.client("cloudfront")
        etag = client.describe_function(Name=after["Name"])["ETag"]
        if set(changed(before, after)) & {"FunctionCode", "FunctionConfig"}:
            etag = call(client, "UpdateFunction", {**_function(after), "IfMatch": etag})["ETag"]
        _tag(client, made, before, after)
        return self._published(context, etag, after)

    def delete(self, context: Context, made: Made) -> None:
        """Delete the function."""
        client, name = context.client("cloudfront"), made.attributes["_name"]
        etag = client.describe_function(Name=name)["ETag"]
        client.delete_function(Name=name, IfMatch=etag)

    def _published(self, context: Context, etag: str, properties: Properties) -> Made:
        if str(properties.get("AutoPublish", False)).lower() == "true":
            context.client("cloudfront").publish_function(Name=properties["Name"], IfMatch=etag)
        return self._described(context, properties)

    def _described(self, context: Context, properties: Properties) -> Made:
        client, name = context.client("cloudfront"), properties["Name"]
        told = client.describe_function(Name=name)["FunctionSummary"]["FunctionMetadata"]
        arn = told["FunctionARN"]
        attributes = {"FunctionARN": arn, "FunctionMetadata.FunctionARN": arn, "Stage": told["Stage"]}
        return Made(arn, attributes | {"_name": name, "_arn": arn})


def _function(properties: Properties) -> Properties:
    code = str(properties["FunctionCode"]).encode()
    return {"Name": properties["Name"], "FunctionConfig": properties["FunctionConfig"], "FunctionCode": code}


def _tag(client: Any, made: Made, before: Properties, after: Properties) -> None:
    """Bring the tags of what has an ARN to those of its properties."""
    old, new = plain(before.get("Tags")), plain(after.get("Tags"))
    if gone := sorted(set(old) - set(new)):
        client.untag_resource(Resource=made.attributes["_arn"], TagKeys={"Items": gone})
    if put := {key: value for key, value in new.items() if old.get(key) != value}:
        client.tag_resource(Resource=made.attributes["_arn"], Tags={"Items": spelled(put)})


def _behaviors(given: Any) -> Any:
    """Write the cached methods below the allowed ones, as the API has them."""
    if isinstance(given, list):
        return [_behaviors(each) for each in given]
    written = dict(given)
    cached = written.pop("CachedMethods", None)
    if "AllowedMethods" in written or cached:
        methods = written.get("AllowedMethods", ["GET", "HEAD"])
        items = {"Quantity": len(methods), "Items": methods}
        counted = {"CachedMethods": {"Quantity": len(cached), "Items": cached}} if cached else {}
        written["AllowedMethods"] = items | counted
    return written


def _origin(given: Properties) -> Properties:
    renamed = {"OriginCustomHeaders": "CustomHeaders"}
    origin = {renamed.get(name, name): item for name, item in given.items()}
    if "CustomOriginConfig" in origin:
        ports = {"HTTPPort": 80, "HTTPSPort": 443}
        origin["CustomOriginConfig"] = ports | origin["CustomOriginConfig"]
    return origin


def _counted(shape: Shape, value: Any) -> Any:
    """Write each list of a template as the API does: how many there are, and the items."""
    if isinstance(shape, StructureShape):
        members = {name.lower(): name for name in shape.members}
        if isinstance(value, list) and {"Quantity", "Items"} <= set(shape.members):
            enabled = {"Enabled": bool(value)} if "Enabled" in shape.members else {}
            return {**enabled, "Quantity": len(value), "Items": _counted(shape.members["Items"], value)}
        if isinstance(value, dict):
            written = {
                name: _counted(shape.members[members[name.lower()]], item) if name.lower() in members else item
                for name, item in value.items()
            }
            return _geographic(shape, written)
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_counted(shape.member, item) for item in value]
    return value


def _geographic(shape: StructureShape, value: Properties) -> Properties:
    """Write the countries of a restriction, which have no list of their own in the API."""
    if "RestrictionType" not in shape.members:
        return value
    places = value.get("Locations", [])
    rest = {name: item for name, item in value.items() if name != "Locations"}
    return {**rest, "Quantity": len(places)} | ({"Items": places} if places else {})
