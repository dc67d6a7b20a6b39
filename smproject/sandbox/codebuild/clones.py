"""What a source action stores instead of a zip where builds are to clone (CODEBUILD_CLONE_REF): where, and what.

AWS doesn't document what such an artifact holds; CodeBuild reads it, and clones with its own role.
https://docs.aws.amazon.com/codepipeline/latest/userguide/tutorials-github-gitclone.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

_FORMAT = "CODEBUILD_CLONE_REF"


@dataclass(frozen=True)
class CloneReference:
    """A commit of a repository, by the address that git knows it under."""

    location: str
    commit: str

    def content(self) -> bytes:
        """Return the artifact."""
        return json.dumps({"format": _FORMAT, "location": self.location, "commit": self.commit}).encode()


def read(content: bytes) -> CloneReference | None:
    """Return what an artifact refers to; None for one that is the source itself."""
    if not content.startswith(b'{"format": "%s"' % _FORMAT.encode()):
        return None
    told = json.loads(content)
    return CloneReference(told["location"], told["commit"])
