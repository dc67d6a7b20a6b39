"""Read a CloudFormation template with its short functions, fast enough for every command."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from smproject.errors import CatalogError

# With libyaml a template of 1,500 lines takes a tenth of the time.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # chosen above
    """YAML in which `!Sub x` is {"Fn::Sub": "x"}, and so on."""


def _function(loader: Any, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def read(path: Path) -> dict[str, Any]:
    """Read a template; raises CatalogError when it is missing or isn't YAML."""
    try:
        found = parse(path.read_text())
    except FileNotFoundError as error:
        raise CatalogError(f"{path} is missing. Run: smproject assemble") from error
    except yaml.YAMLError as error:
        raise CatalogError(f"{path}: not YAML: {error}") from error
    if not isinstance(found, dict):
        raise CatalogError(f"{path}: holds no template. Run: smproject assemble")
    return found


def parse(text: str) -> Any:
    """Read the text of a template; raises YAMLError."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # a safe loader, with functions


def written(value: Any) -> str:
    """A value as a person writes it: references as `${Name}`, a choice by its first branch."""
    return next(texts(value), "")


def texts(value: Any) -> Iterator[str]:
    """Yield the texts in a value, all branches of a choice included; references as `${Name}`."""
    if isinstance(value, dict) and len(value) == 1:
        function, argument = next(iter(value.items()))
        if function == "Ref":
            yield f"${{{argument}}}"
            return
        if function == "Fn::GetAtt":
            yield f"${{{'.'.join(map(str, argument))}}}"
            return
        if function == "Fn::Sub":
            yield argument if isinstance(argument, str) else argument[0]
            return
        if function == "Fn::If":
            yield from texts(argument[1:])
            return
        if function == "Fn::Join":
            yield argument[0].join(written(item) for item in argument[1])
            return
    if isinstance(value, dict | list):
        for child in value.values() if isinstance(value, dict) else value:
            yield from texts(child)
    elif value is not None:
        yield str(value)


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping in a value, outer ones first."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from mappings(child)


def listed(value: Any) -> list[Any]:
    """A value that may stand alone or in a list, as a list."""
    return value if isinstance(value, list) else [value]
