"""Path patterns with `*`, `?`, `[...]` and `**`, as .dockerignore files and buildspecs write them."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]]+\]|.", re.DOTALL)
_MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a regular expression that matches whole relative POSIX paths as the pattern does."""
    return re.compile("".join(_translate(token) for token in _TOKEN.findall(pattern)))


def _translate(token: str) -> str:
    if token in _MEANING:
        return _MEANING[token]
    if len(token) > 1:  # a character class
        return "[^" + token[2:] if token[1] == "!" else token
    return re.escape(token)


def matches(path: str, pattern: str) -> bool:
    """Tell whether a relative POSIX path matches a pattern."""
    return bool(compiled(pattern).fullmatch(path))


def matches_tree(path: str, pattern: str) -> bool:
    """Tell whether a pattern matches a path or one of the folders that hold it."""
    parts = path.split("/")
    return any(matches("/".join(parts[:end]), pattern) for end in range(1, len(parts) + 1))
