"""The seam to moto's IAM: an inline policy without a version is one of the first, as on AWS; a managed one needs one.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.iam.models import IAMBackend
from moto.iam.policy_validation import IAMPolicyDocumentValidator


def mend() -> None:
    """Let users, groups and roles have inline policies of any version."""
    for kind in ("user", "group", "role"):
        setattr(IAMBackend, f"put_{kind}_policy", _put(kind))


def _put(kind: str) -> Callable[[Any, str, str, str], None]:
    def put(self: Any, owner: str, policy_name: str, policy_json: str) -> None:
        found = getattr(self, f"get_{kind}")(owner)
        checks = IAMPolicyDocumentValidator(policy_json)
        checks._validate_version = bool  # which takes each version that there is, and none
        checks.validate()
        found.put_policy(policy_name, policy_json)

    return put
