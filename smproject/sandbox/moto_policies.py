"""What moto keeps that decides who may do what: the second module, with moto_seam.py, that touches its internals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from moto.core.config import default_user_config
from moto.iam.models import IAMBackend, iam_backends
from moto.kms.models import kms_backends
from moto.s3.models import FakeKey, s3_backends
from moto.s3.responses import S3Response
from moto.s3.utils import bucket_name_from_url
from moto.sts.models import sts_backends
from werkzeug.wrappers import Request

from smproject.sandbox.moto_seam import PARTITION
from smproject.sandbox.permissions.document import kept
from smproject.sandbox.permissions.policy import Policy

default_user_config["iam"]["load_aws_managed_policies"] = True  # as every account of AWS has them
_read_managed = IAMBackend._init_aws_policies
# moto makes an account for each partition at once: reading the policies for all of them took seconds.
IAMBackend._init_aws_policies = lambda iam: _read_managed(iam) if iam.region_name == PARTITION else []


@dataclass(frozen=True)
class IdentityPolicies:
    """The policies of a role or user: inline and managed ones, and the permissions boundary."""

    attached: list[Policy] = field(default_factory=list)
    boundary: Policy | None = None


@dataclass(frozen=True)
class Session:
    """What AssumeRole gave a session besides its role: policies that limit it, and tags."""

    policies: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()


@dataclass(frozen=True)
class WebIdentityProvider:
    """An account's OpenID Connect provider, and for which clients (audiences) it takes tokens."""

    arn: str
    client_ids: tuple[str, ...]


@dataclass(frozen=True)
class Encryption:
    """How S3 encrypts an object: algorithm, KMS key as it was named, and whether the bucket has a key of its own."""

    algorithm: str
    key: str
    bucket_key: bool


def trust_policy(role_arn: str) -> Policy | None:
    """Return a role's trust policy; None when there is no such role."""
    role = _principal(role_arn)
    return kept(_text(role.assume_role_policy_document), role_arn) if role else None


def longest_session(role_arn: str) -> int:
    """Return how many seconds a role allows a session to last; 0 where it doesn't say."""
    role = _principal(role_arn)
    return int(role.max_session_duration or 0) if role else 0


def web_identity_provider(host: str, account: str) -> WebIdentityProvider | None:
    """Return an account's provider of web identities by its URL without scheme; None when it has none."""
    arn = f"arn:{PARTITION}:iam::{account}:oidc-provider/{host}"
    found = iam_backends[account][PARTITION].open_id_providers.get(arn) if account else None
    return WebIdentityProvider(arn, tuple(found.client_id_list)) if found else None


def identity_policies(arn: str) -> IdentityPolicies:
    """Return the policies of a role or a user (its groups' among them); none when it is gone."""
    found = _principal(arn)
    if found is None:
        return IdentityPolicies()
    iam = iam_backends[found.account_id][PARTITION]
    holders = [found, *(group for group in iam.groups.values() if ":user/" in arn and found in group.users)]
    texts = [text for holder in holders for text in list(holder.policies.values())]
    texts += [_current(managed) for holder in holders for managed in list(holder.managed_policies.values())]
    boundary = str(getattr(found, "permissions_boundary_arn", None) or "")  # moto keeps none for users
    limit = policy_text(boundary, found.account_id) if boundary else ""
    limits = kept(limit, boundary) if limit else Policy()  # a boundary that is gone allows nothing
    return IdentityPolicies([kept(_text(text), arn) for text in texts], limits if boundary else None)


def policy_text(arn: str, account: str) -> str:
    """Return the text of a managed policy, as an account sees it; empty when there is none."""
    found = iam_backends[account][PARTITION].managed_policies.get(arn)
    return _text(_current(found)) if found else ""


def identity_tags(arn: str) -> dict[str, str]:
    """Return the tags of a role or a user."""
    found = _principal(arn)
    if found is None:
        return {}
    if ":user/" in arn:
        return dict(iam_backends[found.account_id][PARTITION].tagger.get_tag_dict_for_resource(arn))
    return {tag["Key"]: tag["Value"] for tag in found.tags or []}


def identity_arn(kind: str, name: str, account: str) -> str:
    """Return the ARN of a role, user or group (`kind`), with its path; empty when there is none."""
    iam = iam_backends[account][PARTITION]
    kinds: dict[str, Mapping[str, Any]] = {"role": iam.roles, "user": iam.users, "group": iam.groups}
    return next((str(found.arn) for found in list(kinds[kind].values()) if found.name == name), "")


def remember_session(key: str, account: str, session: Session) -> None:
    """Keep with moto's session, which is known by its access key, what AssumeRole gave it."""
    _assumed(key, account).smproject_session = session


def session(key: str, account: str) -> Session:
    """Return what AssumeRole gave a session."""
    found: Session = getattr(_assumed(key, account), "smproject_session", _NOTHING)
    return found


