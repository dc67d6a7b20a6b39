"""Find pictures in folders named by what they show, or in zip files of such folders, and read them one by one."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
MODES = {1: "L", 3: "RGB"}  # by the number of channels

Pixels = npt.NDArray[np.uint8]


class PictureError(ValueError):
    """The bytes are no picture that can be read; the message says why."""


@dataclass(frozen=True)
class Picture:
    """A picture's place: a file, or a member of a zip file; and what its folder says that it shows."""

    path: Path
    member: str = ""

    @property
    def shows(self) -> str:
        """Name of the folder that holds it."""
        return PurePosixPath(self.member or self.path.as_posix()).parent.name

    @property
    def name(self) -> str:
        """Name for a person."""
        return f"{self.path.name}: {self.member}" if self.member else f"{self.shows}/{self.path.name}"

    def content(self) -> bytes:
        """Its bytes."""
        if not self.member:
            return self.path.read_bytes()
        return _archive(self.path).read(self.member)


@lru_cache(maxsize=4)
def _archive(path: Path) -> zipfile.ZipFile:
    """A zip file that stays open: its list of members is long, and it is read again at each opening."""
    return zipfile.ZipFile(path)


def find(folder: Path) -> Iterator[Picture]:
    """Yield the pictures under a folder in the order of their names; raises PictureError for a broken zip file."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.suffix.lower() == ".zip":
            yield from _members(path)
        elif path.suffix.lower() in SUFFIXES:
            yield Picture(path)


def _members(path: Path) -> Iterator[Picture]:
    try:
        names = _archive(path).namelist()
    except zipfile.BadZipFile as error:
        raise PictureError(f"{path.name} is no zip file: {error}") from error
    for name in sorted(names):
        if name.lower().endswith(SUFFIXES) and not name.startswith("__MACOSX/"):
            yield Picture(path, name)


def decode(content: bytes, size: int, channels: int) -> Pixels:
    """Return a picture as uint8 [size, size, channels]; the server reads requests by the same three calls.

    Raises PictureError for what is corrupt, cut off, or so large that it may be meant to fill the memory.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            picture = image.convert(MODES[channels]).resize((size, size), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(str(error)) from error
    return np.asarray(picture, np.uint8).reshape(size, size, channels)


def encode(pixels: Pixels) -> bytes:
    """Return pixels as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG")
    return buffer.getvalue()


def digest(content: bytes) -> str:
    """SHA-256 of a picture's bytes; 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
