"""Check that the image of a model exists, so that a missing one is told before an endpoint waits for it."""

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from pipelines.deploy.realtime.errors import DeployError

IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr[.-]ecr\.(?P<region>[a-z0-9-]+)\.[a-z0-9.-]+(:\d+)?/(?P<repository>[a-z0-9._/-]+)"
    r"@(?P<digest>sha256:[0-9a-f]{64})"
)
MISSING = ("ImageNotFoundException", "RepositoryNotFoundException")


def check_image(image: str, client: Callable[..., Any]) -> None:
    """DeployError unless ECR has the image; `client` makes a client as a boto3 session does."""
    parts = IMAGE.fullmatch(image)
    if not parts:
        raise DeployError(f"Image {image!r} is not one of ECR, pinned by digest. Register the model anew.")
    ecr = client("ecr", region_name=parts["region"])
    try:
        ecr.describe_images(
            registryId=parts["account"],
            repositoryName=parts["repository"],
            imageIds=[{"imageDigest": parts["digest"]}],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        where = f"repository {parts['repository']} of account {parts['account']} in {parts['region']}"
        raise DeployError(
            f"{where} has no image {parts['digest']}. Push it again, or register the model anew."
        ) from error
