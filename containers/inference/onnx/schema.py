"""How a record, one image, becomes the pixels that the model was trained on: features.json, as process.py writes it."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pictures import PictureError, Pixels, read_pixels
from server.errors import RequestError, StartError
from server.records import Records, shown

LIMIT = 1 << 28  # bytes of the pixels of one request: many small files may ask for large images


class Schema(Records):
    """Encodes images; a value is the base64 of a PNG or JPEG file, or the file itself where it is the whole body."""

    media_types = ("image/png", "image/jpeg")
    types = "B"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if [column["kind"] for column in self.columns] != ["image"]:
            kinds = ", ".join(f"{column['name']} ({column['kind']})" for column in self.columns)
            raise StartError(f"{path} lists {kinds}; this server takes models of one image. Serve it by another.")
        (column,) = self.columns
        self.shape = (column["height"], column["width"], column["channels"])
        self.expected = f"uint8 of shape [images, {', '.join(map(str, self.shape))}]: height, width, channels"

    def write(self, rows: list[Sequence[Any]]) -> Pixels:
        """Encode as uint8 [images, height, width, channels]."""
        size = len(rows) * int(np.prod(self.shape))
        if size > LIMIT:
            raise RequestError(413, f"{len(rows)} images make {size} bytes; the limit is {LIMIT}. Send fewer records.")
        pixels = np.empty((len(rows), *self.shape), np.uint8)
        for number, (value,) in enumerate(rows):
            pixels[number] = self.read(value, f"row {number + 1}, column {self.names[0]!r}")
        return pixels

    def read(self, value: Any, where: str) -> Pixels:
        """Pixels of one image; RequestError says where it is and what is wrong with it."""
        try:
            content = value if isinstance(value, bytes) else base64.b64decode(value, validate=True)
        except (TypeError, ValueError) as error:
            found = f"{where}: {shown(value)} is not base64"
            raise RequestError(400, f"{found}. Send that of a PNG or JPEG file, without line breaks.") from error
        try:
            return read_pixels(content, *self.shape)
        except PictureError as error:
            raise RequestError(400, f"{where}: the value {error}. Send a PNG or JPEG file.") from error

    def accept(self, array: Pixels) -> Pixels:
        """Pixels of the model's own size."""
        return np.ascontiguousarray(array)
