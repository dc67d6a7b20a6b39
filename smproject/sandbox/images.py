"""Finding images in the accounts' registries."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from smproject.sandbox.dockerfile import BuildError
from smproject.sandbox.image_store import Image, ImageStore, Reference
from smproject.sandbox.moto_seam import PARTITION, Credentials
from smproject.sandbox.permissions import access
from smproject.sandbox.permissions.document import parse
from smproject.sandbox.permissions.policy import Document
from smproject.sandbox.permissions.request import Principal, access_request
from smproject.sandbox.service import ServiceError
from smproject.sandbox.world import World

_PULL = ("BatchGetImage", "GetDownloadUrlForLayer")  # what pulling an image calls


def find(world: World, image_uri: str, credentials: Credentials) -> Image:
    """Return the image at an address in any account's ECR, for whoever the credentials speak for.

    Raises ServiceError (ValidationException, in SageMaker's words) when the registry or this machine lacks the image,
    or when another account's registry does not let it be pulled.
    """
    address = Reference.parse(image_uri)
    if address is None:
        raise _not_found(image_uri, "The sandbox runs only images that were pushed to its own Amazon ECR.")
    try:
        image = ImageStore(world.home / "images").get(_digest_in_registry(world, address, image_uri, credentials))
    except BuildError as error:  # its environment is gone and can't be made again
        raise _not_found(image_uri, str(error)) from error
    if image is None:
        raise _not_found(image_uri, "It was not built on this machine: build and push it here.")
    return image


def _digest_in_registry(world: World, address: Reference, image_uri: str, credentials: Credentials) -> str:
    """Return the digest of an image that its registry holds and lets the credentials pull."""
    # moto looks into the caller's registry only, so another account's is asked by AWS itself.
    foreign = credentials.account != address.account
    reader = world.service_credentials(address.account) if foreign else credentials
    ecr = world.client("ecr", reader, address.region)
    where = {"registryId": address.account, "repositoryName": address.repository}
    wanted = {"imageDigest": address.digest} if address.digest else {"imageTag": address.tag}
    try:
        if foreign:
            _demand_pull(_repository_policy(ecr, where), address, image_uri, Principal.of(credentials))
        found = ecr.batch_get_image(**where, imageIds=[wanted])  # what pulling an image begins with
    except ClientError as error:
        raise _not_found(image_uri, error.response["Error"]["Message"]) from error
    if not found["images"]:
        where_not = f"repository with name '{address.repository}' in the registry with id '{address.account}'"
        raise _not_found(image_uri, f"It does not exist within the {where_not}.")
    return str(found["images"][0]["imageId"]["imageDigest"])


def _repository_policy(ecr: Any, where: dict[str, str]) -> Document | None:
    try:
        return parse(ecr.get_repository_policy(**where)["policyText"])
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return None


def _demand_pull(policy: Document | None, address: Reference, image_uri: str, principal: Principal) -> None:
    """Raise ServiceError unless a principal may pull from another account's repository.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
    """
    repository = f"arn:{PARTITION}:ecr:{address.region}:{address.account}:repository/{address.repository}"
    for action in _PULL:
        context = {"aws:RequestedRegion": address.region}
        request = access_request(principal, f"ecr:{action}", repository, address.account, context)
        if reason := access.denial(request, policy):
            message = (
                f"The role '{principal.role or principal.arn}' does not have {action} permission for the image: "
                f"'{image_uri}' (repository {address.repository} of account {address.account}). {reason}"
            )
            raise ServiceError("ValidationException", message)


def _not_found(uri: str, reason: str) -> ServiceError:
    return ServiceError("ValidationException", f"Requested image {uri} not found. {reason}")
