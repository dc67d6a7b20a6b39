"""The call log: one JSON line for each AWS call, so that who did what, and by which permission, can be read back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from smproject.sandbox.moto_seam import Credentials

if TYPE_CHECKING:
    from smproject.sandbox.permissions.gate import Used


class CallLog:
    """Appends calls to `calls.jsonl` in the sandbox's home."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def record(  # noqa: PLR0913, PLR0917 - the columns of the log
        self,
        identity: Credentials | None,
        service: str,
        operation: str,
        status: int,
        started: float,
        uses: Iterable[Used] = (),
    ) -> None:
        """Write one call; `started` is a `time.perf_counter()` reading, the log holds milliseconds."""
        line = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "principal": identity.arn if identity else "unknown",
            "role": identity.role if identity else "",
            "account": identity.account if identity else "",
            "service": service,
            "operation": operation,
            "status": status,
            "ms": round((time.perf_counter() - started) * 1000, 1),
            "uses": [asdict(use) for use in uses],
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
