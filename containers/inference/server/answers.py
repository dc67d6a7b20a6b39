"""Bodies of answers: what a model predicts, in the content type that is asked for."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from server.media import CSV, JSON, LINES, NPY

Numbers = npt.NDArray[np.float32]

CUT = 0.5  # probability from which a record counts as positive; evaluate.py measures with the same


class Answers(ABC):
    """Predictions of one kind; `formats` are the content types in which they are told."""

    formats: tuple[str, ...]
    shape: tuple[int, ...] = (-1,)  # of predictions, -1 being the number of records

    @abstractmethod
    def encode(self, prediction: Any, kind: str) -> bytes:
        """Body of an answer, in one of the formats."""


class Scores(Answers):
    """A number a record: a value, or the probability of the second of two classes; or one for each of several."""

    formats = (CSV, JSON, LINES, NPY)

    def __init__(self, classes: list[str] | None, *, several: bool) -> None:
        self.classes = classes
        self.shape = (-1, len(classes)) if several and classes else (-1,)

    def encode(self, prediction: Any, kind: str) -> bytes:
        """Body of scores, given as what becomes float32 [records] or [records, classes]."""
        scores = np.ascontiguousarray(prediction, np.float32).reshape(self.shape)
        if kind == NPY:
            stream = io.BytesIO()
            np.save(stream, scores, allow_pickle=False)
            return stream.getvalue()
        if kind == CSV:
            return dump(scores.reshape(len(scores), -1))[2:-2].replace(b"],[", b"\n") + b"\n"
        return objects([self.told(score) for score in scores], kind)

    def told(self, score: Any) -> dict[str, Any]:
        """One record's scores as an object."""
        if self.classes is None:
            return {"score": score}
        if score.ndim == 0:
            return {"score": score, "predicted_label": self.classes[score >= CUT]}
        best = score.argmax()
        return {"score": score[best], "predicted_label": self.classes[best], "scores": score}


class Texts(Answers):
    """A text a record, which a model wrote."""

    formats = (CSV, JSON, LINES)

    def encode(self, prediction: Sequence[str], kind: str) -> bytes:
        """Body of texts; in CSV a text of several lines is quoted."""
        if kind == CSV:
            stream = io.StringIO()
            csv.writer(stream, lineterminator="\n").writerows([text] for text in prediction)
            return stream.getvalue().encode()
        return objects([{"answer": text} for text in prediction], kind)


def objects(predictions: list[dict[str, Any]], kind: str) -> bytes:
    """Predictions as JSON; in JSON Lines one line a record, each ended, as batch transform joins them."""
    if kind == LINES:
        return b"".join([dump(item) + b"\n" for item in predictions])
    return dump({"predictions": predictions}) + b"\n"


def dump(content: Any) -> bytes:
    """JSON with as many digits as a 32-bit float has."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
