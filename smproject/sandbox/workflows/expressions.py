"""Expressions of GitHub's workflows, as far as they read contexts and compare texts.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from smproject.sandbox.workflows.model import WorkflowError

Value = str | bool
_HOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(==|!=|&&|\|\||[!()])|([A-Za-z_][\w.-]*))")
_STATUS = ("always", "success", "failure", "cancelled")
# Contexts in which a name that nobody has set is an empty text.
_OPEN = ("vars.", "env.", "steps.", "github.event.")


@dataclass
class Contexts:
    """What expressions can read, by name, and whether all went well so far."""

    values: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    succeeded: bool = True

    def text(self, template: str) -> str:
        """Return a text with its expressions replaced; raises WorkflowError for what is not known."""
        return _HOLE.sub(lambda found: _text(_Reader(found[1], self).read()), template)

    def holds(self, condition: str) -> bool:
        """Tell whether a condition, with or without braces, holds; without a status function it needs success."""
        found = _HOLE.fullmatch(condition.strip())
        source = found[1] if found else condition
        if not any(f"{name}(" in source for name in _STATUS):
            source = f"success() && ({source})"
        return _truth(_Reader(source, self).read())

    def look_up(self, path: str) -> Value:
        """Return what a path such as `github.ref` names."""
        name, *steps = path.split(".")
        found: Any = self.values.get(name)
        if found is None or not steps:
            raise WorkflowError(f"the sandbox does not implement the expression {path}")
        for step in steps:
            is_open = path.startswith(_OPEN)
            if not (isinstance(found, Mapping) or is_open) or (step not in (found or {}) and not is_open):
                raise WorkflowError(f"the sandbox does not implement the expression {path}")
            found = found.get(step) if isinstance(found, Mapping) else None
        return found if isinstance(found, (str, bool)) else "" if found is None else str(found)


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, source: str, contexts: Contexts) -> None:
        self._source, self._contexts = source.strip(), contexts
        self._tokens = list(self._split())

    def read(self) -> Value:
        value = self._either()
        if self._tokens:
            raise self._unknown()
        return value

    def _split(self) -> Iterator[str]:
        place = 0
        while place < len(self._source):
            found = _TOKEN.match(self._source, place)
            if found is None:
                raise self._unknown()
            yield found[0].strip()
            place = found.end()

    def _unknown(self) -> WorkflowError:
        return WorkflowError(f"the sandbox does not implement the expression {self._source}")

    def _next_is(self, token: str) -> bool:
        if self._tokens[:1] == [token]:
            del self._tokens[0]
            return True
        return False

    def _either(self) -> Value:
        value = self._both()
        while self._next_is("||"):
            other = self._both()
            value = value if _truth(value) else other
        return value

    def _both(self) -> Value:
        value = self._comparison()
        while self._next_is("&&"):
            other = self._comparison()
            value = other if _truth(value) else value
        return value

    def _comparison(self) -> Value:
        left = self._single()
        for sign, equal in (("==", True), ("!=", False)):
            if self._next_is(sign):
                return (_text(left).lower() == _text(self._single()).lower()) is equal
        return left

    def _single(self) -> Value:
        if not self._tokens:
            raise self._unknown()
        word = self._tokens.pop(0)
        if word == "!":
            return not _truth(self._single())
        if word == "(":
            value = self._either()
            if not self._next_is(")"):
                raise self._unknown()
            return value
        if word[0] == "'":
            return word[1:-1].replace("''", "'")
        if word in ("true", "false"):
            return word == "true"
        return self._named(word)

    def _named(self, word: str) -> Value:
        if word in _STATUS and self._tokens[:2] == ["(", ")"]:
            del self._tokens[:2]
            succeeded = self._contexts.succeeded
            return {"always": True, "success": succeeded, "failure": not succeeded, "cancelled": False}[word]
        if self._tokens[:1] == ["("] or not word[0].isalpha():
            raise self._unknown()
        return self._contexts.look_up(word)


def _truth(value: Value) -> bool:
    return bool(value)


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else value
