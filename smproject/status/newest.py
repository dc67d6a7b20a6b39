"""The newest published version of the template that a project was made from, as whoever asks may find it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from smproject import catalog, origin, stacks
from smproject.errors import DeploymentError
from smproject.publishing import objects
from smproject.publishing.hub import LOCATION
from smproject.publishing.wanted import FOLDERS

# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
_URL = re.compile(
    r"https://((?P<host>[^/]+)\.)?s3[.-][a-z0-9.-]*amazonaws\.com(\.cn)?/(?(host)|(?P<path>[^/]+)/)(?P<key>[^?]+)"
)
# A template under a key that names its content is followed by others under its own name.
_BY_CONTENT = re.compile(r"templates/([a-z0-9-]+)/[0-9a-f]{16}\.yaml$")
_GONE = {"ResourceNotFoundException"}


class UnknownError(Exception):
    """Why it can't be known which version is the newest."""


@dataclass(frozen=True)
class Newest:
    """A published version: its name, its key in a catalogue's bucket, and what UpdateProject is asked for to get it.

    `place` is the bucket and the key of its template; no bucket where only the catalogue knows that.
    """

    name: str
    key: str
    place: tuple[str, str]
    request: Mapping[str, Any]


class Published:
    """What is published to an account, asked for once for each product and each template."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self._of_product, self._of_url = cache(self._read_product), cache(self._read_url)
        self._text = cache(self._read)

    def newest(self, described: Mapping[str, Any]) -> Newest:
        """The newest version for a described project; raises UnknownError."""
        for each in described.get("TemplateProviderDetails", []):
            provider = each["CfnTemplateProviderDetail"]
            return self._of_url(provider["TemplateName"], provider["TemplateURL"])
        return self._of_product(described["ServiceCatalogProvisioningDetails"]["ProductId"])

    def text(self, newest: Newest) -> str | None:
        """The template of a version; None where it isn't there for whoever asks."""
        return self._text(*newest.place)

    def _read(self, bucket: str, key: str) -> str | None:
        try:
            content = objects.content(self.session.client("s3"), bucket or self._bucket(), key)
        except (ClientError, DeploymentError):
            return None
        return content.decode() if content else None

    def _read_product(self, product: str) -> Newest:
        try:
            found = self.session.client("servicecatalog").describe_product(Id=product)["ProvisioningArtifacts"]
        except ClientError as error:
            raise UnknownError(_said(error, f"product {product}", "is deleted, or not offered to you")) from error
        offered = [each for each in found if each.get("Guidance") != "DEPRECATED"]
        if not offered:
            raise UnknownError(f"product {product} has no version that is active")
        newest = max(offered, key=lambda each: each["CreatedTime"])
        key = newest.get("Description") or ""
        if not _BY_CONTENT.fullmatch(key):
            raise UnknownError(f"version {newest['Name']} of product {product} doesn't say which template it holds")
        request = {"ServiceCatalogProvisioningUpdateDetails": {"ProvisioningArtifactId": newest["Id"]}}
        return Newest(newest["Name"], key, ("", key), request)

    def _read_url(self, name: str, url: str) -> Newest:
        found = _URL.match(url)
        if not found:
            raise UnknownError(f"{url} is no address of an object in S3")
        bucket = found["host"] or found["path"]
        key = _BY_CONTENT.sub(rf"{FOLDERS[catalog.PROJECTS]}/\1.yaml", found["key"])
        try:
            content = objects.content(self.session.client("s3"), bucket, key)
        except ClientError as error:
            raise UnknownError(_said(error, f"s3://{bucket}/{key}", "is gone")) from error
        made = origin.of_text(content.decode()) if content else None
        if made is None:
            raise UnknownError(f"s3://{bucket}/{key} holds no template of this catalogue")
        provider = {"TemplateName": name, "TemplateURL": url.partition("?")[0].replace(found["key"], key)}
        request = {"TemplateProvidersToUpdate": [{"CfnTemplateProvider": provider}]}
        return Newest(made.name, made.key, (bucket, key), request)

    def _bucket(self) -> str:
        """The bucket of the catalogue that the account uses; the hub, which is told of none, has made it."""
        ssm = self.session.client("ssm")
        try:
            return str(ssm.get_parameter(Name=LOCATION)["Parameter"]["Value"])
        except ssm.exceptions.ParameterNotFound:
            name = stacks.stack_name(catalog.template("catalog-bucket"))
            return stacks.outputs(self.session.client("cloudformation"), name)["CatalogBucketName"]


def _said(error: ClientError, subject: str, gone: str) -> str:
    """What a refusal means for who asked; raises it again where that has nothing to do with the one thing asked for."""
    code = error.response["Error"]["Code"]
    if code in _GONE:
        return f"{subject} {gone}"
    if code in stacks.DENIED:
        return f"{subject} can't be read: {error}"
    raise error
