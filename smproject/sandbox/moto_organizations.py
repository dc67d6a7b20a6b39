"""What moto's Organizations keeps that decides who may do what: an account's place and its service control policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.organizations.models import organizations_backends

from smproject.sandbox.moto_seam import PARTITION

_CONTROL = "SERVICE_CONTROL_POLICY"


@dataclass(frozen=True)
class Membership:
    """An account's place in an organization: its id, and the entity path (`o-1/r-1/ou-1/`).

    `control` holds the texts of the service control policies of each level, from the root to the account; nothing
    where none count: not for the management account, nor where the organization has not enabled them.
    """

    organization: str
    path: str
    control: tuple[tuple[str, ...], ...]


def membership(account: str) -> Membership | None:
    """Return where an account belongs; None when it belongs to no organization."""
    master, _ = organizations_backends.master_accounts.get(account, (account, PARTITION))
    backend: Any = organizations_backends[master][PARTITION] if master in organizations_backends else None
    if backend is None or not backend.org:
        return None
    found = next((each for each in backend.accounts if each.id == account), None)
    levels = _levels(backend, found) if found else []
    root = next(unit for unit in backend.ou if unit.type == "ROOT")
    counts = account != master and any(kind["Type"] == _CONTROL for kind in root.policy_types)
    control = tuple(_texts(level) for level in [*levels, found]) if counts and found else ()
    return Membership(str(backend.org.id), "/".join([str(backend.org.id), *(str(u.id) for u in levels)]) + "/", control)


def _levels(backend: Any, account: Any) -> list[Any]:
    """Return the root and the units above an account, the root first."""
    units = {unit.id: unit for unit in backend.ou}
    found, above = [], account.parent_id
    while above in units:
        found.append(units[above])
        above = getattr(units[above], "parent_id", None)
    return found[::-1]


def _texts(level: Any) -> tuple[str, ...]:
    return tuple(str(policy.content) for policy in level.attached_policies if policy.type == _CONTROL)
