"""What moto's services take but forget: kept beside what they keep, so that their descriptions tell it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.core.parse import XFormedDict
from moto.core.responses import ActionResult

Operation = Callable[[Any], Any]
Item = Callable[[Any, Any], Any]  # finds what is kept, by the response object and the result


def remember(response: type, item: str | Item, operations: tuple[str, ...], *members: str) -> None:
    """Let a service keep members of the requests of its operations (snake case), with the item of the result.

    `members` are named as requests and descriptions name them, `asked=told` where those differ.
    """
    pairs = [member.partition("=")[::2] for member in members]

    def keep(self: Any, answer: ActionResult) -> None:
        result: Any = answer.result
        kept = result[item] if isinstance(item, str) else item(self, result)
        for asked, told in pairs:
            value = _plain(self._get_param(asked))
            if value is not None:
                _put(kept, told or asked, value)

    for operation in operations:
        after(response, operation, keep)


def after(response: type, operation: str, act: Callable[[Any, ActionResult], None]) -> None:
    """Let something be done once an operation has gone well, before its answer is written; only once an operation."""
    original: Operation = getattr(response, operation)
    done: list[Any] = getattr(original, "acts", [])
    if done:
        done.append(act)
        return
    acts = [act]

    @wraps(original)
    def called(self: Any) -> Any:
        answer = original(self)
        for each in acts:
            each(self, answer)
        return answer

    called.acts = acts  # type: ignore[attr-defined]
    setattr(response, operation, called)


def _put(item: Any, name: str, value: Any) -> None:
    if isinstance(item, dict):
        item[name] = value
    else:
        setattr(item, name, value)


def _plain(value: Any) -> Any:
    """Return a member of a request as plain dictionaries and lists, with the names that it came with."""
    if isinstance(value, XFormedDict):
        return _plain(value.original_dict())
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
