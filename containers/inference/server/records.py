"""Records of the columns that features.json lists, and what an image makes of them: the base of each image's Schema."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from server.answers import Answers, Scores, Texts
from server.errors import RequestError, StartError
from server.media import CSV, JSON, LINES, NPY

Data = npt.NDArray[Any]

VERSION = 1
CLIP = 40  # characters of a bad value that a message shows


class Records(ABC):
    """Columns of a record, and what is answered; subclasses encode."""

    media_types: tuple[str, ...] = ()  # of bodies that are the one value of one record
    types = ""  # dtypes of an array that is encoded already, by NumPy's characters; none takes no arrays
    shape: tuple[int, ...]  # of one record in such an array
    expected: str  # such an array in words
    quick_bytes = 0  # of a body that the event loop may decode itself, in half a millisecond or so
    all_numbers = False  # whether every column is a number

    def __init__(self, path: Path) -> None:
        content = read(path)
        self.columns: list[dict[str, Any]] = content["columns"]
        self.features: list[str] = content["features"]
        self.names = [str(column["name"]) for column in self.columns]
        self.known = set(self.names)
        self.answers = answers(content)

    @property
    def formats(self) -> tuple[str, ...]:
        """Content types of the bodies that are taken."""
        return (CSV, JSON, LINES, *([NPY] if self.types else []), *self.media_types)

    def encode(self, records: Sequence[Any]) -> Any:
        """Encode records, each a list of values or an object; RequestError names the cell."""
        return self.write([self.row(record, number) for number, record in enumerate(records, 1)])

    @abstractmethod
    def write(self, rows: list[Sequence[Any]]) -> Any:
        """Encode rows of values in the order of the columns."""

    def accept(self, array: Data) -> Data:
        """What the model takes of an array that is encoded already, of one of `types`."""
        return array

    def row(self, record: Any, number: int) -> Sequence[Any]:
        """Values of a record in the order of the columns."""
        if isinstance(record, dict):
            if record.keys() != self.known:
                raise RequestError(400, self.difference(record, number))
            return [record[name] for name in self.names]
        if not isinstance(record, list):
            raise RequestError(400, f"row {number} is {shown(record)}. Send an object or an array a record.")
        if len(record) != len(self.names):
            found = f"row {number} has {len(record)} values, but the model takes {len(self.names)}"
            raise RequestError(400, f"{found}: {', '.join(self.names)}.")
        return record

    def difference(self, record: dict[str, Any], number: int) -> str:
        """What is wrong with the columns of an object."""
        unknown = sorted(shown(name) for name in record.keys() - self.known)
        missing = [shown(name) for name in self.names if name not in record]
        parts = [f"unknown {', '.join(unknown)}"] * bool(unknown) + [f"missing {', '.join(missing)}"] * bool(missing)
        return f"row {number}, columns: {'; '.join(parts)}. Send exactly the model's columns; null for no value."


def read(path: Path) -> dict[str, Any]:
    """Content of features.json."""
    if not path.is_file():
        raise StartError(f"there is no {path}. Train with the channel 'metadata'.")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if content.get("version") != VERSION:
        raise StartError(
            f"{path} has version {content.get('version')}; this server reads {VERSION}. Build its image again."
        )
    return content


def answers(features: dict[str, Any]) -> Answers:
    """What is answered by a model of these features: scores, or texts."""
    kind = features["problem_type"]
    if kind == "text_generation":
        return Texts()
    return Scores(features["target"]["classes"], several=kind == "multiclass_classification")


def shown(value: Any) -> str:
    """A client's value for a message, cut short."""
    text = repr(value)
    return text if len(text) <= CLIP else f"{text[:CLIP]}..."
