"""Bodies of requests: CSV, JSON, JSON Lines and NumPy's npy.

An image's Schema may add types of which a body is one record, such as a picture.
"""

import csv
import io
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.lib.format
import orjson

from server.errors import RequestError
from server.media import CSV, JSON, LINES, NPY, media_type
from server.records import Data, Records, shown

npy: Any = numpy.lib.format  # has no types
csv.field_size_limit(1 << 30)  # bodies are limited before; a picture is one long field


def decode(body: bytes, content_type: str, schema: Records) -> Any:
    """What the model takes of the records in a body."""
    kind, charset = media_type(content_type)
    if kind not in schema.formats:
        found = f"Content-Type {content_type!r} is not supported" if content_type else "there is no Content-Type"
        raise RequestError(415, f"{found}. Send one of {', '.join(schema.formats)}.")
    if not body:
        raise RequestError(400, "the body is empty. Send at least one record.")
    if kind == NPY:
        return schema.accept(from_npy(body, schema))
    if kind in schema.media_types:
        return schema.write([[body]])
    try:
        text = body.decode(charset)
    except LookupError as error:
        raise RequestError(415, f"charset {charset!r} is unknown. Send UTF-8.") from error
    except ValueError as error:
        raise RequestError(400, f"the body is not {charset}: {error}. Send UTF-8.") from error
    records = DECODERS[kind](text, schema)
    if not records:
        raise RequestError(400, "the body holds no record. Send at least one.")
    return schema.encode(records)


def from_csv(text: str, schema: Records) -> list[Any]:
    """Rows of raw values without a header; empty lines at the end don't count."""
    if schema.all_numbers and (plain := plain_numbers(text)):
        return plain
    try:
        rows: list[list[str]] = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise RequestError(400, f"the body is not CSV: {error}. Quote values that hold a comma or a quote.") from error
    if len(schema.names) == 1:
        rows = [row or [""] for row in rows]  # the line of a single missing value is empty
    while rows and not rows[-1]:
        rows.pop()
    if rows and rows[0] == schema.names:
        raise RequestError(400, "row 1 is a header. Send rows of values only.")
    return rows


def plain_numbers(text: str) -> list[Any] | None:
    """Rows of CSV that holds nothing but numbers: JSON save for the brackets, and read ten times as fast; or None."""
    body = text.encode().strip()
    if body.translate(None, b"0123456789eE+-., \r\n"):
        return None
    try:
        rows: list[Any] = orjson.loads(b"[[" + body.replace(b"\n", b"],[") + b"]]")
    except orjson.JSONDecodeError:  # such as a missing value
        return None
    return rows if all(rows) else None


def from_json(text: str, schema: Records) -> list[Any]:
    """Records of {"instances": [...]}, or the one record that the body is."""
    content = parse(text, "the body")
    if not isinstance(content, dict) or "instances" not in content or "instances" in schema.known:
        if isinstance(content, list) and content and all(isinstance(item, (dict, list)) for item in content):
            raise RequestError(400, 'the body is an array of records. Send {"instances": [...]}.')
        return [content]
    if content.keys() != {"instances"} or not isinstance(content["instances"], list):
        found = f"the body is an object with the keys {', '.join(map(shown, content))}"
        raise RequestError(400, f'{found}. Send {{"instances": [...]}} and nothing beside it.')
    return content["instances"]


def from_lines(text: str, schema: Records) -> list[Any]:
    """One record a line; empty lines at the end don't count."""
    return [parse(line, f"row {number}") for number, line in enumerate(text.rstrip("\r\n").split("\n"), 1)]


def parse(text: str, where: str) -> Any:
    """Read JSON, and the NaN and Infinity that Python programs put there."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RequestError(400, f"{where} is not JSON: {error}. Correct it.") from error


def from_npy(body: bytes, schema: Records) -> Data:
    """Records that are encoded already.

    Reads the header and the numbers by itself, for np.load would also unzip, and unpickle if it were told to.
    """
    stream = io.BytesIO(body)
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except Exception as error:  # the header is a Python literal, and its reader raises what its parsers do
        raise RequestError(400, "the body is not in NumPy's npy format. Write it with numpy.save.") from error
    if dtype.char not in schema.types or shape[1:] != schema.shape or not shape[0]:
        found = f"the array is of type {dtype} and shape {list(shape)}"
        raise RequestError(400, f"{found}. Send {schema.expected}.")
    content = stream.read()
    if len(content) != math.prod(shape) * dtype.itemsize:
        raise RequestError(400, f"the array has {len(content)} bytes, too few or too many for its shape {list(shape)}.")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


DECODERS: dict[str, Callable[..., Any]] = {CSV: from_csv, JSON: from_json, LINES: from_lines, NPY: from_npy}
