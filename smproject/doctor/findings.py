"""What a check finds, and how it is said."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = {
    ERROR: "something fails, or may be abused",
    WARNING: "something is missing, old or soon at its end",
    NOTE: "something to know; the exit status stays 0",
}


@dataclass(frozen=True)
class Found:
    """One fault as a check tells it: what it is, the command that mends it, and its mending where that is safe."""

    what: str
    command: str
    fix: Callable[[], Any] | None = None
    severity: str = ""  # the check's, unless given


@dataclass(frozen=True)
class Finding:
    """One fault: of which check, how grave, in which account, what, and the command that mends it."""

    check: str
    severity: str
    account: str
    what: str
    command: str
    fix: Callable[[], Any] | None = field(default=None, repr=False, compare=False)

    @property
    def is_open(self) -> bool:
        """Whether something is to be done; a note only tells."""
        return self.severity != NOTE

    @property
    def told(self) -> dict[str, Any]:
        """What programs are told; `safe` says whether `--fix` mends it."""
        said = {"check": self.check, "severity": self.severity, "account": self.account, "what": self.what}
        return {**said, "command": self.command, "safe": self.fix is not None}

    def __str__(self) -> str:
        return f"{self.severity:<7} {self.account} {self.check}: {self.what} Run: {self.command}"
