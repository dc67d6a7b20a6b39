"""The model: ONNX Runtime on pixels; normalisation is part of model.onnx."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from pictures import Pixels
from schema import Schema
from server.errors import StartError, first_line
from server.sessions import open_session

Scores = npt.NDArray[np.float32]

BATCH = 32  # images at a time: what lies between a network's layers is many times the image


class Model:
    """Scores of images."""

    def __init__(self, folder: Path, schema: Schema) -> None:
        path = folder / "model.onnx"
        if not path.exists():
            raise StartError(f"there is no {path}. Deploy a model that training exported to ONNX.")
        self.session = open_session(path)
        self.input, self.output = self.session.get_inputs()[0].name, self.session.get_outputs()[-1].name
        self.probe(path, schema)

    def probe(self, path: Path, schema: Schema) -> None:
        """Score two black images: shapes in an ONNX file may be names, so that only a try tells."""
        (scores,), wanted = schema.answers.shape[1:] or (1,), schema.expected
        try:
            found = self.predict(np.zeros((2, *schema.shape), np.uint8))
        except Exception as error:  # ONNX Runtime's own errors share no other base
            raise StartError(f"{path} does not take {wanted}: {first_line(error)}. Train again.") from error
        if found.size != 2 * scores:
            gives = f"{found.size / 2:g} scores an image, but features.json asks for {scores}"
            raise StartError(f"{path} gives {gives}. Train again.")

    def predict(self, images: Pixels) -> Scores:
        """Scores of each image, as [images, classes]."""
        parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        return np.concatenate([self.session.run([self.output], {self.input: part})[0] for part in parts])

    def is_quick(self, _: Pixels) -> bool:
        """Never: how long a network takes is not known, and the event loop must answer /ping."""
        return False
