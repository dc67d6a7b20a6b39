"""Wildcards and variables of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

Resolve = Callable[[str], "str | None"]  # a context key -> its value, when it has exactly one
_TOKEN = re.compile(r"\$\{[^{}]*\}|.", re.DOTALL)
_VARIABLE = re.compile(r"\$\{\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?\}")
_ARN_COLONS = 5  # between the six parts of an ARN; further ones belong to the resource


def literal(text: str, resolve: Resolve | None) -> str | None:
    """Return a text with its variables replaced; None when one has no value, so that nothing equals the text.

    Without `resolve`, `${...}` is plain text, as it is in policies of versions before 2012-10-17.
    """
    tokens = _tokens(text, resolve)
    return None if tokens is None else "".join(token for token, _ in tokens)


def matches(pattern: str, value: str, resolve: Resolve | None = None) -> bool:
    """Tell whether a pattern with `*`, `?` and variables matches a whole value."""
    return _matches(pattern, value, resolve, of_arn=False)


def arn_matches(pattern: str, arn: str, resolve: Resolve | None = None) -> bool:
    """Tell whether a pattern matches an ARN part by part: no wildcard but those of the last part spans a colon."""
    if min(pattern.count(":"), arn.count(":")) < _ARN_COLONS:
        return False
    return _matches(pattern, arn, resolve, of_arn=True)


def _matches(pattern: str, value: str, resolve: Resolve | None, *, of_arn: bool) -> bool:
    if resolve is None or "${" not in pattern:
        return _plain(pattern, of_arn).fullmatch(value) is not None
    tokens = _tokens(pattern, resolve)
    return tokens is not None and _expression(tokens, of_arn).fullmatch(value) is not None


@lru_cache(maxsize=8192)  # the policies of a busy sandbox; a pattern without variables always means the same
def _plain(pattern: str, of_arn: bool) -> re.Pattern[str]:
    return _expression([(character, character in "*?") for character in pattern], of_arn)


def _expression(tokens: list[tuple[str, bool]], of_arn: bool) -> re.Pattern[str]:
    expression, colons = "", 0
    for text, wildcard in tokens:
        colons += text == ":" and not wildcard
        one = "[^:]" if of_arn and colons < _ARN_COLONS else "."
        expression += (f"{one}*" if text == "*" else one) if wildcard else re.escape(text)
    return re.compile(expression, re.DOTALL)


def _tokens(pattern: str, resolve: Resolve | None) -> list[tuple[str, bool]] | None:
    """Return the characters and the variables' values, each with whether it is a wildcard; None: no value."""
    found = []
    for token in _TOKEN.findall(pattern):
        if len(token) == 1 or resolve is None:
            found.append((token, token in ("*", "?")))
        elif (value := _resolved(token, resolve)) is not None:
            found.append((value, False))
        else:
            return None
    return found


def _resolved(variable: str, resolve: Resolve) -> str | None:
    parts = _VARIABLE.fullmatch(variable)
    if parts is None:
        return None
    if parts[1] in ("*", "?", "$"):  # how a policy writes the characters themselves
        return parts[1]
    value = resolve(parts[1])
    return parts[2] if value is None else value
