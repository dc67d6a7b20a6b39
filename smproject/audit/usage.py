"""What roles did, from the sandbox's call log."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from smproject.sandbox.permissions.patterns import arn_matches, matches


@dataclass(frozen=True)
class Use:
    """An action on a resource, and how it was judged: allowed, denied or unchecked."""

    action: str
    resource: str
    decision: str

    def is_of(self, actions: Iterable[str], resources: Iterable[str]) -> bool:
        """Tell whether a statement's patterns of actions and resources cover it."""
        return any(matches(each.lower(), self.action.lower()) for each in actions) and any(
            each == "*" or arn_matches(each, self.resource) or each == self.resource for each in resources
        )


def read(log: Path) -> Mapping[str, set[Use]]:
    """Return what each role did, by its ARN."""
    found: dict[str, set[Use]] = defaultdict(set)
    with log.open() as lines:
        for line in lines:
            call = json.loads(line)
            for use in call.get("uses", ()) if call.get("role") else ():
                found[call["role"]].add(Use(use["action"], use["resource"], use["decision"]))
    return found
