"""What moto's services keep of single resources that decides who may do what: policies and tags by ARN."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from moto.backends import get_backend

from smproject.sandbox import moto_policies
from smproject.sandbox.moto_seam import PARTITION

_KEY_ID = 36  # characters


def policy_of(arn: str) -> str:
    """Return the text of the policy of one of moto's resources; empty when it has none, or isn't there."""
    reader = _POLICIES.get(arn.split(":")[2])
    return _text(reader(arn)) if reader else ""


def tags_of(arn: str) -> dict[str, str]:
    """Return the tags of one of moto's resources; none where moto keeps none."""
    service = arn.split(":")[2]
    reader = _TAGS.get(service)
    if reader:
        return reader(arn)
    tagger = getattr(_backend(service, arn), "tagger", None)
    return dict(tagger.get_tag_dict_for_resource(arn)) if tagger else {}


def key_of(ciphertext: str) -> str:
    """Return the id of the key that a ciphertext (base64) was made with: moto writes it first."""
    try:
        return b64decode(ciphertext, validate=True)[:_KEY_ID].decode()
    except ValueError:
        return ""


def secret_arn(named: str, account: str, region: str) -> str:
    """Return the ARN of a secret by its ARN, with or without the random end, or its name; empty when it isn't there."""
    where = named.split(":")[3:5] if named.startswith("arn:") else [region, account]
    backend = _backend("secretsmanager", f"arn:{PARTITION}:secretsmanager:{where[0]}:{where[1]}:")
    found = backend.secrets.get(named) if backend else None
    return str(found.arn) if found else ""


def _text(found: Any) -> str:
    if not found:
        return ""
    return found if isinstance(found, str) else json.dumps(found)


def _backend(service: str, arn: str) -> Any:
    """Return moto's backend of a resource; None where moto has no such service or region."""
    region, account = arn.split(":")[3:5]
    if not account:
        return None
    try:
        return get_backend(_MODULES.get(service, service))[account][region or PARTITION]
    except (ImportError, KeyError):
        return None


_MODULES = {"monitoring": "cloudwatch", "states": "stepfunctions", "elasticfilesystem": "efs", "lambda": "awslambda"}


def _queue(arn: str) -> Any:
    backend = _backend("sqs", arn)
    found = backend and backend.queues.get(arn.rpartition(":")[2])
    return found and found._policy_json


def _topic(arn: str) -> Any:
    backend = _backend("sns", arn)
    found = backend and backend.topics.get(arn)
    return found and found._policy_json


def _repository(arn: str) -> Any:
    backend = _backend("ecr", arn)
    found = backend and backend.repositories.get(arn.partition(":repository/")[2])
    return found and found.policy


def _secret(arn: str) -> Any:
    backend = _backend("secretsmanager", arn)
    found = backend and backend.secrets.get(arn)
    return found and getattr(found, "policy", None)


def _bus(arn: str) -> Any:
    backend = _backend("events", arn)
    found = backend and backend.event_buses.get(arn.partition(":event-bus/")[2])
    return found and found.policy


_POLICIES: Mapping[str, Callable[[str], Any]] = {
    "ecr": _repository,
    "events": _bus,
    "kms": moto_policies.key_policy,
    "secretsmanager": _secret,
    "sns": _topic,
    "sqs": _queue,
}


def _tags_of_key(arn: str) -> dict[str, str]:
    backend = _backend("kms", arn)
    return dict(backend.tagger.get_tag_dict_for_resource(arn.partition(":key/")[2])) if backend else {}


def _tags_of_queue(arn: str) -> dict[str, str]:
    backend = _backend("sqs", arn)
    found = backend and backend.queues.get(arn.rpartition(":")[2])
    return dict(found.tags) if found else {}


def _tags_of_topic(arn: str) -> dict[str, str]:
    backend = _backend("sns", arn)
    found = backend and backend.topics.get(arn)
    return dict(found._tags) if found else {}


def _tags_of_secret(arn: str) -> dict[str, str]:
    backend = _backend("secretsmanager", arn)
    found = backend and backend.secrets.get(arn)
    return {tag["Key"]: tag["Value"] for tag in (found.tags or [])} if found else {}


def _tags_of_parameter(arn: str) -> dict[str, str]:
    backend, name = _backend("ssm", arn), arn.partition(":parameter/")[2]
    kept = backend._resource_tags.get("Parameter", {}) if backend else {}
    return dict(kept.get(f"/{name}") or kept.get(name) or {})


_TAGS: Mapping[str, Callable[[str], dict[str, str]]] = {
    "iam": moto_policies.identity_tags,
    "kms": _tags_of_key,
    "secretsmanager": _tags_of_secret,
    "sns": _tags_of_topic,
    "sqs": _tags_of_queue,
    "ssm": _tags_of_parameter,
}
