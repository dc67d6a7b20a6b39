"""Ends the programs of a server that has been killed; it stands alone, and lives as long as the server.

`python warden.py` reads lines `+PID` and `-PID`, each a process group that has begun or ended. Where the server ends,
however that comes, its side of the pipe closes: then whatever is left is killed.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Follow the server to its end."""
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
