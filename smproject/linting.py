"""Program that lints templates: reads the list of their paths from stdin, writes what is to be said of them to stdout.

That is a list of [path, line, rule, message], by cfn-lint and by cloudformation-validate, whose notes are left out.
Rules are read once, which takes as long as a template does; then each core takes the next template.
"""

import gc
import json
import multiprocessing
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner, run_template_by_file_path
from cloudformation_validate import CompositeEngine, Severity

Said = tuple[str, int, str, str]
# cloudformation-validate overlooks Fn::If in outputs (W1001), and says that two parameters are never equal (W8003);
# cfn-lint, whose rules these are, does neither.
_CFN_LINTS = {"W1001", "W8003"}


def main() -> None:
    """Lint the templates, in their order."""
    paths = json.load(sys.stdin)
    gc.disable()  # to collect garbage would take a tenth of the time
    _runner()
    with multiprocessing.get_context("fork").Pool() as pool:
        other = pool.apply_async(_of_cloudformation_validate, [paths])
        said = [*pool.map(_of_cfn_lint, paths, chunksize=1), other.get()]
    json.dump([each for some in said for each in some], sys.stdout)


@cache
def _runner() -> Runner:
    return Runner(ConfigMixIn([]))


def _of_cfn_lint(path: str) -> list[Said]:
    matches = run_template_by_file_path(path, _runner().config, _runner().rules, ignore_bad_template=False)
    return [(path, each.linenumber, each.rule.id, each.message) for each in matches]


def _of_cloudformation_validate(paths: Sequence[str]) -> list[Said]:
    engine, bad = CompositeEngine(), {Severity.WARN, Severity.ERROR, Severity.FATAL}
    reports: list[tuple[str, Any]] = [(path, engine.validate_template(path)) for path in paths]
    return [
        (path, each.start_line or 1, each.rule_id, each.message)
        for path, report in reports
        for each in report.diagnostics
        if each.severity in bad and each.rule_id not in _CFN_LINTS
    ]


if __name__ == "__main__":
    main()
