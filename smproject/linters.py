"""cfn-lint and cloudformation-validate, which come with the `dev` extra: what either says of templates."""

import gc
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from smproject.errors import MissingExtraError

# W1001: cloudformation-validate overlooks Fn::If in outputs; cfn-lint, whose rule it is, doesn't.
_CFN_LINTS = {"W1001"}


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
    """Yield the remarks of both, notes of cloudformation-validate left out; each core has a share of the templates."""
    by_size = sorted(paths, key=lambda path: path.stat().st_size)
    shares = [share for start in range(_cores()) if (share := by_size[start :: _cores()])]
    # Forked from a server, for whoever calls this may have threads. To collect garbage would take a tenth of the time.
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["cfnlint.api", "cloudformation_validate"])
    with ProcessPoolExecutor(_cores(), mp_context=server, initializer=gc.disable) as pool:
        works: list[Future[list[Remark]]] = [pool.submit(_of_cfn_lint, share) for share in shares]
        works.append(pool.submit(_of_cloudformation_validate, by_size))
        for work in works:
            yield from work.result()


def _cores() -> int:
    return os.cpu_count() or 1


def _of_cfn_lint(paths: Sequence[Path]) -> list[Remark]:
    from cfnlint.api import lint_by_config  # noqa: PLC0415  # a second that only the programs of lint() need
    from cfnlint.config import ManualArgs  # noqa: PLC0415  # likewise

    # Together, because reading its rules takes cfn-lint as long as a template does.
    matches = lint_by_config(ManualArgs(templates=[str(path) for path in paths]))
    return [Remark(Path(each.filename), each.linenumber, each.rule.id, each.message) for each in matches]


def _of_cloudformation_validate(paths: Sequence[Path]) -> list[Remark]:
    from cloudformation_validate import CompositeEngine, Severity  # noqa: PLC0415  # likewise

    engine, bad = CompositeEngine(), {Severity.WARN, Severity.ERROR, Severity.FATAL}
    reports: list[tuple[Path, Any]] = [(path, engine.validate_template(str(path))) for path in paths]
    return [
        Remark(path, each.start_line or 1, each.rule_id, each.message)
        for path, report in reports
        for each in report.diagnostics
        if each.severity in bad and each.rule_id not in _CFN_LINTS
    ]
