"""How buckets are replicated, which moto keeps whole but answers in part: here as it was put. Nothing is replicated."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.s3.exceptions import ReplicationConfigurationNotFoundError
from moto.s3.responses import S3Response

_MEMBERS = (
    *("ID", "Priority", "Prefix", "Filter", "Status", "SourceSelectionCriteria", "ExistingObjectReplication"),
    *("Destination", "DeleteMarkerReplication"),
)


def answered(response: S3Response) -> Any:
    """Answer GetBucketReplication."""
    response.data["Action"] = "GetBucketReplication"
    kept = response.backend.get_bucket_replication(response.bucket_name)
    if not kept:
        raise ReplicationConfigurationNotFoundError(bucket_name=response.bucket_name)
    rules = [{name: _text(rule[name]) for name in _MEMBERS if name in rule} for rule in kept["Rule"]]
    return response.serialized(ActionResult({"ReplicationConfiguration": {"Role": kept["Role"], "Rules": rules}}))


def _text(value: Any) -> Any:
    """Return what an empty element says: nothing, rather than None."""
    if isinstance(value, dict):
        return {name: _text(item) for name, item in value.items() if not name.startswith("@")}
    return "" if value is None else value


def mend() -> None:
    """Let S3 answer so."""
    S3Response.get_bucket_replication = answered
