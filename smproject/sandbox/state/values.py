"""Values without an identity: times, numbers, paths, bytes and the like, each as JSON and back."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path, PosixPath
from typing import Any
from uuid import UUID

from smproject.sandbox.state.blobs import Blobs

_INLINE = 4096  # bytes; longer ones become blobs


@dataclass(frozen=True)
class Value:
    """How one type is written: its tag, and both ways."""

    tag: str
    encode: Callable[[Any, Blobs], Any]
    decode: Callable[[Any, Blobs], Any]


def _text(tag: str, write: Callable[[Any], Any], read: Callable[[Any], Any]) -> Value:
    return Value(tag, lambda value, _: write(value), lambda text, _: read(text))


def _bytes_out(value: bytes, blobs: Blobs) -> Any:
    return {"blob": blobs.put(value)} if len(value) > _INLINE else base64.b64encode(value).decode()


def _bytes_in(found: Any, blobs: Blobs) -> bytes:
    return blobs.get(found["blob"]) if isinstance(found, dict) else base64.b64decode(found)


def _path_out(value: Path, blobs: Blobs) -> Any:
    """Write a path, relative to the home where it lies inside, so that the home may move."""
    inside = value.is_relative_to(blobs.home)
    return {"home": str(value.relative_to(blobs.home))} if inside else str(value)


def _path_in(found: Any, blobs: Blobs) -> Path:
    return blobs.home / found["home"] if isinstance(found, dict) else Path(found)


def _span(value: timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


_PATH = Value("path", _path_out, _path_in)
VALUES: dict[type, Value] = {
    bytes: Value("bytes", _bytes_out, _bytes_in),
    bytearray: Value(
        "bytearray",
        lambda value, blobs: _bytes_out(bytes(value), blobs),
        lambda found, blobs: bytearray(_bytes_in(found, blobs)),
    ),
    datetime: _text("datetime", datetime.isoformat, datetime.fromisoformat),
    date: _text("date", date.isoformat, date.fromisoformat),
    time: _text("time", time.isoformat, time.fromisoformat),
    timedelta: _text("span", _span, lambda found: timedelta(*found)),
    timezone: _text("zone", lambda value: _span(value.utcoffset(None)), lambda found: timezone(timedelta(*found))),
    Decimal: _text("decimal", str, Decimal),
    UUID: _text("uuid", str, UUID),
    complex: _text("complex", str, complex),
    PosixPath: _PATH,
    re.Pattern: _text("pattern", lambda value: [value.pattern, value.flags], lambda found: re.compile(*found)),
    **{kind: _text(kind.__name__, str, kind) for kind in (IPv4Address, IPv4Network, IPv6Address, IPv6Network)},
}