def user_id(key: str, account: str) -> str:
    """Return the unique id of a session, `AROA...:name`."""
    return str(_assumed(key, account).user_id)


_NOTHING = Session()


@lru_cache(maxsize=4096)  # moto looks through all sessions that ever were
def _assumed(key: str, account: str) -> Any:
    return sts_backends[account][PARTITION].get_assumed_role_from_access_key(key)


def _current(policy: Any) -> Any:
    """Return the document of a managed policy's default version."""
    return next(version.document for version in policy.versions if version.version_id == policy.default_version_id)


_FOUND: dict[str, Any] = {}  # moto's role or user by ARN, where it was found last


def _principal(arn: str) -> Any:
    """Return moto's role or user with an ARN; None when there is none."""
    iam = iam_backends[arn.split(":")[4]][PARTITION]
    found = _FOUND.get(arn)
    if found is not None and found.arn == arn and (iam.roles.get(found.id) or iam.users.get(found.name)) is found:
        return found
    kinds = (list(iam.roles.values()), list(iam.users.values()))
    found = next((each for kind in kinds for each in kind if each.arn == arn), None)
    if found is not None:
        _FOUND[arn] = found
    return found


def _text(found: Any) -> str:
    return found if isinstance(found, str) else json.dumps(found)


def s3_address(request: Request) -> tuple[str, str]:
    """Return the bucket and key that an HTTP request to S3 names, in its host or in its path; empty without any."""
    if S3Response.subdomain_based_buckets(request):
        return str(bucket_name_from_url(request.url) or ""), request.path.removeprefix("/")
    bucket, _, key = request.path.removeprefix("/").partition("/")
    return bucket, key


def bucket_owner(bucket: str) -> str:
    """Return the account of a bucket; empty when there is no such bucket."""
    return str(s3_backends.bucket_accounts.get(bucket, ("", ""))[1])


def bucket_policy(bucket: str) -> str:
    """Return the text of a bucket's policy; empty when it has none."""
    found = _bucket(bucket).policy or b""
    return found.decode() if isinstance(found, bytes) else str(found)


def bucket_encryption(bucket: str) -> Encryption | None:
    """Return how a bucket encrypts by default, where that was set."""
    found = _bucket(bucket).encryption
    if not found:
        return None
    default = found["Rule"]["ApplyServerSideEncryptionByDefault"]
    own_key = str(found["Rule"].get("BucketKeyEnabled", False)).lower() == "true"
    return Encryption(default["SSEAlgorithm"], default.get("KMSMasterKeyID") or "", own_key)


def object_encryption(bucket: str, key: str, version: str | None = None) -> Encryption | None:
    """Return how an object is encrypted; None when there is no such object."""
    found = _object(bucket, key, version)
    if found is None:
        return None
    own_key = str(found.bucket_key_enabled).lower() == "true"
    return Encryption(found.encryption or "AES256", found.kms_key_id or "", own_key)


def object_tags(bucket: str, key: str, version: str | None = None) -> dict[str, str]:
    """Return an object's tags."""
    found = _object(bucket, key, version)
    return dict(_s3(bucket).tagger.get_tag_dict_for_resource(found.arn)) if found else {}


def _s3(bucket: str) -> Any:
    return s3_backends[bucket_owner(bucket)][PARTITION]


def _bucket(bucket: str) -> Any:
    return _s3(bucket).buckets[bucket]


def _object(bucket: str, key: str, version: str | None) -> FakeKey | None:
    found = _s3(bucket).get_object(bucket, key, version_id=version)
    return found if isinstance(found, FakeKey) else None


def key_arn(named: str, account: str, region: str) -> str:
    """Return the ARN of a KMS key from its ARN, id or alias, as an account and region read them.

    What is not found keeps its name, in that account and region.
    """
    parts = named.split(":", 5) if named.startswith("arn:") else ["arn", PARTITION, "kms", region, account, named]
    keys = _keys(parts[4], parts[3])
    name = parts[5].removeprefix("key/")
    key = keys.get(name) or next((key for key in keys.values() if name in key.aliases), None)
    kind = "" if name.startswith("alias/") else "key/"
    return str(key.arn) if key else f"arn:{PARTITION}:kms:{parts[3]}:{parts[4]}:{kind}{name}"


def key_policy(arn: str) -> str:
    """Return the text of a KMS key's policy; empty when there is no such key."""
    region, account = arn.split(":")[3:5]
    key = _keys(account, region).get(arn.partition(":key/")[2])
    return str(key.policy) if key else ""


def _keys(account: str, region: str) -> Mapping[str, Any]:
    """Return an account's KMS keys by id; none in a region that does not exist."""
    try:
        return dict(kms_backends[account][region].keys)
    except KeyError:
        return {}
