"""Writes graphs of objects as JSON values.

A graph comes in parts. What several places hold, in one part or in several, stays one: containers and objects are
numbered as they are met, and met again they are a reference to part and number.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from subprocess import Popen
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from smproject.sandbox.state.names import attributes_of, class_name, is_known
from smproject.sandbox.state.scheme import CONTENTS, LOCKS, PLAIN, TAG, Scheme

Encoded = Any
_DROPPED = (threading.Thread, Popen)  # they end with the server
_CALLABLE = (type, MethodType, FunctionType, BuiltinFunctionType)


class UnkeptError(Exception):
    """Something can't be written."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []

    def __str__(self) -> str:
        """Tell what it is and the path to it, which starts with the part's name."""
        return f"{self.what} can't be written; it is {' > '.join(reversed(self.path))}"


@dataclass
class Part:
    """A part as it was written: where which object is in it, and to which other parts it refers."""

    name: str
    content: Encoded = None
    places: dict[int, tuple[str, int]] = field(default_factory=dict)
    refers: set[str] = field(default_factory=set)
    alive: list[object] = field(default_factory=list)  # an id is an object's own as long as the object lives


class Encoder:
    """Writes parts, each of which may refer to those before it."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme, self._part = scheme, Part("")
        self._places: dict[int, tuple[str, int]] = {}
        self._fresh: set[int] = set()  # dictionaries whose factory a fresh root has too

    def adopt(self, part: Part) -> None:
        """Let the following parts refer to one that was written earlier."""
        self._places.update(part.places)

    def part(self, name: str, attributes: Mapping[str, Any]) -> Part:
        """Write a root's attributes; raises UnkeptError."""
        self._part = part = Part(name)
        self._fresh = {id(item) for item in attributes.values() if isinstance(item, defaultdict)}
        try:
            part.content = self._attributes(attributes)
        except UnkeptError as error:
            for key in part.places:
                del self._places[key]
            error.path.append(name)
            raise
        return part

    def _value(self, value: Any) -> Encoded:
        kind = type(value)
        if kind in PLAIN:
            return value
        if place := self._places.get(id(value)):
            self._part.refers.add(place[0])
            return {TAG: "ref", "v": place}
        if name := self._scheme.names.get(id(value)):
            return {TAG: "root", "v": name}
        if kind is list:
            self._number(value)
            return self._items(value)
        if kind is dict:
            self._number(value)
            return self._dict(value)
        return self._tagged(value, kind)

    def _tagged(self, value: Any, kind: type) -> Encoded:
        if known := self._scheme.values.get(kind):
            return {TAG: known.tag, "v": known.encode(value, self._scheme.blobs)}
        if kind in (tuple, frozenset):
            return {TAG: kind.__name__, "v": self._items(value)}
        if isinstance(value, _DROPPED):
            return None
        return self._special(value, kind)

    def _special(self, value: Any, kind: type) -> Encoded:
        if kind in LOCKS or isinstance(value, (threading.Condition, threading.Event)):
            return self._lock(value, kind)
        if isinstance(value, Enum):
            return {TAG: "enum", "c": class_name(kind), "v": value.name}
        if isinstance(value, _CALLABLE):
            return self._callable(value)
        if is_known(kind):
            return self._object(value, kind)
        if known := next((known for base, known in self._scheme.values.items() if isinstance(value, base)), None):
            return {TAG: known.tag, "v": known.encode(value, self._scheme.blobs)}
        raise UnkeptError(f"{kind.__module__}.{kind.__qualname__}")

    def _lock(self, value: Any, kind: type) -> Encoded:
        """Write a lock, open, or an event as it is."""
        self._number(value)
        if isinstance(value, threading.Event):
            return {TAG: "event", "v": value.is_set()}
        if isinstance(value, threading.Condition):
            return {TAG: "condition", "v": self._value(value._lock)}  # type: ignore[attr-defined]
        return {TAG: "lock", "v": LOCKS[kind]}

    def _object(self, value: Any, kind: type) -> Encoded:
        if isinstance(value, BaseException):
            raise UnkeptError(f"{kind.__module__}.{kind.__qualname__}")
        self._number(value)
        written: dict[str, Any] = {TAG: "object", "c": class_name(kind)}
        if base := next((base for base in kind.__mro__ if base in CONTENTS), None):
            written[CONTENTS[base]] = self._content(value, base)
        elif isinstance(value, deque):
            written |= {"list": self._items(value), "length": value.maxlen}
        if isinstance(value, defaultdict) and value.default_factory:
            written["factory"] = self._factory(value)
        left_out = self._scheme.left_out(kind)
        attributes = {name: item for name, item in attributes_of(value).items() if name not in left_out}
        return written | ({"a": self._attributes(attributes)} if attributes else {})

    def _factory(self, value: defaultdict[Any, Any]) -> Encoded:
        """Write what makes a dictionary's missing values; None when it has no name but a fresh root has it."""
        factory = value.default_factory
        return None if id(value) in self._fresh and not is_known(factory) else self._value(factory)

    def _content(self, value: Any, base: Any) -> Encoded:
        if base is dict:
            return self._pairs((OrderedDict if isinstance(value, OrderedDict) else dict).items(value))
        if CONTENTS[base] == "plain":
            return self._value(base(value) if base in (int, float) else base.__getitem__(value, slice(None)))
        return self._items(base.__iter__(value))

    def _dict(self, value: dict[Any, Any]) -> Encoded:
        if TAG not in value and all(type(key) is str for key in list(value)):
            return self._attributes(value)
        return {TAG: "dict", "v": self._pairs(value.items())}

    def _pairs(self, items: Iterable[tuple[Any, Any]]) -> Encoded:
        return [[self._value(key), *self._attributes({str(key): item}).values()] for key, item in list(items)]

    def _attributes(self, attributes: Mapping[str, Any]) -> Encoded:
        written = {}
        for name, item in list(attributes.items()):
            try:
                written[name] = item if type(item) in PLAIN else self._value(item)
            except UnkeptError as error:
                error.path.append(name)
                raise
        return written

    def _items(self, items: Iterable[Any]) -> Encoded:
        written = []
        for number, item in enumerate(list(items)):
            try:
                written.append(item if type(item) in PLAIN else self._value(item))
            except UnkeptError as error:
                error.path.append(str(number))
                raise
        return written

    def _callable(self, value: Any) -> Encoded:
        if isinstance(value, MethodType):
            return {TAG: "method", "o": self._value(value.__self__), "v": value.__name__}
        if not is_known(value):
            raise UnkeptError(f"{value.__module__}.{value.__qualname__}")
        return {TAG: "name", "v": class_name(value)}

    def _number(self, value: object) -> None:
        part = self._part
        self._places[id(value)] = part.places[id(value)] = (part.name, len(part.alive))
        part.alive.append(value)
