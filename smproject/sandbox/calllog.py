"""The call log: one JSON line for each AWS call, so that who did what can be read back."""

from __future__ import annotations

import json
import threading
import time
from datetime import datetime, timezone
from pathlib import Path


class CallLog:
    """Appends calls to `calls.jsonl` in the sandbox's home."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._lock = threading.Lock()

    def record(self, principal: str, service: str, operation: str, status: int, started: float) -> None:
        """Write one call; `started` is a `time.perf_counter()` reading, the log holds milliseconds."""
        line = {
            "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "principal": principal,
            "service": service,
            "operation": operation,
            "status": status,
            "ms": round((time.perf_counter() - started) * 1000, 1),
        }
        with self._lock:
            self._file.write(json.dumps(line) + "\n")
