"""Read a trained model, as it is served, from the archive of a training job."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from archive import unpack

BATCH = 100  # images that are predicted at once

Probabilities = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A session of ONNX Runtime, and what the model takes and answers."""

    session: onnxruntime.InferenceSession
    schema: dict[str, Any]

    def predict(self, images: npt.NDArray[np.uint8]) -> Probabilities:
        """Return the probability of each class for images [n, height, width, channels]."""
        return np.concatenate(list(self._batches(images))).astype(np.float64)

    def _batches(self, images: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.float32]]:
        for start in range(0, len(images), BATCH):
            some = np.ascontiguousarray(images[start : start + BATCH])
            yield self.session.run(["probabilities"], {"image": some})[0]


def load_model(archive: Path) -> Model:
    """Read the model in model.tar.gz; only plain files inside it are accepted."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        unpack(archive, folder, ("model.onnx", "features.json"))
        session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        return Model(session, json.loads((folder / "features.json").read_text(encoding="utf-8")))
