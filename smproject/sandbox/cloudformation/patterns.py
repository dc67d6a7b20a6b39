r"""AllowedPattern: a regular expression that a template brings along, as Java reads it.

After a class such as `\w`, a `-` in brackets is itself.
https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
"""

from __future__ import annotations

import regex  # type: ignore[import-untyped,unused-ignore]  # knows Java's classes, and can be stopped

_SECONDS = 1


def is_valid(pattern: str) -> bool:
    """Tell whether a pattern is a regular expression."""
    try:
        _compiled(pattern)
    except regex.error:
        return False
    return True


def matches(pattern: str, value: str) -> bool:
    """Tell whether a pattern matches a whole value; one that takes too long to say so does not.

    The time that counts is the process's: others must not spend it, so they wait.
    """
    try:
        return _compiled(pattern).fullmatch(value, timeout=_SECONDS, concurrent=False) is not None
    except TimeoutError:
        return False


def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(regex.sub(r"(\\[dDsSwW])-", r"\1\\-", pattern), regex.DOTALL)
