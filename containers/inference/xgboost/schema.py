"""How a raw record becomes the numbers that the model was trained on: features.json, as process.py writes it.

Numbers pass, a missing one is NaN; a category becomes columns of 0 and 1, all 0 for one that training did not keep.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from server.errors import RequestError, StartError
from server.records import Records, shown

Matrix = npt.NDArray[np.float32]

# What pandas, with which the training data was read, takes for a missing number.
MISSING = {
    *("", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "<NA>", "#NA", "#N/A", "#N/A N/A"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
}
# What does not fit into 32 bits is refused in words; see accept.
np.seterr(over="ignore")


@dataclass(frozen=True)
class Column:
    """A raw column and the feature that it becomes, or the first of them."""

    name: str
    slot: int
    levels: dict[str, int] | None  # feature by category; None for a number

    def encode(self, values: Sequence[Any], matrix: Matrix) -> None:
        """Set this column's features for the values of all records; RequestError names the one at fault."""
        for row, value in enumerate(values):
            try:
                if self.levels is None:
                    matrix[row, self.slot] = number(value)
                elif (slot := find(value, self.levels)) is not None:
                    matrix[row, slot] = 1
            except (TypeError, ValueError, OverflowError) as error:
                where = f"row {row + 1}, column {self.name!r}: {shown(value)}"
                kind = "a number" if self.levels is None else "a category"
                raise RequestError(400, f"{where} is not {kind}. Correct it; empty or null for no value.") from error


class Schema(Records):
    """Encodes tables."""

    types = np.typecodes["AllInteger"] + np.typecodes["Float"]
    quick_bytes = 32 * 1024

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.slots = lay_out(self.columns)
        self.all_numbers = all(column.levels is None for column in self.slots)
        width = sum(len(column["levels"]) if "levels" in column else 1 for column in self.columns)
        if width != len(self.features):
            found = f"its columns make {width} features, but it names {len(self.features)}"
            raise StartError(f"{path} contradicts itself: {found}. Train again.")
        self.shape = (width,)
        self.expected = f"numbers of shape [records, {width}]: {', '.join(self.features)}"

    def write(self, rows: list[Sequence[Any]]) -> Matrix:
        """Encode as [records, features]."""
        # Numbers alone need no look at each: of a hundred records that would be most of the time.
        plain = self.all_numbers and {type(value) for row in rows for value in row} <= {int, float}
        return self.accept(np.array(rows, np.float32) if plain else self.by_column(rows))

    def by_column(self, rows: list[Sequence[Any]]) -> Matrix:
        """Encode column by column, each value looked at."""
        matrix = np.zeros((len(rows), len(self.features)), np.float32)
        for column, values in zip(self.slots, zip(*rows, strict=True), strict=True):
            column.encode(values, matrix)
        return matrix

    def accept(self, array: npt.NDArray[Any]) -> Matrix:
        """Encoded features as 32-bit floats; XGBoost knows no infinity, NaN is a missing value."""
        matrix = np.ascontiguousarray(array, np.float32)
        infinite = np.isinf(matrix)
        if infinite.any():
            row, feature = np.argwhere(infinite)[0]
            where = f"row {row + 1}, column {self.features[feature]!r}"
            raise RequestError(400, f"{where}: the value is infinite or beyond 32-bit floats. Send a finite number.")
        return matrix


def lay_out(columns: list[dict[str, Any]]) -> list[Column]:
    """Give each column its features, one after another as process.py orders them."""
    laid: list[Column] = []
    slot = 0
    for column in columns:
        levels = {level: slot + place for place, level in enumerate(column["levels"])} if "levels" in column else None
        laid.append(Column(str(column["name"]), slot, with_spellings(levels) if levels else levels))
        slot += 1 if levels is None else len(levels)
    return laid


def with_spellings(levels: dict[str, int]) -> dict[str, int]:
    """Truth values also in the spellings that pandas, when it read the training data, took for them."""
    if not levels.keys() <= {"True", "False"}:
        return levels
    return levels | {spelling: slot for level, slot in levels.items() for spelling in (level.upper(), level.lower())}


def number(value: Any) -> float:
    """A number, NaN for a missing one; TypeError or ValueError for all else."""
    if value is None or (isinstance(value, str) and value in MISSING):
        return math.nan
    if isinstance(value, bool):  # float() would take it
        raise TypeError(value)
    return float(value)


def find(value: Any, levels: dict[str, int]) -> int | None:
    """Feature of a category; None for a missing one and for one that training did not keep."""
    if isinstance(value, str):
        return levels.get(value)
    return next((levels[text] for text in texts(value) if text in levels), None)


def texts(value: Any) -> tuple[str, ...]:
    """Texts by which a JSON value may go in the training data, the likeliest first; none for a missing one."""
    if value is None:
        return ()
    if isinstance(value, bool):
        return (str(value), str(value).lower(), str(value).upper())
    if isinstance(value, float) and value.is_integer():
        return (str(value), str(int(value)))
    if isinstance(value, (int, float)):
        return (str(value),)
    raise TypeError(value)
