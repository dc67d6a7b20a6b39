"""What an audit finds, and how it is said."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One permission to look at; `reason` is why it is as it is, empty where nobody says."""

    kind: str  # missing: needed or asked for, not granted; unused: granted, never needed; wildcard
    where: str  # template:line, or account/role
    statement: str  # the statement's Sid; empty for what is missing
    what: str
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Tell whether something is to be done: to grant, to take away, or to explain."""
        return not self.reason

    def __str__(self) -> str:
        named = f" {self.statement}" if self.statement else ""
        return f"{self.kind:<8} {self.where}{named}: {self.what}" + (f"  ({self.reason})" if self.reason else "")
