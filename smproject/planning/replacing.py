"""Resources that an update from one template to another would replace or delete, by their properties alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from smproject.planning.meaning import canonical, references
from smproject.planning.schemas import Path, can_tell, fixed

REPLACED, PERHAPS, DELETED, PERHAPS_DELETED = "replaced", "may be replaced", "deleted", "may be deleted"
REFUSED, UNKNOWN = "refused", "not known to be kept"
KEEPING = ("Retain", "RetainExceptOnCreate")


@dataclass(frozen=True)
class ResourceChange:
    """What an update does to a resource beyond changing it in place, why, and whether the old one is kept then."""

    id: str
    type: str
    change: str
    reason: str
    kept: bool = False


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[ResourceChange]:
    """Say what becomes of the resources of two templates, given expanded."""
    found = {key: each for key in before if (each := _one(key, before[key], after.get(key)))}
    while follows := _following(found, before, after):
        found |= follows
    return [found[key] for key in before if key in found]


def _one(key: str, old: Mapping[str, Any], new: Mapping[str, Any] | None) -> ResourceChange | None:
    told = ResourceChange(key, old["Type"], "", "", _keeps(old, "DeletionPolicy"))
    if new is None:
        return replace(told, change=DELETED, reason="it is no longer in the template")
    if old["Type"] != new["Type"]:
        return replace(told, change=REFUSED, reason=f"an update can't make {new['Type']} of it")
    if new.get("Condition") and canonical(old.get("Condition")) != canonical(new["Condition"]):
        return replace(told, change=PERHAPS_DELETED, reason="it is made under another condition")
    kept = _keeps(new, "UpdateReplacePolicy")
    return _by_properties(replace(told, kept=kept), _properties(old), _properties(new))


def _by_properties(told: ResourceChange, old: Mapping[str, Any], new: Mapping[str, Any]) -> ResourceChange | None:
    if canonical(old) == canonical(new):
        return None
    if told.type.startswith("Custom::") or told.type == "AWS::CloudFormation::CustomResource":
        return replace(told, change=PERHAPS, reason="its function decides")
    rules = fixed(told.type)
    if rules is None:
        return replace(told, change=UNKNOWN, reason="there is no schema of its type") if can_tell() else None
    surely = [path for path in rules.always if _differs(old, new, path)]
    perhaps = [path for path in rules.sometimes if _differs(old, new, path)]
    if not surely and not perhaps:
        return None
    # Another reference may stand for the value that there was.
    is_sure = any(references(_at(old, path)) == references(_at(new, path)) for path in surely)
    return replace(told, change=REPLACED if is_sure else PERHAPS, reason=_names([*surely, *perhaps]))


def _following(
    found: Mapping[str, ResourceChange], before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, ResourceChange]:
    """Resources that name a replaced one where they can't be changed."""
    gone = {key for key, each in found.items() if each.change in (REPLACED, PERHAPS)}
    follows: dict[str, ResourceChange] = {}
    for key in (key for key in before if key not in found and key in after):
        rules = fixed(after[key]["Type"])
        properties = _properties(after[key])
        named = sorted(
            {name for path in (rules.always if rules else ()) for name in references(_at(properties, path))} & gone
        )
        if named:
            kept = _keeps(after[key], "UpdateReplacePolicy")
            follows[key] = ResourceChange(key, after[key]["Type"], PERHAPS, f"it names {', '.join(named)}", kept)
    return follows


def _differs(old: Mapping[str, Any], new: Mapping[str, Any], path: Path) -> bool:
    return canonical(_at(old, path)) != canonical(_at(new, path))


def _at(value: Any, path: Path) -> Any:
    """What lies at a path: in each item of a list; a function on the way as a whole; None where nothing is."""
    for index, step in enumerate(path):
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref")):
            return value
        if step == "*" and isinstance(value, list):
            return [_at(item, path[index + 1 :]) for item in value]
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return resource.get("Properties") or {}


def _keeps(resource: Mapping[str, Any], policy: str) -> bool:
    return resource.get(policy) in KEEPING


def _names(paths: list[Path]) -> str:
    return ", ".join(".".join(path) for path in paths)
