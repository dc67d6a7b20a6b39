r"""AllowedPattern: a regular expression that a template brings along, as Java reads it.

After a class such as `\w`, a `-` in brackets is itself.
https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

_REPEATED_GROUP = re.compile(r"\)[*+{]")  # may take for ever, and Python can't stop a match: another process can be
_SECONDS = 3
_MATCH = "import json, re, sys; sys.exit(re.fullmatch(*json.load(sys.stdin), re.DOTALL) is None)"


def is_valid(pattern: str) -> bool:
    """Tell whether a pattern is a regular expression."""
    try:
        re.compile(_pythonic(pattern))
    except re.error:
        return False
    return True


def matches(pattern: str, value: str) -> bool:
    """Tell whether a pattern matches a whole value; one that takes too long to say so does not."""
    pythonic = _pythonic(pattern)
    if not _REPEATED_GROUP.search(pattern):
        return re.fullmatch(pythonic, value, re.DOTALL) is not None
    command, told = [sys.executable, "-I", "-S", "-c", _MATCH], json.dumps([pythonic, value])
    try:
        return subprocess.run(command, input=told, text=True, timeout=_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _pythonic(pattern: str) -> str:
    return re.sub(r"\(\?<(?=[A-Za-z])", "(?P<", re.sub(r"(\\[dDsSwW])-", r"\1\\-", pattern))
