"""The proof that an ONNX model predicts what the trained one predicts.

A converter may be silently wrong (of XGBoost's rank:pairwise, for one): what it wrote is compared on about 1,000 rows.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd

Rows = npt.NDArray[np.float32]  # [rows, features]
Scores = npt.NDArray[Any]  # [rows], of 32 or 64 bits

TOLERANCE = 1e-4
PROOF_ROWS, GAPS = 1000, 0.3  # rows to compare; share of the values blanked in every second of them


class ProofError(ValueError):
    """What was converted does not predict the same; the message says how far off it is."""


def proof_rows(*tables: pd.DataFrame) -> Rows:
    """Features of the tables' first rows, the target being the first column; gaps are added to every second row."""
    rows: Rows = pd.concat([table.head(PROOF_ROWS) for table in tables]).iloc[:PROOF_ROWS, 1:].to_numpy(np.float32)
    gaps = np.random.default_rng(0).random(rows.shape) < GAPS
    gaps[::2] = False
    return np.where(gaps, np.float32("nan"), rows)


def prove(model: bytes, rows: Rows, expected: Scores, scale: Scores) -> float:
    """Return the largest difference between ONNX Runtime's scores and those expected; ProofError above TOLERANCE.

    A row's difference is measured in units of `scale`, [rows], which counts as 1 where it is less.
    """
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    # The last output; of a classifier it holds a column for each class, and the score is the positive class's.
    found = session.run([session.get_outputs()[-1].name], {"input": rows})[0].reshape(len(rows), -1)[:, -1]
    if expected.shape != found.shape:
        raise ProofError(f"its scores are of shape {found.shape}, the model's own of {expected.shape}")
    difference = float(np.max(np.abs(found - expected) / np.maximum(1, scale)))
    # Written so that NaN, which is neither above nor below, fails.
    if not difference <= TOLERANCE:
        raise ProofError(f"its scores differ from the model's own by {difference:.1e}, more than {TOLERANCE}")
    return difference


def write(model: bytes, path: Path) -> None:
    """Write an ONNX model; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    partial.write_bytes(model)
    partial.replace(path)
