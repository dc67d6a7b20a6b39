"""What the checks cost in the whole story: `python -m benchmarks.story`.

`make demo` runs with permissions enforced and without, in turns, each on a fresh sandbox. Prints the ratio of medians;
exits 1 when the checks make it more than LIMIT times as long.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from smproject.sandbox.mode import VARIABLE

LIMIT, ROUNDS, PORT = 1.3, 3, 4572
_TOOK = re.compile(r"The whole story took ([\d.]+) s")


def main() -> int:
    """Measure and print; return 1 when the limit is missed."""
    found: dict[str, list[float]] = {"off": [], "enforce": []}
    for _ in range(ROUNDS):
        for mode, times in found.items():
            times.append(_told(mode))
            sys.stdout.write(f"{mode}: {times[-1]:.1f} s\n")
            sys.stdout.flush()
    ratio = statistics.median(found["enforce"]) / statistics.median(found["off"])
    sys.stdout.write(f"enforce / off: {ratio:.2f} (limit {LIMIT})\n")
    return int(ratio > LIMIT)


def _told(mode: str) -> float:
    """Tell the story once; return the seconds that it says it took."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, VARIABLE: mode, "SMPROJECT_SANDBOX_HOME": str(Path(folder) / "home")}
        command = [str(Path(sys.executable).with_name("smproject")), "sandbox", "demo", "--port", str(PORT)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    took = _TOOK.search(done.stdout)
    if took is None:
        raise ValueError(f"The demonstration does not say how long it took:\n{done.stdout[-500:]}")
    return float(took[1])


if __name__ == "__main__":
    sys.exit(main())
