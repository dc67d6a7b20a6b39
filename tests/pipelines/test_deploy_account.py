"""The account of the models: another's are read by the role that it lends, and what it refuses is told."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.exceptions import ClientError
from deploy_service import CREDENTIALS, REGION, VARIABLES, Service, serve

from pipelines.deploy.realtime import settings
from pipelines.deploy.realtime.account import models_session
from pipelines.variables import SettingsError

ROLE = "arn:aws:iam::222222222222:role/sagemaker-p-model-models"


@dataclass
class Lender(Service):
    """Lends one role."""

    session: str = ""

    def post(self, _: str, body: bytes, __: Any) -> tuple[int, bytes]:
        """Answer AssumeRole."""
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if (asked["Action"], asked["RoleArn"]) != ("AssumeRole", ROLE):
            return 403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        self.session = asked["RoleSessionName"]
        keys = (
            "<AccessKeyId>lent</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>"
        )
        lent = f"<Credentials>{keys}<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>"
        return 200, f"<AssumeRoleResponse><AssumeRoleResult>{lent}</AssumeRoleResult></AssumeRoleResponse>".encode()


@pytest.fixture
def lender(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lender]:
    service = Lender()
    server = serve(service)
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": service.url}.items():
        monkeypatch.setenv(name, value)
    yield service
    server.shutdown()
    server.server_close()


def key_for(role: str) -> str:
    """Access key of the session that reads the models."""
    project = settings.for_render({**VARIABLES, "MODEL_ROLE_ARN": role})
    return str(models_session(project, boto3.Session(region_name=REGION)).get_credentials().access_key)


def test_models_of_another_account_are_read_by_the_role_that_it_lends(lender: Lender) -> None:
    assert key_for(ROLE) == "lent"
    assert lender.session == "render-p-deploy"


def test_models_of_the_same_account_are_read_by_the_build_s_own_rights(lender: Lender) -> None:
    assert key_for("none") == "key"
    assert not lender.session


def test_a_role_that_is_not_lent_is_refused_in_aws_s_words(lender: Lender) -> None:
    with pytest.raises(ClientError, match="AssumeRole operation: no"):
        key_for(ROLE.replace("p-model", "p-other"))


def test_what_is_no_role_is_named_before_anything_is_asked() -> None:
    with pytest.raises(SettingsError, match="MODEL_ROLE_ARN"):
        key_for("sagemaker-p-model-models")
