"""What `smproject validate` costs beside cfn-lint alone: `python -m benchmarks.validate`.

Both check the templates of this repository, in turns; validate also assembles them, compiles every pipeline and asks
cloudformation-validate. Prints the ratio of the medians; exits 1 when validate takes more than LIMIT times as long.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from smproject import catalog

ROUNDS = 3
LIMIT = 1.2


def main() -> int:
    """Measure and print; return 1 when the limit is missed."""
    programs = Path(sys.executable).parent
    templates = [str(each.path) for each in catalog.templates()]
    commands = {
        "validate": [str(programs / "smproject"), "validate"],
        "cfn-lint": [str(programs / "cfn-lint"), *templates],
    }
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            found[name].append(_seconds(command))
            sys.stdout.write(f"{name}: {found[name][-1]:.1f} s\n")
            sys.stdout.flush()
    ratio = statistics.median(found["validate"]) / statistics.median(found["cfn-lint"])
    sys.stdout.write(f"validate / cfn-lint alone: {ratio:.2f} (limit {LIMIT})\n")
    return int(ratio > LIMIT)


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=catalog.ROOT)
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
