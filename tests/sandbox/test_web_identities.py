"""Workflows assume roles by tokens of the git host, which speaks for GitHub and GitLab, and by no other tokens."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.request
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from durable import Durable
from harness import ACCOUNTS, Sandbox
from joserfc import jws, jwt
from joserfc.jwk import RSAKey
from persons import policy

ISSUERS = {"GitHub": "token.actions.githubusercontent.com", "GitLab": "gitlab.com"}
AUDIENCE = "sts.amazonaws.com"
ACCOUNT = ACCOUNTS["development"]


def ask(endpoint: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the git host, by POST where there is something to send."""
    body = json.dumps(content).encode() if content is not None else None
    with urllib.request.urlopen(f"{endpoint}/_git/{path}", body) as answer:  # noqa: S310  # of the sandbox
        return dict(json.load(answer))


def claims(token: str) -> dict[str, Any]:
    """Return what a token says."""
    return dict(json.loads(jws.extract_compact(token.encode()).payload))


def unsigned(endpoint: str) -> Any:
    """Return STS as somebody without credentials reaches it."""
    return boto3.client("sts", "us-east-1", endpoint_url=endpoint, config=Config(signature_version=UNSIGNED))


@dataclass
class Trust:
    """A repository of the git host, and a role that its workflows on `main` may assume."""

    sandbox: Sandbox
    host: str
    repository: str

    def token(self, branch: str = "main", audience: str = AUDIENCE, repository: str = "") -> str:
        asked = {"host": self.host, "branch": branch, "audience": audience}
        return str(ask(self.sandbox.endpoint, f"{repository or self.repository}/token", asked)["value"])

    def role(self, condition: dict[str, Any] | None = None, account: str = ACCOUNT) -> str:
        issuer = ISSUERS[self.host]
        exact = {f"{issuer}:aud": AUDIENCE, f"{issuer}:sub": claims(self.token())["sub"]}
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::{account}:oidc-provider/{issuer}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition or {"StringEquals": exact},
        }
        iam, name = self.sandbox.client("iam"), f"workflow-{uuid.uuid4().hex[:8]}"
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(statement))["Role"]["Arn"])

    def assume(self, role: str, token: str) -> dict[str, Any]:
        sts = unsigned(self.sandbox.endpoint)
        return dict(sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName="workflow", WebIdentityToken=token))

    def refusal(self, role: str, token: str) -> tuple[str, str]:
        with pytest.raises(ClientError) as refused:
            self.assume(role, token)
        told = refused.value.response["Error"]
        return told["Code"], told["Message"]


@pytest.fixture(scope="module")
def providers(sandbox: Sandbox) -> None:
    iam = sandbox.client("iam")
    for issuer in ISSUERS.values():
        with suppress(iam.exceptions.EntityAlreadyExistsException):  # tests of workflows may have made it
            iam.create_open_id_connect_provider(Url=f"https://{issuer}", ClientIDList=[AUDIENCE])


@pytest.fixture(params=list(ISSUERS))
def trust(request: pytest.FixtureRequest, sandbox: Sandbox, providers: None) -> Trust:
    name = f"team/{uuid.uuid4().hex[:8]}"
    ask(sandbox.endpoint, name, {})
    return Trust(sandbox, request.param, name)


