"""STS: roles are assumed where they exist, trust the caller or its web identity, and the caller may ask for them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from smproject.sandbox import git_issuers, moto_policies, moto_seam, web_identity
from smproject.sandbox.moto_policies import Session
from smproject.sandbox.permissions import trust
from smproject.sandbox.permissions.document import MalformedPolicyError, parse
from smproject.sandbox.permissions.request import Found, Principal
from smproject.sandbox.service import Caller, Request, Service, ServiceError

_USUAL_SECONDS = 3600  # of a session, and the most that a role allows where it doesn't say


class Sts(Service):
    """AssumeRole and AssumeRoleWithWebIdentity as AWS does them; moto answers the rest of the API."""

    name = "sts"
    over_moto = True
    # Each would mark the session in a way that nothing here would respect.
    unsupported = frozenset({"SourceIdentity", "SerialNumber", "TokenCode", "ProvidedContexts", "ProviderId"})

    def assume_role(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return credentials of a role that the caller may assume."""
        role = request["RoleArn"]
        principal = Principal.of(caller.credentials)
        given = _session(principal, request, trust.account_of(role))
        for action in ("sts:AssumeRole", "sts:TagSession") if given.tags else ("sts:AssumeRole",):
            trust.demand_for_caller(role, principal, action, _context(caller, request, given))
        return _begun(caller, request, given)

    def assume_role_with_web_identity(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return credentials of a role that whoever a token speaks for may assume; nobody signs this request."""
        role = request["RoleArn"]
        account, key = trust.account_of(role), git_issuers.signing_key(self.world.home)
        found = web_identity.verified(request["WebIdentityToken"], account, key)
        keys: dict[str, Found] = {"sts:RoleSessionName": request["RoleSessionName"], **found.keys}
        trust.demand_for_web_identity(role, found.provider, keys)
        told = {"SubjectFromWebIdentityToken": found.subject, "Provider": found.provider, "Audience": found.audience}
        return {**_begun(caller, request, Session(_policies(request, account))), **told}

    def assume_role_with_saml(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Refuse: moto would ask no trust policy."""
        raise ServiceError("NotImplemented", "The sandbox does not implement sts:AssumeRoleWithSAML.")


def _begun(caller: Caller, request: Request, given: Session) -> dict[str, Any]:
    """Return the credentials of a new session of the role that a request names."""
    seconds = int(request.get("DurationSeconds", _USUAL_SECONDS))
    if seconds > (moto_policies.longest_session(request["RoleArn"]) or _USUAL_SECONDS):
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ServiceError("ValidationError", text)
    made = moto_seam.session_credentials(request["RoleArn"], request["RoleSessionName"], caller.region)
    if given != Session():
        moto_policies.remember_session(made.access_key, made.account, given)
    expires = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return {
        "Credentials": {
            "AccessKeyId": made.access_key,
            "SecretAccessKey": made.secret_key,
            "SessionToken": made.token,
            "Expiration": expires,
        },
        "AssumedRoleUser": {
            "AssumedRoleId": moto_policies.user_id(made.access_key, made.account),
            "Arn": made.arn,
        },
    }


def _session(principal: Principal, request: Request, account: str) -> Session:
    """Return what the request, and the session that makes it, give the new session.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    old = moto_policies.session(principal.key, principal.account) if principal.key else Session()
    kept = {name: value for name, value in old.tags.items() if name in old.transitive}
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", [])}
    if again := sorted(kept.keys() & tags.keys()):
        message = f"The session tag {again[0]} is transitive: it cannot be given another value."
        raise ServiceError("InvalidParameterValue", message)
    transitive = (*old.transitive, *request.get("TransitiveTagKeys", []))
    return Session(_policies(request, account), {**kept, **tags}, transitive)


def _policies(request: Request, account: str) -> tuple[str, ...]:
    """Return the texts of the policies that limit the session; refuse what is no policy.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
    """
    texts = [request["Policy"]] if request.get("Policy") else []
    for item in request.get("PolicyArns", []):
        text = moto_policies.policy_text(item["arn"], account)
        if not text:
            raise ServiceError("MalformedPolicyDocument", f"The policy {item['arn']} does not exist.")
        texts.append(text)
    for text in texts:
        try:
            parse(text)
        except MalformedPolicyError as error:
            raise ServiceError("MalformedPolicyDocument", f"The session policy is refused: {error}.") from error
    return tuple(texts)


def _context(caller: Caller, request: Request, given: Session) -> dict[str, Found]:
    """Return the condition keys of STS.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    keys: dict[str, Found] = {
        "sts:RoleSessionName": request["RoleSessionName"],
        "aws:RequestedRegion": caller.region,
        **{f"aws:RequestTag/{name}": value for name, value in given.tags.items()},
    }
    if given.tags:
        keys["aws:TagKeys"] = tuple(given.tags)
        keys["sts:TransitiveTagKeys"] = given.transitive
    if "ExternalId" in request:
        keys["sts:ExternalId"] = request["ExternalId"]
    return keys
