"""cfn-lint and cloudformation-validate, which come with the `dev` extra: what either says of templates."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from smproject.errors import MissingExtraError


class Remark(NamedTuple):
    """What a linter says of one line of a template."""

    path: Path
    line: int
    rule: str
    message: str


def require() -> None:
    """Raise MissingExtraError when a linter isn't installed."""
    for module in ("cfnlint", "cloudformation_validate"):
        if find_spec(module) is None:
            raise MissingExtraError(f"{module} isn't installed. Run: pip install 'sagemaker-project-templates[dev]'")


def lint(paths: Sequence[Path]) -> Iterator[Remark]:
    """Yield the remarks of both, in a program of their own: whoever calls this may have threads."""
    by_size = sorted(paths, key=lambda path: path.stat().st_size, reverse=True)
    told = json.dumps([str(path) for path in by_size])
    command = [sys.executable, "-m", "smproject.linting"]
    done = subprocess.run(command, input=told, stdout=subprocess.PIPE, text=True, check=True)
    for path, *said in json.loads(done.stdout):
        yield Remark(Path(path), *said)
