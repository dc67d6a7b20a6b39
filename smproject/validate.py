"""Check the whole catalogue offline: manifests, templates, and the pipelines of every seed."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from smproject import catalog, end_of_life, linters
from smproject.assemble import is_current
from smproject.catalog import ROOT, Template
from smproject.compilation import can_compile, compile_seeds
from smproject.definition import check
from smproject.errors import AssemblyError, CatalogError


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
    linters.require()
    found: list[Template] = []
    for path in catalog.manifests(root):
        try:
            found.append(catalog.read_manifest(path))
        except CatalogError as error:
            yield Finding(_relative(path, root), 1, "manifest", str(error))
    # Programs of their own compile and lint; meanwhile this one does the rest.
    with ThreadPoolExecutor() as pool:
        others = [pool.submit(_check_pipelines, found), pool.submit(_lint, found, root)]
        for template in found:
            yield from _check_assembly(template)
        for ending in end_of_life.endings(root, date.today()):
            yield Finding(ending.use.file, ending.use.line, "end-of-life", ending.message)
        for other in others:
            yield from other.result()


def _check_assembly(template: Template) -> Iterator[Finding]:
    try:
        current = is_current(template)
    except (AssemblyError, CatalogError) as error:
        yield Finding(_relative(template.folder / "project.yaml", template.root), 1, "assembly", str(error))
        return
    if not current:
        file = _relative(template.path, template.root)
        yield Finding(file, 1, "assembly", "is not what its fragments and seeds make. Run: smproject assemble")


def _check_pipelines(templates: Sequence[Template]) -> list[Finding]:
    """Findings in the compiled definitions; none without the SDK, which only the `build` extra installs."""
    seeds = [(template, seed) for template in templates for seed in template.seeds] if can_compile() else []
    found = []
    for compiled in compile_seeds(seeds):
        of = f"{compiled.choice}: " if compiled.choice else ""
        if compiled.definition is None:
            found.append(Finding(compiled.source, 1, "compilation", f"{of}{compiled.error}"))
        else:
            found += [Finding(compiled.source, 1, "definition", f"{of}{each}") for each in check(compiled.definition)]
    return found


def _lint(templates: Sequence[Template], root: Path) -> list[Finding]:
    """Findings of the linters, in what projects' own pipelines deploy as well: of those, `.yaml` is CloudFormation."""
    deployed = sorted(root.glob("pipelines/**/*.yaml"))
    paths = [*(each.path for each in templates if each.path.is_file()), *deployed]
    return [Finding(_relative(each.path, root), each.line, each.rule, each.message) for each in linters.lint(paths)]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
