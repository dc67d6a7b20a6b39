"""Write golden.json: records as a client would send them, and what the model predicts for them.

Whoever serves the model sends these records and compares: so a fault in decoding or encoding shows, not only a dead
endpoint. model.json tells which archive was measured.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from job import write_json

TOLERANCE = 1e-4  # of a score up to 1, relative to a larger one


def write_golden(path: Path, samples: dict[str, Any], schema: dict[str, Any], scores: npt.NDArray[np.float64]) -> None:
    """Write records and scores; `samples` gives the records and their rows in `scores`, [n] or [n, classes]."""
    golden = {"columns": schema["columns"], "records": samples["records"], "scores": scores[samples["rows"]].tolist()}
    if scores.ndim > 1:
        golden["classes"] = schema["target"]["classes"]
    write_json(path, {**golden, "tolerance": TOLERANCE})


def write_identity(path: Path, archive: Path) -> None:
    """Write the SHA-256 of the model's archive."""
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    write_json(path, {"version": 1, "sha256": sha256})
