"""What differs between two compiled definitions of a pipeline, and between the rights that two templates give."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
# Code lies in S3 below a digest of its content.
CODE = re.compile(r"^s3://[^/]+/code/([0-9a-f]{8})[0-9a-f]*")
LONGEST, MOST_LINES = 80, 20


def of_definitions(before: Json, after: Json) -> Iterator[str]:
    """Yield the differences of two definitions, a line of Markdown each."""
    yield from _of_named("parameter", _parameters(before), _parameters(after))
    old, new = dict(_steps(before["Steps"])), dict(_steps(after["Steps"]))
    yield from _of_named("step", old, new)
    for name in sorted(old.keys() & new.keys()):
        yield from _edges(name, old[name], new[name])


def of_rights(before: Json, after: Json) -> Iterator[str]:
    """Yield what roles of one template may do and those of the other may not, a line of Markdown each."""
    old, new = set(_rights(before)), set(_rights(after))
    yield from (f"- **wider**: {right}" for right in sorted(new - old))
    yield from (f"- narrower: no longer {right}" for right in sorted(old - new))


def _of_named(kind: str, before: Mapping[str, Json], after: Mapping[str, Json]) -> Iterator[str]:
    yield from (f"- {kind} `{name}` is new" for name in after if name not in before)
    yield from (f"- {kind} `{name}` is gone" for name in before if name not in after)
    for name in (each for each in after if each in before):
        changed = list(_changes(_leaves(before[name]), _leaves(after[name])))
        yield from (f"- {kind} `{name}`: {line}" for line in changed[:MOST_LINES])
        if len(changed) > MOST_LINES:
            yield f"- {kind} `{name}`: {len(changed) - MOST_LINES} more differences"


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            yield f"`{path}` is gone, was {_shown(old)}" if new is None else f"`{path}` is {_shown(new)}"
        elif old != new:
            code = [CODE.match(json.loads(text)) if text.startswith('"') else None for text in (old, new)]
            yield f"`{path}`: its code changed" if all(code) else f"`{path}`: {_shown(old)} → {_shown(new)}"


def _shown(value: str | None) -> str:
    text = str(value).replace("`", "'")
    return f"`{text if len(text) <= LONGEST else text[:LONGEST] + '…'}`"


def _parameters(definition: Json) -> dict[str, Json]:
    return {each["Name"]: each for each in definition.get("Parameters", [])}


def _steps(steps: list[Json], within: str = "") -> Iterator[tuple[str, Json]]:
    """Yield the steps by name, those within conditions among them, each with what it waits for."""
    for step in steps:
        own = dict(step)
        arguments = dict(own.get("Arguments") or {})
        inner = {branch: arguments.pop(branch) for branch in ("IfSteps", "ElseSteps") if branch in arguments}
        waits = {*own.pop("DependsOn", []), *_references(arguments), *([within] if within else [])}
        yield step["Name"], {**own, "Arguments": arguments, "After": sorted(waits)}
        for branch, nested in inner.items():
            yield from _steps(nested, f"{step['Name']}, {'if so' if branch == 'IfSteps' else 'if not'}")


def _references(value: Any) -> Iterator[str]:
    """Yield the names of the steps whose results a value reads."""
    if isinstance(value, dict):
        if str(value.get("Get", "")).startswith("Steps."):
            yield re.split(r"[.\[]", value["Get"])[1]
        for child in value.values():
            yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _edges(name: str, before: Json, after: Json) -> Iterator[str]:
    yield from (f"- `{name}` waits for `{each}` now" for each in after["After"] if each not in before["After"])
    yield from (f"- `{name}` no longer waits for `{each}`" for each in before["After"] if each not in after["After"])


def _leaves(value: Any, path: str = "") -> dict[str, str]:
    """Return the values that hold no others, as JSON by their paths; what a step waits for is told by itself."""
    if isinstance(value, dict) and value:
        return {key: leaf for name, child in value.items() if path or name != "After"
                for key, leaf in _leaves(child, f"{path}.{name}" if path else name).items()}  # fmt: skip
    if isinstance(value, list) and value:
        return {
            key: leaf for number, child in enumerate(value) for key, leaf in _leaves(child, f"{path}[{number}]").items()
        }
    return {path: json.dumps(value, ensure_ascii=False)}


def _rights(template: Json) -> Iterator[str]:
    for name, resource in (template.get("Resources") or {}).items():
        for statement in _statements(resource):
            when = f" when {_text(statement['Condition'])}" if statement.get("Condition") else ""
            verb = "may" if statement["Effect"] == "Allow" else "must not"
            for action in _listed(statement.get("Action", statement.get("NotAction"))):
                on = ", ".join(
                    _text(each) for each in _listed(statement.get("Resource", statement.get("Principal", "")))
                )
                but = "all but " if "NotAction" in statement else ""
                yield f"`{name}` {verb} `{but}{action}` on `{on}`{when}"


def _statements(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if "Effect" in value and value.keys() & {"Action", "NotAction"}:
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from _statements(child)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
