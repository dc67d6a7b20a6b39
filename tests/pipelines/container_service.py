"""AWS as the image builds see it: boto3's own clients, whose answers a test prepares and whose requests it checks."""

from typing import Any

import boto3
from botocore.stub import Stubber

REGION, ACCOUNT = "eu-west-1", "222222222222"
REPOSITORY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/sagemaker-images-p-img"
BUCKET = f"sagemaker-project-p-img-{ACCOUNT}"
DIGEST = "sha256:" + "a" * 64
VARIABLES = {
    "SAGEMAKER_PROJECT_NAME": "images",
    "SAGEMAKER_PROJECT_ID": "p-img",
    "AWS_REGION": REGION,
    "ARTIFACT_BUCKET": BUCKET,
    "KMS_KEY_ARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555",
    "IMAGE_REPOSITORY_URI": REPOSITORY,
    "CODEBUILD_RESOLVED_SOURCE_VERSION": "0" * 40,
}


class Aws:
    """A session whose clients answer what was prepared, in that order, and nothing else."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self._stubs: dict[str, Stubber] = {}

    def client(self, name: str) -> Any:
        if name not in self._clients:
            keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}  # of nobody
            self._clients[name] = boto3.client(name, region_name=REGION, **keys)
            self._stubs[name] = Stubber(self._clients[name])
            self._stubs[name].activate()
        return self._clients[name]

    def answer(
        self, service: str, operation: str, answer: dict[str, Any], request: dict[str, Any] | None = None
    ) -> None:
        """Prepare an answer; the request must be the one that is given, if any is."""
        self.client(service)
        self._stubs[service].add_response(operation, answer, request)

    def refuse(self, service: str, operation: str, code: str) -> None:
        """Prepare an error."""
        self.client(service)
        self._stubs[service].add_client_error(operation, code, f"{code} of a test")

    def done(self) -> None:
        """Fail unless all that was prepared has been asked for."""
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()
