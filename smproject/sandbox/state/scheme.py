"""What a graph of objects may hold besides plain values, agreed between writing and reading."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.state.blobs import Blobs
from smproject.sandbox.state.values import Value

TAG = ""  # the key that tells a tagged value from a plain dictionary
PLAIN = frozenset({str, int, float, bool, type(None)})
LOCKS: dict[type, str] = {type(threading.Lock()): "Lock", type(threading.RLock()): "RLock"}
# What a class of its own may be built on, and the member that holds this content.
CONTENTS: dict[type, str] = {dict: "dict", list: "list", set: "set", tuple: "tuple"} | dict.fromkeys(
    (str, bytes, int, float), "plain"
)


@dataclass
class Scheme:
    """How graphs of one sandbox are written and read.

    `roots` are objects that are there before reading, by name; they are written as their names. `transient` are the
    attributes of classes that are not written, with what they are afterwards; a class may name its own as `TRANSIENT`.
    """

    transient: Mapping[str, Mapping[str, Any]]
    values: Mapping[type, Value]
    blobs: Blobs
    roots: dict[str, object] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    _left_out: dict[type, dict[str, Any]] = field(default_factory=dict)

    def know(self, name: str, root: object) -> None:
        """Let an object be a root."""
        self.roots[name] = root
        self.names[id(root)] = name

    def left_out(self, kind: type) -> dict[str, Any]:
        """Return the attributes of a class that are not written, and what they are after reading."""
        if kind not in self._left_out:
            found: dict[str, Any] = {}
            for base in reversed(kind.__mro__):
                found |= self.transient.get(f"{base.__module__}:{base.__qualname__}", {})
                found |= vars(base).get("TRANSIENT", {})
            self._left_out[kind] = found
        return self._left_out[kind]
