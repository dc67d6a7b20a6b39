"""As much CBOR (RFC 8949) as CodePipeline's requests and answers hold."""

import io
import struct
from typing import Any

NUMBER, TEXT, LIST, MAP, TAG, SIMPLE = 0, 3, 4, 5, 6, 7
CONSTANTS = {20: False, 21: True, 22: None}


class Time(float):
    """Seconds since 1970."""


def encode(value: Any) -> bytes:
    """Bytes of a value made of maps, lists, texts, whole numbers and times."""
    if isinstance(value, dict):
        return _head(MAP, len(value)) + b"".join(encode(key) + encode(item) for key, item in value.items())
    if isinstance(value, list):
        return _head(LIST, len(value)) + b"".join(map(encode, value))
    if isinstance(value, Time):
        return _head(TAG, 1) + b"\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return _head(NUMBER, value)
    return _head(TEXT, len(str(value).encode())) + str(value).encode()


def decode(content: bytes) -> Any:
    """Value of bytes; maps and lists of a length told beforehand alone."""
    return _read(io.BytesIO(content))


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    return bytes([kind << 5 | 26]) + struct.pack(">I", number)


def _read(stream: io.BytesIO) -> Any:
    first = stream.read(1)[0]
    kind, number = first >> 5, first & 31
    if 24 <= number <= 27:
        number = int.from_bytes(stream.read(1 << (number - 24)), "big")
    if kind == MAP:
        return {_read(stream): _read(stream) for _ in range(number)}
    if kind == LIST:
        return [_read(stream) for _ in range(number)]
    if kind == TEXT:
        return stream.read(number).decode()
    return CONSTANTS[number] if kind == SIMPLE else number
