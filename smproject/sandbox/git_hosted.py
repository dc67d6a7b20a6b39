"""A repository of the git host, and what the host knows of it besides its content."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.git_pulls import PullRequest
from smproject.sandbox.git_repository import GitRepository
from smproject.sandbox.git_work import Delivery

# Git runs it for each reference that a push moves.
_HOOK = """#!/bin/sh
if grep -qxF "$1" protected 2>/dev/null; then
  echo "error: $1 is protected: changes go there by a pull request" >&2
  exit 1
fi
"""


@dataclass
class Hosted:
    """A repository of the host, by an id of its own; `lock` makes changes to its references one by one."""

    full_name: str
    git: GitRepository
    id: int
    is_private: bool = False
    variables: dict[str, str] = field(default_factory=dict)  # what the owner tells its workflows
    runs: list[dict[str, Any]] = field(default_factory=list)  # of its workflows, the oldest first
    pulls: dict[int, PullRequest] = field(default_factory=dict)  # pull requests by number
    deliveries: list[Delivery] = field(default_factory=list)  # what was told of it, the oldest first
    lock: threading.Lock = field(default_factory=threading.Lock)

    def protect(self, branches: Iterable[str]) -> None:
        """Let nobody push to these branches."""
        (self.git.path / "protected").write_text("".join(f"refs/heads/{name}\n" for name in branches))
        hook = self.git.path / "hooks" / "update"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK)
        hook.chmod(0o755)
