"""S3: the bucket's policy, the KMS key's policy, and the caller's own.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-policy-language-overview.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from werkzeug.wrappers import Request

from smproject.sandbox import moto_policies, moto_resources
from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.moto_policies import Encryption
from smproject.sandbox.permissions.access import Question, Rule
from smproject.sandbox.permissions.document import kept
from smproject.sandbox.permissions.request import Found, Principal, access_request
from smproject.sandbox.permissions.s3_requests import CREATE_BUCKET, UnnamedError, Use, uses
from smproject.sandbox.service import ServiceError

LIST_BUCKETS, UNKNOWN = "s3:ListAllMyBuckets", "s3:?"
_OWN_KEY = "alias/aws/s3"
_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
_LISTING = ("prefix", "delimiter", "max-keys")


@dataclass(frozen=True)
class Attempt:
    """One request to S3."""

    principal: Principal
    region: str
    request: Request

    @classmethod
    def of(cls, principal: Principal, call: Call, environ: Environ) -> Attempt:
        """Return the attempt that a call is."""
        return cls(principal, call.region, Request(environ))

    def questions(self) -> Iterator[Question]:
        """Yield what the request asks for: each thing that it does, and the key that S3 uses for it."""
        bucket, _ = moto_policies.s3_address(self.request)
        if not bucket:
            yield self._question(LIST_BUCKETS, Use(LIST_BUCKETS, "*"))
            return
        for use in self._uses(moto_policies.bucket_owner(bucket)):
            if use.action == CREATE_BUCKET or moto_policies.bucket_owner(use.bucket):  # moto tells of a missing bucket
                yield from self._of_use(use)

    def _uses(self, owner: str) -> list[Use]:
        """Return what the request does; what the sandbox can't name is allowed to nobody but the bucket's account."""
        try:
            return uses(self.request)
        except UnnamedError as error:
            if owner in {"", self.principal.account}:
                return [Use(UNKNOWN, moto_policies.s3_address(self.request)[0])]
            message = f"The sandbox does not know which permission {self.request.method} {self.request.path} needs."
            raise ServiceError("NotImplemented", message) from error

    def _of_use(self, use: Use) -> Iterator[Question]:
        """Yield what one thing that is done asks of the bucket's policy and the key's."""
        yield self._question(use.action, use)
        if use.reads and moto_policies.object_encryption(use.bucket, use.key, use.version) is None:
            # Who may not list a bucket is not told that an object is missing.
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
            yield self._question("s3:ListBucket", Use("s3:ListBucket", use.bucket))
        for action in use.kms:
            yield from self._of_key(use, action)

    def _question(self, action: str, use: Use) -> Question:
        owner = moto_policies.bucket_owner(use.bucket)
        text = moto_policies.bucket_policy(use.bucket) if owner else ""
        request = access_request(self.principal, action, use.arn, owner or self.principal.account, self._context(use))
        return Question(request, kept(text, use.bucket) if text else None, unchecked=action == UNKNOWN)

    def _of_key(self, use: Use, action: str) -> Iterator[Question]:
        """Yield what S3, for the caller, asks of the KMS key's policy.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
        """
        encryption = self._encryption(use)
        if encryption is None or not encryption.algorithm.startswith("aws:kms"):
            return
        # Without a key's name it is the account's own key for S3, which can't be shared: no policy of it is found.
        key = moto_policies.key_arn(encryption.key or _OWN_KEY, self._names_key(use), self.region)
        owner = key.split(":")[4]
        if key.endswith(f":{_OWN_KEY}") and owner == self.principal.account:  # everyone in the account may use it
            return
        context: dict[str, Found] = {
            "aws:RequestedRegion": self.region,
            "aws:ViaAWSService": "true",
            "kms:CallerAccount": self.principal.account,
            "kms:ViaService": f"s3.{self.region}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": Use("", use.bucket).arn if encryption.bucket_key else use.arn,
            "kms:EncryptionContextKeys": ("aws:s3:arn",),
            "aws:CalledVia": ("s3.amazonaws.com",),
            "aws:ResourceTag/": lambda name: moto_resources.tags_of(key).get(name),
        }
        policy = moto_policies.key_policy(key)
        request = access_request(self.principal, action, key, owner, context)
        yield Question(request, kept(policy, key) if policy else None, Rule.DECIDES if policy else Rule.ADDS)

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

    def _context(self, use: Use) -> dict[str, Found]:
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
