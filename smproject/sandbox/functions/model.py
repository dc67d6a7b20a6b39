"""What Lambda remembers of functions, their versions and aliases."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from smproject.sandbox.functions.code import Code
from smproject.sandbox.service import ServiceError

LATEST = "$LATEST"
Statement = dict[str, Any]


def timestamp() -> str:
    """Return the time as Lambda writes it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def new_id() -> str:
    """Return a new revision or request id."""
    return str(uuid.uuid4())


@dataclass
class Version:
    """A version of a function. `settings` are members of FunctionConfiguration; `layers` is what those ARNs held."""

    number: str
    settings: dict[str, Any]
    code: Code
    layers: list[Code] = field(default_factory=list)
    description: str = ""
    modified: str = field(default_factory=timestamp)
    revision: str = field(default_factory=new_id)
    origin: str = ""  # the revision of $LATEST that was published

    def touch(self) -> None:
        """Note that it has changed."""
        self.modified, self.revision = timestamp(), new_id()

    def describe(self) -> dict[str, Any]:
        """Return a FunctionConfiguration, save name and ARN."""
        return {
            **self.settings,
            "Description": self.description,
            "CodeSha256": self.code.sha256,
            "CodeSize": self.code.size,
            "LastModified": self.modified,
            "RevisionId": self.revision,
            "Version": self.number,
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }


@dataclass
class Alias:
    """A name for a version; `weights` are the shares of the invocations that go to other versions."""

    name: str
    version: str
    description: str = ""
    weights: dict[str, float] = field(default_factory=dict)
    revision: str = field(default_factory=new_id)

    def choose(self) -> str:
        """Return the version that serves an invocation."""
        drawn = random.random()  # noqa: S311 (shares of traffic)
        for version, share in self.weights.items():
            if drawn < share:
                return version
            drawn -= share
        return self.version


@dataclass
class Function:
    """A function; policies and invoke configurations are kept by qualifier, empty for the function itself."""

    account: str
    region: str
    name: str
    latest: Version
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    policies: dict[str, list[Statement]] = field(default_factory=dict)
    invoke_configs: dict[str, dict[str, Any]] = field(default_factory=dict)
    reserved: int | None = None
    published: int = 0  # how many versions there ever were: their numbers don't come again

    @property
    def arn(self) -> str:
        """Return the ARN without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    def qualified(self, qualifier: str) -> str:
        """Return the ARN with a qualifier, if there is one."""
        return f"{self.arn}:{qualifier}" if qualifier else self.arn

    def version(self, qualifier: str) -> Version:
        """Return the version that a qualifier stands for; raises ResourceNotFoundException."""
        if qualifier in ("", LATEST):
            return self.latest
        number = self.aliases[qualifier].version if qualifier in self.aliases else qualifier
        if number == LATEST:
            return self.latest
        if number not in self.versions:
            raise missing(self.qualified(qualifier))
        return self.versions[number]

    def serving(self, qualifier: str) -> Version:
        """Return the version that serves an invocation."""
        alias = self.aliases.get(qualifier)
        return self.version(alias.choose() if alias else qualifier)

    def describe(self, qualifier: str = "") -> dict[str, Any]:
        """Return the FunctionConfiguration of a version."""
        found = self.version(qualifier)
        return found.describe() | {"FunctionName": self.name, "FunctionArn": self.qualified(qualifier)}


def missing(arn: str) -> ServiceError:
    """Return the error for a function, version or alias that is not there."""
    return ServiceError("ResourceNotFoundException", f"Function not found: {arn}")
