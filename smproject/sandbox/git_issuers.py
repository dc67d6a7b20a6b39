"""The web identities of the git host's workflows: it signs tokens as GitHub and GitLab do, in their names.

So a template trusts the same issuer on AWS and here; here its keys are the sandbox's own.
"""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

GITHUB, GITLAB = "https://token.actions.githubusercontent.com", "https://gitlab.com"
ISSUERS = {"GitHub": GITHUB, "GitLab": GITLAB}
ALGORITHM = "RS256"
SECONDS = 300.0


@dataclass(frozen=True)
class Work:
    """What a workflow works on: a commit that was pushed to a branch of a repository, or is proposed for it."""

    full_name: str
    owner_id: int
    repository_id: int
    branch: str
    commit: str
    event: str = "push"

    @property
    def owner(self) -> str:
        """Return the name of the repository's owner."""
        return self.full_name.rpartition("/")[0]

    @property
    def reference(self) -> str:
        """Return the branch's full name."""
        return f"refs/heads/{self.branch}"


@lru_cache(maxsize=16)
def signing_key(home: Path) -> RSAKey:
    """Return the key with which the git host of a sandbox signs; made once, and kept in the sandbox's home."""
    file = home / "hosts" / "signing-key.pem"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        made = RSAKey.generate_key(2048).as_pem(private=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            output.write(made)
    key = RSAKey.import_key(file.read_bytes())
    key.ensure_kid()
    return key


def token(home: Path, issuer: str, work: Work, audience: str, seconds: float = SECONDS) -> str:
    """Return a token by which a workflow says who it is, for some time from now on."""
    claims = {GITHUB: _github, GITLAB: _gitlab}[issuer](work)
    now, key = time.time(), signing_key(home)
    times = {"iat": int(now), "nbf": int(now), "exp": int(now + seconds)}
    whole = {"iss": issuer, "aud": audience, "jti": str(uuid.uuid4()), **times, **claims}
    return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}, whole, key, algorithms=[ALGORITHM])


def _github(work: Work) -> dict[str, Any]:
    """Return what GitHub claims; the subject holds immutable ids, as those of repositories since July 2026 do.

    https://docs.github.com/en/actions/reference/security/oidc
    """
    owner, _, name = work.full_name.rpartition("/")
    about = f"ref:{work.reference}" if work.event == "push" else work.event
    return {
        "sub": f"repo:{owner}@{work.owner_id}/{name}@{work.repository_id}:{about}",
        "repository": work.full_name,
        "repository_id": str(work.repository_id),
        "repository_owner": work.owner,
        "repository_owner_id": str(work.owner_id),
        "ref": work.reference,
        "ref_type": "branch",
        "sha": work.commit,
        "event_name": work.event,
        "runner_environment": "self-hosted",
    }


def _gitlab(work: Work) -> dict[str, Any]:
    """Return what GitLab claims: https://docs.gitlab.com/ci/secrets/id_token_authentication/."""
    return {
        "sub": f"project_path:{work.full_name}:ref_type:branch:ref:{work.branch}",
        "project_path": work.full_name,
        "project_id": str(work.repository_id),
        "namespace_path": work.owner,
        "namespace_id": str(work.owner_id),
        "ref": work.branch,
        "ref_type": "branch",
        "ref_path": work.reference,
        "sha": work.commit,
        "pipeline_source": "push" if work.event == "push" else "merge_request_event",
        "runner_environment": "self-hosted",
    }
