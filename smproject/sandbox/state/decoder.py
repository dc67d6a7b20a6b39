"""Reads graphs of objects that the encoder has written.

Nothing that the text could name is run: objects are made without `__init__`, of classes that `names` lets through, and
get their attributes. What a fresh root holds at the same place is filled instead, so that whoever holds that (a thread
that waits, a bound method) sees the state that was read.
"""

from __future__ import annotations

import inspect
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from types import FunctionType, MethodType
from typing import Any

from smproject.sandbox.state.names import attributes_of, bare, named
from smproject.sandbox.state.scheme import LOCKS, PLAIN, TAG, Scheme

Encoded = Any
_LOCKS = {name: kind for kind, name in LOCKS.items()}


class UnreadableError(ValueError):
    """What was written is not as the encoder writes it."""


class Decoder:
    """Reads parts, in the order in which they were written."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme, self._values = scheme, {value.tag: value for value in scheme.values.values()}
        self._met: dict[str, list[Any]] = {}
        self._here: list[Any] = []
        self._filled: dict[int, Any] = {}

    def part(self, name: str, written: Mapping[str, Encoded], fresh: Mapping[str, Any]) -> dict[str, Any]:
        """Return a root's attributes; `fresh` are those that it has. Raises UnreadableError."""
        self._here = self._met[name] = []
        try:
            return {key: self._value(item, fresh.get(key)) for key, item in written.items()}
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise UnreadableError(f"{name} is not readable: {error!r}") from error

    def _value(self, written: Encoded, fresh: Any = None) -> Any:
        if type(written) in PLAIN:
            return written
        if isinstance(written, list):
            return self._list(written, fresh)
        if TAG not in written:
            return self._dict(written.items(), fresh)
        tag = written[TAG]
        if known := self._values.get(tag):
            return known.decode(written["v"], self._scheme.blobs)
        return getattr(self, f"_read_{tag}")(written, fresh)

    def _list(self, written: list[Encoded], fresh: Any) -> list[Any]:
        made: list[Any] = fresh if self._takes(fresh, list) else []
        self._here.append(made)
        before = list(made)
        made[:] = [
            self._value(item, before[number] if number < len(before) else None) for number, item in enumerate(written)
        ]
        return made

    def _dict(self, written: Any, fresh: Any) -> dict[str, Any]:
        made: dict[Any, Any] = fresh if self._takes(fresh, dict) else {}
        self._here.append(made)
        before = dict(made)
        read = {key: self._value(item, before.get(key)) for key, item in written}
        made.clear()
        made.update(read)
        return made

    def _read_dict(self, written: Encoded, fresh: Any) -> dict[Any, Any]:
        made: dict[Any, Any] = fresh if self._takes(fresh, dict) else {}
        self._here.append(made)
        before = dict(made)
        made.clear()
        for key, item in self._pairs(written["v"], before):
            made[key] = item
        return made

    def _pairs(self, written: list[Encoded], before: dict[Any, Any]) -> Any:
        for key, item in written:
            read = self._value(key)
            yield read, self._value(item, before.get(read))

    def _read_ref(self, written: Encoded, _: Any) -> Any:
        part, number = written["v"]
        return self._met[part][number]

    def _read_root(self, written: Encoded, _: Any) -> Any:
        return self._scheme.roots[written["v"]]

    def _read_tuple(self, written: Encoded, fresh: Any) -> tuple[Any, ...]:
        before = fresh if isinstance(fresh, tuple) and len(fresh) == len(written["v"]) else [None] * len(written["v"])
        return tuple(self._value(item, old) for item, old in zip(written["v"], before, strict=True))

    def _read_frozenset(self, written: Encoded, _: Any) -> frozenset[Any]:
        return frozenset(self._value(item) for item in written["v"])

    def _read_lock(self, written: Encoded, fresh: Any) -> Any:
        return self._meet(fresh if type(fresh) is _LOCKS[written["v"]] else getattr(threading, written["v"])())

    def _read_condition(self, written: Encoded, fresh: Any) -> Any:
        if isinstance(fresh, threading.Condition):
            self._meet(fresh)
            self._value(written["v"], fresh._lock)  # type: ignore[attr-defined]
            return fresh
        place = len(self._here)
        self._here.append(None)
        self._here[place] = threading.Condition(self._value(written["v"]))
        return self._here[place]

    def _read_event(self, written: Encoded, fresh: Any) -> Any:
        made = self._meet(fresh if isinstance(fresh, threading.Event) else threading.Event())
        (made.set if written["v"] else made.clear)()
        return made

    def _read_enum(self, written: Encoded, _: Any) -> Any:
        return named(written["c"])[written["v"]]

    def _read_name(self, written: Encoded, _: Any) -> Any:
        return named(written["v"])

    def _read_method(self, written: Encoded, fresh: Any) -> Any:
        owner = self._value(written["o"], getattr(fresh, "__self__", None))
        function = inspect.getattr_static(type(owner), written["v"])  # plain getattr would run a property
        if not isinstance(function, FunctionType):
            raise TypeError(f"{written['v']} is no method")
        return MethodType(function, owner)

    def _read_object(self, written: Encoded, fresh: Any) -> Any:
        kind = named(written["c"])
        if content := next((name for name in ("plain", "tuple") if name in written), None):
            return self._immutable(kind, written, content)
        made = self._meet(fresh if self._takes(fresh, kind) else bare(kind))
        self._fill(made, written)
        before, left_out = attributes_of(made), self._scheme.left_out(kind)
        for name, value in left_out.items():
            if name not in before:
                object.__setattr__(made, name, value)
        for name, item in written.get("a", {}).items():
            object.__setattr__(made, name, self._value(item, before.get(name)))
        return made

    def _immutable(self, kind: type, written: Encoded, content: str) -> Any:
        place = len(self._here)
        self._here.append(None)
        read = self._value(written[content])
        self._here[place] = made = bare(kind, read)
        for name, item in written.get("a", {}).items():
            object.__setattr__(made, name, self._value(item))
        return made

    def _fill(self, made: Any, written: Encoded) -> None:
        """Give a container of a class of its own its content, past its own methods."""
        if "dict" in written:
            base = OrderedDict if isinstance(made, OrderedDict) else dict
            before = dict(base.items(made))
            base.clear(made)
            for key, item in self._pairs(written["dict"], before):
                base.__setitem__(made, key, item)
        elif isinstance(made, deque):
            deque.__init__(made, [self._value(item) for item in written["list"]], written["length"])
        elif "list" in written:
            list.__setitem__(made, slice(None), [self._value(item) for item in written["list"]])
        elif "set" in written:
            set.clear(made)
            set.update(made, [self._value(item) for item in written["set"]])
        if written.get("factory"):
            made.default_factory = self._value(written["factory"])

    def _meet(self, value: Any) -> Any:
        self._here.append(value)
        return value

    def _takes(self, fresh: Any, kind: type) -> bool:
        """Tell whether a fresh object is to be filled: it is of the class, and nothing has filled it yet."""
        if type(fresh) is not kind or id(fresh) in self._filled:
            return False
        self._filled[id(fresh)] = fresh
        return True
