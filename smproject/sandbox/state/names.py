"""The classes that state may name, and their names."""

from __future__ import annotations

import collections
import functools
import importlib
from typing import Any

_MODULES = ("moto.", "smproject.sandbox.")
_STANDARD = {
    "builtins": {"dict", "list", "set", "tuple", "str", "bytes", "int", "float", "bool", "object"},
    "collections": {"OrderedDict", "defaultdict", "deque", "Counter"},
    "types": {"SimpleNamespace"},
    "requests.structures": {"CaseInsensitiveDict"},
}


class UnknownNameError(ValueError):
    """A name that state must not hold, or that this version of the code doesn't have."""


def is_known(value: Any) -> bool:
    """Tell whether a class or function may be named."""
    module, name = getattr(value, "__module__", None) or "", getattr(value, "__qualname__", "<")
    return "<" not in name and (module.startswith(_MODULES) or name in _STANDARD.get(module, ()))


@functools.cache
def class_name(value: Any) -> str:
    """Return the name of a class or function that may be named."""
    return f"{value.__module__}:{value.__qualname__}"


@functools.cache
def named(name: str) -> Any:
    """Return the class or function with a name; raises UnknownNameError when it may not be named or isn't there."""
    module, _, path = name.partition(":")
    if not (module.startswith(_MODULES) or path in _STANDARD.get(module, ())):
        raise UnknownNameError(f"{name} is not a name that state may hold")
    try:
        found = functools.reduce(getattr, path.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise UnknownNameError(f"there is no {name}") from error
    if not is_known(found):
        raise UnknownNameError(f"{name} is not a name that state may hold")
    return found


def attributes_of(value: object) -> dict[str, Any]:
    """Return an object's attributes, those in slots too."""
    found = dict(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                found[name] = getattr(value, name)
    return found


def bare(kind: Any, content: Any = ()) -> Any:
    """Return a new object of a class without calling its `__init__`; `content` is a text's, bytes' or tuple's."""
    if plain := next((base for base in _PLAIN if issubclass(kind, base)), None):
        return plain.__new__(kind, content)
    return next(base for base in _EMPTY if issubclass(kind, base)).__new__(kind)


_PLAIN: tuple[Any, ...] = (str, bytes, tuple, int, float)
_EMPTY: tuple[Any, ...] = (
    collections.defaultdict,
    collections.OrderedDict,
    collections.deque,
    dict,
    list,
    set,
    object,
)
