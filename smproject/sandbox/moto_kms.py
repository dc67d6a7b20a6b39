"""The seam to moto's KMS: keys named by ARN, and keys that are not there.

https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.kms.models import KmsBackend
from moto.kms.responses import KmsResponse

_BY_ID = ("cancel_key_deletion", "disable_key", "enable_key", "replicate_key", "schedule_key_deletion")
_UNCHECKED = (
    *("create_grant", "list_grants", "retire_grant", "revoke_grant"),
    *("list_key_rotations", "replicate_key", "rotate_key_on_demand"),
)


def mend() -> None:
    """Let every operation that takes a key's id take its ARN, and refuse a key that is not there, and an alias."""
    for name in _BY_ID:
        setattr(KmsBackend, name, _by_id(getattr(KmsBackend, name)))
    for name in _UNCHECKED:
        setattr(KmsResponse, name, _checked(getattr(KmsResponse, name)))
    for name in ("cancel_key_deletion", "schedule_key_deletion"):
        setattr(KmsResponse, name, _told_by_arn(getattr(KmsResponse, name)))


def _by_id(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def called(self: KmsBackend, key_id: str, *args: Any, **kwargs: Any) -> Any:
        return original(self, self.get_key_id(key_id), *args, **kwargs)

    return called


def _checked(original: Callable[[Any], str]) -> Callable[[Any], str]:
    @wraps(original)
    def called(self: KmsResponse) -> str:
        if key := self._get_param("KeyId"):  # a grant is retired by its token, without one
            self._validate_cmk_id(key)
        return original(self)

    return called


def _told_by_arn(original: Callable[[Any], str]) -> Callable[[Any], str]:
    @wraps(original)
    def called(self: KmsResponse) -> str:
        answer = json.loads(original(self))
        return json.dumps(answer | {"KeyId": self._display_arn(answer["KeyId"])})

    return called
