"""What AWS documents that its services do with a role, where the sandbox's do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

_DOCUMENTED = Path(__file__).with_name("services.yaml")


def documented(services: Iterable[str]) -> Mapping[str, str]:
    """Return the actions of services such as `codebuild.amazonaws.com`, in lower case, each with its page."""
    table = yaml.safe_load(_DOCUMENTED.read_text())
    entries = [entry for service in services for entry in table.get(service, [])]
    return {action.lower(): entry["source"] for entry in entries for action in entry["actions"]}
