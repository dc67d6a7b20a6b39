"""Check the whole catalogue offline: manifests, templates, and the pipelines of every seed."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from smproject import catalog, end_of_life
from smproject.assemble import is_current
from smproject.catalog import ROOT, Seed, Template
from smproject.compilation import Compilation, can_compile, compile_seed
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
    found: list[Template] = []
    for path in catalog.manifests(root):
        try:
            found.append(catalog.read_manifest(path))
        except CatalogError as error:
            yield Finding(_relative(path, root), 1, "manifest", str(error))
    # Programs of their own compile pipelines, in which this one does not wait for its interpreter.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = [pool.submit(_check_pipelines, each, seed) for each in found for seed in each.seeds]
        for template in found:
            yield from _check_assembly(template)
        # Templates that a project's own pipelines deploy; `.yaml` is CloudFormation, everything else is `.yml`.
        deployed = sorted(root.glob("pipelines/**/*.yaml"))
        yield from linters.findings([*(each.path for each in found if each.path.is_file()), *deployed], root)
        for ending in end_of_life.endings(root, date.today()):
            yield Finding(ending.use.file, ending.use.line, "end-of-life", ending.message)
        for each in compiled:
            yield from each.result()


def _check_assembly(template: Template) -> Iterator[Finding]:
    try:
        current = is_current(template)
    except (AssemblyError, CatalogError) as error:
        yield Finding(_relative(template.folder / "project.yaml", template.root), 1, "assembly", str(error))
        return
    if not current:
        file = _relative(template.path, template.root)
        yield Finding(file, 1, "assembly", "is not what its fragments and seeds make. Run: smproject assemble")


def _check_pipelines(template: Template, seed: Seed) -> list[Finding]:
    """Findings in the compiled definitions; none without the SDK, which only the `build` extra installs."""
    return list(_findings_in(compile_seed(template, seed))) if can_compile() else []


def _findings_in(compilations: Iterable[Compilation]) -> Iterator[Finding]:
    for compiled in compilations:
        if compiled.definition is None:
            yield Finding(compiled.source, 1, "compilation", f"{compiled.problem_type}: {compiled.error}")
        else:
            for finding in check(compiled.definition):
                yield Finding(compiled.source, 1, "definition", f"{compiled.problem_type}: {finding}")


class _Linters:
    """cfn-lint and cloudformation-validate, loaded once; both come with the `dev` extra."""

    def __init__(self) -> None:
        try:
            from cfnlint.api import lint_by_config  # noqa: PLC0415  # a second that only this command needs
            from cfnlint.config import ManualArgs  # noqa: PLC0415  # likewise
            from cloudformation_validate import CompositeEngine, Severity  # noqa: PLC0415  # likewise
        except ImportError as error:
            raise MissingExtraError(
                f"{error.name} isn't installed. Run: pip install 'sagemaker-project-templates[dev]'"
            ) from error
        self._lint: Any = lambda paths: lint_by_config(ManualArgs(templates=paths))
        self._engine = CompositeEngine()
        self._bad = {Severity.WARN, Severity.ERROR, Severity.FATAL}

    def findings(self, paths: Sequence[Path], root: Path) -> Iterator[Finding]:
        """What either linter says of templates, notes of cloudformation-validate left out."""
        # Together, because reading its rules takes cfn-lint as long as a template does.
        for match in self._lint([str(path) for path in paths]) if paths else ():
            yield Finding(_relative(Path(match.filename), root), match.linenumber, match.rule.id, match.message)
        for path in paths:
            report: Any = self._engine.validate_template(str(path))
            for diagnostic in report.diagnostics:
                if diagnostic.severity in self._bad:
                    file, line = _relative(path, root), diagnostic.start_line or 1
                    yield Finding(file, line, diagnostic.rule_id, diagnostic.message)


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