def test_a_workflow_of_the_trusted_branch_gets_the_role(trust: Trust) -> None:
    role = trust.role()

    answer = trust.assume(role, trust.token())

    keys = answer["Credentials"]
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1")
    who = session.client("sts", endpoint_url=trust.sandbox.endpoint).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/workflow"
    assert answer["SubjectFromWebIdentityToken"] == claims(trust.token())["sub"]
    assert answer["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUERS[trust.host]}"
    assert answer["Audience"] == AUDIENCE


def test_the_subject_is_the_host_s(trust: Trust) -> None:
    found = ask(trust.sandbox.endpoint, trust.repository)
    owner, name = trust.repository.split("/")
    wanted = {
        "GitHub": f"repo:{owner}@{found['owner']['id']}/{name}@{found['id']}:ref:refs/heads/main",
        "GitLab": f"project_path:{trust.repository}:ref_type:branch:ref:main",
    }
    assert claims(trust.token())["sub"] == wanted[trust.host]


def test_another_branch_or_repository_is_not_authorized(trust: Trust) -> None:
    role, other = trust.role(), f"team/{uuid.uuid4().hex[:8]}"
    ask(trust.sandbox.endpoint, other, {})
    denied = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")

    assert trust.refusal(role, trust.token("feature")) == denied
    assert trust.refusal(role, trust.token(repository=other)) == denied
    assert trust.refusal(f"{role}-absent", trust.token()) == denied
    assert (
        trust.refusal(trust.sandbox.role("trusts-codebuild-only", "codebuild.amazonaws.com"), trust.token()) == denied
    )


def test_patterns_and_other_claims_of_a_trust_policy_count(trust: Trust) -> None:
    issuer = ISSUERS[trust.host]
    subject = claims(trust.token())["sub"]
    role = trust.role({"StringLike": {f"{issuer}:sub": subject.replace("main", "*")}})

    assert trust.assume(role, trust.token("feature"))["AssumedRoleUser"]
    if trust.host == "GitHub":  # of the other issuers' further claims AWS knows none
        role = trust.role({"StringEquals": {f"{issuer}:repository": trust.repository}})
        assert trust.assume(role, trust.token("feature"))["AssumedRoleUser"]


def test_an_account_without_the_issuer_s_provider_takes_none_of_its_tokens(trust: Trust) -> None:
    role = f"arn:aws:iam::{ACCOUNTS['staging']}:role/MLEngineer"
    code, said = trust.refusal(role, trust.token())
    assert code == "InvalidIdentityToken"
    assert said == f"No OpenIDConnect provider found in your account for https://{ISSUERS[trust.host]}"


def test_a_token_for_another_audience_is_refused(trust: Trust) -> None:
    told = trust.refusal(trust.role(), trust.token(audience="somebody-else"))
    assert told == ("InvalidIdentityToken", "Incorrect token audience")


def forged(token: str, **changes: Any) -> str:
    """Return a token with other claims, signed with a key of nobody."""
    key = RSAKey.generate_key(2048)
    return jwt.encode({"alg": "RS256"}, claims(token) | changes, key)


def signed(sandbox: Sandbox, token: str, **changes: Any) -> str:
    """Return a token with other claims, signed with the git host's own key."""
    key = RSAKey.import_key((sandbox.home / "hosts" / "signing-key.pem").read_bytes())
    return jwt.encode({"alg": "RS256"}, claims(token) | changes, key)


def test_a_token_that_nobody_known_has_signed_is_refused(trust: Trust) -> None:
    role, token = trust.role(), trust.token()
    head, content, signature = token.split(".")

    assert trust.refusal(role, forged(token))[0] == "InvalidIdentityToken"
    assert trust.refusal(role, f"{head}.{content}.{signature[::-1]}")[0] == "InvalidIdentityToken"
    assert "is not a valid JWT" in trust.refusal(role, "not.a.token")[1]
    unsigned_head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    assert trust.refusal(role, f"{unsigned_head}.{content}.")[0] == "InvalidIdentityToken"


def test_a_token_counts_in_its_time_only(trust: Trust) -> None:
    role, token, now = trust.role(), trust.token(), int(time.time())

    code, said = trust.refusal(role, signed(trust.sandbox, token, exp=now - 1))
    assert code == "ExpiredTokenException"
    assert said.endswith(f"must be before the expiration date/time {now - 1}")
    assert trust.refusal(role, signed(trust.sandbox, token, nbf=now + 3600))[0] == "InvalidIdentityToken"
    assert trust.assume(role, signed(trust.sandbox, token))["Credentials"]


def test_a_session_lasts_no_longer_than_the_role_allows(trust: Trust) -> None:
    role, sts = trust.role(), unsigned(trust.sandbox.endpoint)

    def ask_for(seconds: int) -> Any:
        given = {"RoleArn": role, "RoleSessionName": "workflow", "WebIdentityToken": trust.token()}
        return sts.assume_role_with_web_identity(**given, DurationSeconds=seconds)

    with pytest.raises(ClientError, match="DurationSeconds exceeds the MaxSessionDuration set for this role"):
        ask_for(7200)
    trust.sandbox.client("iam").update_role(RoleName=role.rpartition("/")[2], MaxSessionDuration=7200)
    assert ask_for(7200)["Credentials"]


def test_an_issuer_beyond_the_sandbox_s_reach_is_told(sandbox: Sandbox, trust: Trust) -> None:
    issuer = f"https://login.example.com/{uuid.uuid4().hex[:8]}"
    sandbox.client("iam").create_open_id_connect_provider(Url=issuer, ClientIDList=[AUDIENCE])
    code, said = trust.refusal(trust.role(), signed(sandbox, trust.token(), iss=issuer))
    assert code == "InvalidIdentityToken"
    assert said.startswith("Couldn't retrieve verification key from your identity provider: the sandbox stands for")


def test_the_cli_reads_the_token_from_a_file(trust: Trust, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(trust.token())
    given = {"AWS_ROLE_ARN": trust.role(), "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token")}
    given |= {"AWS_ENDPOINT_URL": trust.sandbox.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    environment = trust.sandbox.environment()
    for name in ("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        del environment[name]
    command = ["aws", "sts", "get-caller-identity", "--output", "json"]
    done = subprocess.run(command, env=environment | given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert given["AWS_ROLE_ARN"].rpartition("/")[2] in json.loads(done.stdout)["Arn"]


def test_saml_is_still_refused_by_name(sandbox: Sandbox) -> None:
    ask: dict[str, str] = {"PrincipalArn": "arn:aws:iam::222222222222:saml-provider/x", "SAMLAssertion": "none"}
    with pytest.raises(ClientError, match="does not implement sts:AssumeRoleWithSAML"):
        unsigned(sandbox.endpoint).assume_role_with_saml(RoleArn="arn:aws:iam::222222222222:role/x1234567", **ask)


def test_a_token_counts_after_a_restart(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    sandbox = durable.up()
    sandbox.client("iam").create_open_id_connect_provider(Url=f"https://{ISSUERS['GitHub']}", ClientIDList=[AUDIENCE])
    ask(sandbox.endpoint, "team/kept", {})
    trust = Trust(sandbox, "GitHub", "team/kept")
    role, token = trust.role(), trust.token()

    durable.down()
    durable.up()

    assert trust.assume(role, token)["Credentials"]
    assert trust.assume(role, trust.token())["Credentials"]
    durable.kill()
