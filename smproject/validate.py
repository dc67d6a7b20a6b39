"""Check the whole catalogue offline: manifests, templates, and the pipelines of every seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from smproject import catalog, end_of_life
from smproject.assemble import is_current
from smproject.catalog import ROOT, Seed, Template
from smproject.compilation import can_compile, compile_seed
from smproject.definition import check
from smproject.errors import AssemblyError, CatalogError, MissingExtraError


@dataclass(frozen=True)
class Finding:
    """One thing to mend: where, by which rule, and what."""

    file: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.rule} {' '.join(self.message.split())}"


def validate(root: Path = ROOT) -> Iterator[Finding]:
    """Yield what is wrong with the catalogue; raises MissingExtraError when there is nothing to check with."""
    linters = _Linters()
    for path in catalog.manifests(root):
        try:
            template = catalog.read_manifest(path)
        except CatalogError as error:
            yield Finding(_relative(path, root), 1, "manifest", str(error))
            continue
        yield from _check_template(template, linters)
    # Templates that a project's own pipelines deploy; `.yaml` is CloudFormation, everything else is `.yml`.
    for path in sorted(root.glob("pipelines/**/*.yaml")):
        yield from linters.findings(path, _relative(path, root))
    for ending in end_of_life.endings(root, date.today()):
        yield Finding(ending.use.file, ending.use.line, "end-of-life", ending.message)


def _check_template(template: Template, linters: "_Linters") -> Iterator[Finding]:
    file = _relative(template.path, template.root)
    try:
        current = is_current(template)
    except (AssemblyError, CatalogError) as error:
        yield Finding(_relative(template.folder / "project.yaml", template.root), 1, "assembly", str(error))
        return
    if not current:
        yield Finding(file, 1, "assembly", "is not what its fragments and seeds make. Run: smproject assemble")
    if template.path.is_file():
        yield from linters.findings(template.path, file)
    for seed in template.seeds:
        yield from _check_pipelines(template, seed)


def _check_pipelines(template: Template, seed: Seed) -> Iterator[Finding]:
    """Findings in the compiled definitions; none without the SDK, which only the `build` extra installs."""
    if not can_compile():
        return
    for compiled in compile_seed(template, seed):
        if compiled.definition is None:
            yield Finding(compiled.source, 1, "compilation", f"{compiled.problem_type}: {compiled.error}")
        else:
            for finding in check(compiled.definition):
                yield Finding(compiled.source, 1, "definition", f"{compiled.problem_type}: {finding}")


class _Linters:
    """cfn-lint and cloudformation-validate, loaded once; both come with the `dev` extra."""

    def __init__(self) -> None:
        try:
            from cfnlint.api import lint_file  # noqa: PLC0415  # a second that only this command needs
            from cloudformation_validate import CompositeEngine, Severity  # noqa: PLC0415  # likewise
        except ImportError as error:
            raise MissingExtraError(
                f"{error.name} isn't installed. Run: pip install 'sagemaker-project-templates[dev]'"
            ) from error
        self._lint_file = lint_file
        self._engine = CompositeEngine()
        self._bad = {Severity.WARN, Severity.ERROR, Severity.FATAL}

    def findings(self, path: Path, file: str) -> Iterator[Finding]:
        """What either linter says of a template, notes of cloudformation-validate left out."""
        for match in self._lint_file(path):
            yield Finding(file, match.linenumber, match.rule.id, match.message)
        report: Any = self._engine.validate_template(str(path))
        for diagnostic in report.diagnostics:
            if diagnostic.severity in self._bad:
                yield Finding(file, diagnostic.start_line or 1, diagnostic.rule_id, diagnostic.message)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
