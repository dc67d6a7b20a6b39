"""Write golden.json: records as a client would send them, and what the model predicts for them.

Whoever serves the model sends these records and compares: so a fault in decoding or encoding shows, not only a dead
endpoint. model.json tells which archive was measured.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

TOLERANCE = 1e-4  # of a score up to 1, relative to a larger one


def write_golden(
    path: Path, samples: dict[str, Any], columns: list[dict[str, Any]], scores: npt.NDArray[np.float64]
) -> None:
    """Write records and scores; `samples` gives the records and their rows in `scores`."""
    expected = [float(scores[row]) for row in samples["rows"]]
    golden = {"columns": columns, "records": samples["records"], "scores": expected, "tolerance": TOLERANCE}
    path.write_text(json.dumps(golden, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_identity(path: Path, archive: Path) -> None:
    """Write the SHA-256 of the model's archive."""
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    path.write_text(json.dumps({"version": 1, "sha256": sha256}) + "\n", encoding="utf-8")
