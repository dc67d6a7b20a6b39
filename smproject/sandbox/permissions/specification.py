"""Which kinds of resource an IAM action takes, and how their ARNs look, as AWS's policy generator has it.

cfn-lint carries the data: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from smproject.sandbox.moto_seam import PARTITION

_NAME = ".*"  # stands in a format where a name belongs


@dataclass(frozen=True)
class Kind:
    """A kind of resource: its name (`training-job`) and the format of its ARN, with `.*` for the name."""

    name: str
    format: str

    @property
    def word(self) -> str:
        """Return its name as members of requests spell it, in lower case: `trainingjob`."""
        return plain(self.name)

    def arn(self, name: str, region: str, account: str) -> str:
        """Return the ARN of the resource with a name."""
        filled = self.format.replace("${Partition}", PARTITION).replace("${Region}", region)
        return filled.replace("${Account}", account).replace(_NAME, name, 1)

    def matches(self, arn: str) -> bool:
        """Tell whether an ARN is one of this kind, in whatever region and account."""
        return _pattern(self.format).fullmatch(arn) is not None


@cache
def kinds(prefix: str, operation: str) -> tuple[Kind, ...] | None:
    """Return the kinds of resource that an action takes, none for `*` only; None for an action that is not known."""
    service = _services().get(prefix)
    action = service and service["Actions"].get(operation.lower())
    if service is None or action is None:
        return None
    formats = {name.lower(): found["ARNFormats"][0] for name, found in service["Resources"].items()}
    return tuple(Kind(name, formats[name.lower()]) for name in action.get("Resources", []) if name.lower() in formats)


def plain(name: str) -> str:
    """Return a name without case and punctuation, to compare the spellings of different sources."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


@cache
def _services() -> dict[str, Any]:
    data = resources.files("cfnlint") / "data" / "AdditionalSpecs" / "Policies.json"
    return dict(json.loads(data.read_text(encoding="utf-8")))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\$\{\w+\}|\.\*)", text)
    return re.compile("".join(_part(part) for part in parts), re.DOTALL)


def _part(part: str) -> str:
    if part == _NAME:
        return ".+"
    return "[^:]*" if part.startswith("${") else re.escape(part)
