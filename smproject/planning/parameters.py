"""Parameters that a template gains, loses, or takes otherwise."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# What decides about the values that a parameter takes, by the words for it.
RULES = {
    "Type": "type",
    "Default": "default",
    "AllowedPattern": "pattern",
    "AllowedValues": "allowed values",
    "MinLength": "least length",
    "MaxLength": "greatest length",
    "MinValue": "least value",
    "MaxValue": "greatest value",
    "NoEcho": "hidden",
}


@dataclass(frozen=True)
class ParameterChange:
    """A parameter that is added, removed or changed; `rule` says what of it, where it is changed."""

    name: str
    change: str
    rule: str = ""
    before: Any = None
    after: Any = None
    # Whether what exists can be updated only with a value for it: it is new and has no default.
    needed: bool = False


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ParameterChange]:
    """Yield what differs between the parameters of two templates."""
    old, new = before.get("Parameters") or {}, after.get("Parameters") or {}
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield ParameterChange(name, "removed")
        elif name not in old:
            needed = "Default" not in new[name]
            yield ParameterChange(name, "added", after=_plain(new[name].get("Default")), needed=needed)
        else:
            yield from _changed(name, old[name], new[name])


def _changed(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[ParameterChange]:
    for key, rule in RULES.items():
        if old.get(key) != new.get(key):
            yield ParameterChange(name, "changed", rule, _plain(old.get(key)), _plain(new.get(key)))


def _plain(value: Any) -> Any:
    """A value as JSON has it: YAML makes dates of some texts."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)
