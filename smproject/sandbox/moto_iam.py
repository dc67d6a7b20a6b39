"""The seam to moto's IAM: what inline policies may be, and who holds a managed one.

An inline policy without a version is one of the first, as on AWS; a managed one needs one:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.models import IAMBackend
from moto.iam.policy_validation import IAMPolicyDocumentValidator
from moto.iam.responses import IamResponse


def mend() -> None:
    """Let users, groups and roles have inline policies of any version, and find who holds a managed one among all."""
    for kind in ("user", "group", "role"):
        setattr(IAMBackend, f"put_{kind}_policy", _put(kind))
    IamResponse.list_entities_for_policy = _list_entities  # moto looks at the first hundred roles only


def _list_entities(self: Any) -> ActionResult:
    arn, kind, prefix = (self._get_param(name) for name in ("PolicyArn", "EntityFilter", "PathPrefix"))
    self.backend.get_policy(arn)  # which refuses a policy that is not there
    held = {
        name: [each for each in kept.values() if arn in each.managed_policies and each.path.startswith(prefix or "/")]
        for name, kept in (("User", self.backend.users), ("Role", self.backend.roles), ("Group", self.backend.groups))
    }
    found = {f"Policy{name}s": holders if kind not in held or kind == name else [] for name, holders in held.items()}
    return ActionResult({**found, "IsTruncated": False})


def _put(kind: str) -> Callable[[Any, str, str, str], None]:
    def put(self: Any, owner: str, policy_name: str, policy_json: str) -> None:
        found = getattr(self, f"get_{kind}")(owner)
        checks = IAMPolicyDocumentValidator(policy_json)
        checks._validate_version = bool  # which takes each version that there is, and none
        checks.validate()
        found.put_policy(policy_name, policy_json)

    return put
