"""What moto remembers, as parts that can be written and read: with the other `moto_` modules, its internals' seam."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from moto.core.base_backend import BackendDict
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.s3 import models as s3_models
from moto.s3.models import s3_backends

from smproject.sandbox import moto_mends
from smproject.sandbox.state.blobs import Blobs
from smproject.sandbox.state.values import Value

# Attributes of moto's classes that come from its code and data, not from calls.
TRANSIENT: Mapping[str, Mapping[str, Any]] = {
    "moto.awslambda.models:LambdaStorage": {"_arns": None, "_aliases": None},  # Lambda is the sandbox's own
}


@dataclass(frozen=True)
class Backend:
    """What one moto service keeps for an account in a region."""

    name: str
    made: Any

    def attributes(self) -> dict[str, Any]:
        """Return what is to be written: of IAM's policies not those of AWS, but how often they are attached."""
        found = dict(vars(self.made))
        if isinstance(self.made, IAMBackend):
            del found["aws_managed_policies"]
            policies = list(found.pop("managed_policies").items())
            found["_own"] = {arn: p for arn, p in policies if not isinstance(p, AWSManagedPolicy)}
            found["_attached"] = {arn: (p.id, p.attachment_count) for arn, p in policies if _is_attached(p)}
        return found

    def restore(self, attributes: dict[str, Any]) -> None:
        """Put back what was written."""
        if isinstance(self.made, IAMBackend):
            own = attributes.pop("_own")
            for arn, (identity, count) in attributes.pop("_attached").items():
                policy = self.made.managed_policies[arn]
                policy.id, policy.attachment_count = identity, count
            self.made.managed_policies.update(own)
        for name in set(vars(self.made)) - set(attributes) - _IAM_OWN:
            delattr(self.made, name)
        vars(self.made).update(attributes)

    def roots(self) -> dict[str, object]:
        """Return the objects of this backend that are there anyhow, by name."""
        policies = self.made.aws_managed_policies if isinstance(self.made, IAMBackend) else []
        return {self.name: self.made} | {f"{self.name}/{policy.arn}": policy for policy in policies}


_IAM_OWN = {"aws_managed_policies", "managed_policies"}


def _is_attached(policy: Any) -> bool:
    return isinstance(policy, AWSManagedPolicy) and policy.attachment_count > 0


def backends() -> Iterator[Backend]:
    """Yield every backend that a call has made so far."""
    for service in list(BackendDict._instances):
        for account, regions in list(service.items()):
            for region, made in list(regions.items()):
                yield Backend(f"{_name(service)}/{account}/{region}", made)


def is_backend(name: str) -> bool:
    """Tell whether a name is one of a backend."""
    return name.startswith("moto.")


def backend(name: str) -> Backend:
    """Return the backend with a name, made when it isn't there; raises ValueError when moto has no such thing."""
    service, account, region = name.split("/")
    module, _, attribute = service.partition(":")
    found = getattr(importlib.import_module(module), attribute, None) if is_backend(name) else None
    if isinstance(found, BackendDict):
        moto_mends.mend(module.split(".")[1])  # what is read has what the mends let it keep
        return Backend(name, found[account][region])
    raise ValueError(f"moto has no {service}")


@functools.cache
def _name(service: Any) -> str:
    module = service.backend.__module__
    return f"{module}:{next(key for key, value in vars(sys.modules[module]).items() if value is service)}"


def shared() -> dict[str, Any]:
    """Return what moto keeps beside its backends: which account has which bucket."""
    return {"bucket_accounts": s3_backends.bucket_accounts}


class Body:
    """The content of an S3 object, in a blob; it has those methods of a file that moto's FakeKey calls."""

    blobs: ClassVar[Blobs]

    def __init__(self, max_size: int = 0) -> None:
        self.blob, self.ended = "", False

    def seek(self, _start: int) -> None:
        """Go to the start."""
        self.ended = False

    def truncate(self) -> None:
        """Forget the content."""
        self.blob = ""

    def write(self, content: bytes) -> None:
        """Keep the content."""
        self.blob = self.blobs.put(content)

    def read(self, _size: int = -1) -> bytes:
        """Return all of the content, and nothing when asked again."""
        ended, self.ended = self.ended, True
        return b"" if ended or not self.blob else self.blobs.get(self.blob)

    def close(self) -> None:
        """Do nothing: blobs that nobody names are removed at the next start."""


def install(blobs: Blobs) -> None:
    """Let moto keep the content of S3 objects in blobs from now on."""
    Body.blobs = blobs
    s3_models.tempfile = SimpleNamespace(SpooledTemporaryFile=Body)


def _key_out(key: Any, _: Blobs) -> str:
    form = serialization.PrivateFormat.PKCS8
    return str(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode())


def _key_in(text: str, _: Blobs) -> Any:
    return serialization.load_pem_private_key(text.encode(), None)


def _certificate_out(certificate: x509.Certificate, _: Blobs) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _certificate_in(text: str, _: Blobs) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


# The private keys of KMS, SNS, EC2 and ACM, and ACM's certificates.
VALUES: Mapping[type, Value] = {
    **dict.fromkeys(
        (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey), Value("key", _key_out, _key_in)
    ),
    x509.Certificate: Value("certificate", _certificate_out, _certificate_in),
}
