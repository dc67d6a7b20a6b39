"""Reading YAML whose every key is known: what is not, is refused by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from smproject.sandbox.workflows.model import WorkflowError


def load(text: str) -> dict[str, Any]:
    """Return a file's keys; raises WorkflowError for what is no YAML or has no keys."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WorkflowError(f"it is no YAML: {' '.join(str(error).split())}") from error
    return mapping(found, "the file")


def mapping(found: Any, where: str) -> dict[str, Any]:
    """Return keys and values, without any where there is nothing."""
    if found is not None and not isinstance(found, dict):
        raise WorkflowError(f"{where} is no mapping")
    return {"on" if key is True else str(key): value for key, value in (found or {}).items()}  # YAML reads `on` as true


def known(found: Any, where: str, keys: Iterable[str]) -> dict[str, Any]:
    """Return keys and values; raises WorkflowError for a key that is not one of `keys`."""
    values = mapping(found, where)
    for key in values:
        if key not in keys:
            raise WorkflowError(f"the sandbox does not implement {key!r} of {where}")
    return values


def texts(found: Any, where: str) -> dict[str, str]:
    """Return names and their texts; numbers and booleans are written as YAML has them."""
    return {name: text(value, f"{where}.{name}") for name, value in mapping(found, where).items()}


def text(found: Any, where: str) -> str:
    """Return a text, a number or a boolean as a text."""
    if isinstance(found, bool):
        return str(found).lower()
    if found is None or isinstance(found, (dict, list)):
        raise WorkflowError(f"{where} is no text")
    return str(found)


def number(found: Any, where: str) -> float:
    """Return a number; raises WorkflowError for anything else, such as an expression."""
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise WorkflowError(f"the sandbox does not implement {where}: {found}")
    return float(found)


def several(found: Any, where: str) -> tuple[str, ...]:
    """Return a list's texts; one text is a list of one."""
    items = found if isinstance(found, list) else [] if found is None else [found]
    return tuple(text(item, where) for item in items)


def only(found: Mapping[str, Any], key: str, where: str, *allowed: Any) -> None:
    """Raise WorkflowError for a value of a key that would be ignored."""
    if key in found and found[key] not in allowed:
        raise WorkflowError(f"the sandbox does not implement {key}: {found[key]} of {where}")
