"""Write golden.json: records as a client would send them, and what the model predicts for them.

Whoever serves the model sends these records and compares: so a fault in decoding or encoding shows, not only a dead
endpoint. model.json tells which archive was measured.
"""

import hashlib
from collections.abc import Mapping
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


def write_answers(path: Path, schema: dict[str, Any], answers: Mapping[str, str]) -> None:
    """Write prompts and the texts that a language model answers them with, which must come again to the letter."""
    column = schema["columns"][0]["name"]
    records = [{column: prompt} for prompt in answers]
    write_json(path, {"columns": schema["columns"], "records": records, "answers": list(answers.values())})


def write_identity(path: Path, archive: Path) -> None:
    """Write the SHA-256 of the model's archive, which may be larger than memory."""
    digest = hashlib.sha256()
    with archive.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    write_json(path, {"version": 1, "sha256": digest.hexdigest()})
