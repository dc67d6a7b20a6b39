"""The web identities of the git host's workflows: it signs tokens as GitHub and GitLab do, in their names.

So a template trusts the same issuer on AWS and here; here its keys are the sandbox's own.
"""

from __future__ import annotations

import os
import time
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from smproject.sandbox.git_work import Work

GITHUB, GITLAB = "https://token.actions.githubusercontent.com", "https://gitlab.com"
ISSUERS = {"GitHub": GITHUB, "GitLab": GITLAB}
ALGORITHM = "RS256"
SECONDS = 300.0


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
    about = work.event if work.proposal else f"ref:{work.reference}"
    branches = {"base_ref": work.proposal.base, "head_ref": work.branch} if work.proposal else {}
    return {
        "sub": f"repo:{owner}@{work.owner_id}/{name}@{work.repository_id}:{about}",
        "repository": work.full_name,
        "repository_id": str(work.repository_id),
        "repository_owner": work.owner,
        "repository_owner_id": str(work.owner_id),
        "ref": work.github_reference,
        "ref_type": "branch",
        "sha": work.github_commit,
        "event_name": work.event,
        "runner_environment": "self-hosted",
        **branches,
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
        "ref_path": work.gitlab_reference,
        "sha": work.commit,
        "pipeline_source": "merge_request_event" if work.proposal else "push",
        "runner_environment": "self-hosted",
    }
