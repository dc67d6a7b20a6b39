"""The files by which a step tells the runner something: `NAME=VALUE`, or several lines between delimiters.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#environment-files
"""

from __future__ import annotations

import re

from smproject.sandbox.workflows.model import WorkflowError

_BLOCK = re.compile(r"([^=<]+)<<(.+)")


def values(text: str, file: str) -> dict[str, str]:
    """Return what a step has written into a file; raises WorkflowError for what is no assignment."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if block := _BLOCK.fullmatch(line):
            inner = []
            for each in lines:
                if each == block[2]:
                    break
                inner.append(each)
            else:
                raise WorkflowError(f"{file}: {block[1]} has no line {block[2]} that ends it")
            found[block[1]] = "\n".join(inner)
        elif "=" in line:
            name, _, value = line.partition("=")
            found[name] = value
        elif line:
            raise WorkflowError(f"{file}: Invalid format '{line}'")
    return found
