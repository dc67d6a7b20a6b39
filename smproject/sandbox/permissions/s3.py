"""S3 between accounts: the bucket's policy, the KMS key's policy, and the caller's own.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from werkzeug.wrappers import Request

from smproject.sandbox import calls, moto_policies, replies
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.moto_policies import Encryption
from smproject.sandbox.moto_seam import Credentials
from smproject.sandbox.permissions import access
from smproject.sandbox.permissions.document import Document, MalformedPolicyError, parse
from smproject.sandbox.permissions.request import Principal, Values, access_request
from smproject.sandbox.permissions.s3_requests import UnnamedError, Use, uses
from smproject.sandbox.replies import Reply
from smproject.sandbox.service import ServiceError

LOG = logging.getLogger(__name__)
_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
_LISTING = ("prefix", "delimiter", "max-keys")


def refusal(credentials: Credentials, call: Call, environ: Environ) -> Reply | None:
    """Return S3's answer to a request that leaves the caller's account and is not allowed; None for any other."""
    attempt = Attempt(Principal.of(credentials), call.region, Request(environ))
    try:
        attempt.demand()
    except ServiceError as error:
        calls.discard(environ)
        reply = replies.error(call, 501 if error.code == "NotImplemented" else 403, error.code, error.message)
        return Reply(reply.status, reply.headers, b"") if environ["REQUEST_METHOD"] == "HEAD" else reply
    return None


@dataclass(frozen=True)
class Attempt:
    """One request to S3."""

    principal: Principal
    region: str
    request: Request

    def demand(self) -> None:
        """Raise ServiceError unless everything that the request does is allowed."""
        owner = moto_policies.bucket_owner(moto_policies.s3_address(self.request)[0])
        if self.principal.acts_for_aws or not owner:  # moto tells of a missing bucket
            return
        for use in self._uses(owner):
            if moto_policies.bucket_owner(use.bucket):
                self._demand_use(use)
                for action in use.kms:
                    self._demand_key(use, action)

    def _uses(self, owner: str) -> list[Use]:
        try:
            return uses(self.request)
        except UnnamedError as error:
            if owner == self.principal.account:
                return []
            message = f"The sandbox does not know which permission {self.request.method} {self.request.path} needs."
            raise ServiceError("NotImplemented", message) from error

    def _demand_use(self, use: Use) -> None:
        """Raise ServiceError unless the bucket's policy and the caller's allow what is done."""
        self._demand_action(use.action, use)
        if use.reads and moto_policies.object_encryption(use.bucket, use.key, use.version) is None:
            # Who may not list a bucket is not told that an object is missing.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            self._demand_action("s3:ListBucket", Use("s3:ListBucket", use.bucket))

    def _demand_action(self, action: str, use: Use) -> None:
        owner = moto_policies.bucket_owner(use.bucket)
        policy = _parsed(moto_policies.bucket_policy(use.bucket), use.bucket)
        request = access_request(self.principal, action, use.arn, owner, self._context(use))
        if reason := access.denial(request, policy):
            raise ServiceError("AccessDenied", f"{reason}. The bucket {use.bucket} belongs to account {owner}.")

    def _demand_key(self, use: Use, action: str) -> None:
        """Raise ServiceError unless the KMS key's policy and the caller's let S3 use the key for the caller.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        """
        encryption = self._encryption(use)
        if encryption is None or not encryption.algorithm.startswith("aws:kms"):
            return
        # Without a key's name it is the account's own key for S3, which can't be shared: no policy of it is found.
        key = moto_policies.key_arn(encryption.key or "alias/aws/s3", self._names_key(use), self.region)
        context: dict[str, Values] = {
            "aws:RequestedRegion": self.region,
            "aws:ViaAWSService": "true",
            "kms:CallerAccount": self.principal.account,
            "kms:ViaService": f"s3.{self.region}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": Use("", use.bucket).arn if encryption.bucket_key else use.arn,
            "kms:EncryptionContextKeys": ("aws:s3:arn",),
        }
        request = access_request(self.principal, action, key, key.split(":")[4], context)
        access.demand(request, _parsed(moto_policies.key_policy(key), key), "AccessDenied")

    def _encryption(self, use: Use) -> Encryption | None:
        """Return how the object is encrypted, or will be: as the request says, else as its bucket does."""
        if use.reads:
            return moto_policies.object_encryption(use.bucket, use.key, use.version)
        default = moto_policies.bucket_encryption(use.bucket)
        headers = self.request.headers
        if algorithm := headers.get(_ALGORITHM):
            own_key = headers.get(_BUCKET_KEY, str(bool(default and default.bucket_key))).lower() == "true"
            return Encryption(algorithm, headers.get(_KEY, ""), own_key)
        return default

    def _names_key(self, use: Use) -> str:
        """Return the account in which a key's id or alias is looked up: in a request's header, the caller's."""
        own = not use.reads and _KEY in self.request.headers
        return self.principal.account if own else moto_policies.bucket_owner(use.bucket)

    def _context(self, use: Use) -> dict[str, Values]:
        """Return S3's context keys.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
        """
        headers = {name.lower(): value for name, value in self.request.headers}
        tags = moto_policies.object_tags(use.bucket, use.key, use.version) if use.key else {}
        return {
            "aws:RequestedRegion": self.region,
            **{f"s3:{name}": value for name, value in headers.items() if name.startswith("x-amz-")},
            **{f"s3:{name}": self.request.args[name] for name in _LISTING if name in self.request.args},
            **({"s3:VersionId": use.version} if use.version else {}),
            **{f"s3:ExistingObjectTag/{name}": value for name, value in tags.items()},
        }


def _parsed(text: str, of: str) -> Document | None:
    try:
        return parse(text) if text else None
    except MalformedPolicyError as error:
        LOG.warning("The policy of %s allows nothing: %s.", of, error)
        return None
