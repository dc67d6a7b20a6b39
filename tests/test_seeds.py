import io
import json
import os
import re
import zipfile
from pathlib import Path

import pytest
from catalogue import PARAMETER, Catalogue

from smproject import catalog
from smproject.catalog import Seed, Template
from smproject.errors import AssemblyError, SeedFolderError
from smproject.seeds import materialise, seed_files, seed_key, seed_zip

SEEDS = [(template, seed) for template in catalog.templates() for seed in template.seeds]
EVERY_SEED = pytest.mark.parametrize(("template", "seed"), SEEDS, ids=[seed.id for _, seed in SEEDS])
# Ways in which generators mark what a person or a program has yet to fill in.
PLACEHOLDER = re.compile(r"cookiecutter|CHANGE_?ME|REPLACE_?ME|PLACEHOLDER_|<YOUR[-_ ]|@@\w+@@|%%\w+%%")


@pytest.fixture
def small(tmp_path: Path) -> Catalogue:
    made = Catalogue(tmp_path / "root")
    made.write("src/a.py", "A = 1\n")
    made.write("src/run.sh", "#!/bin/sh\n").chmod(0o755)
    made.write("build.yml", "version: 0.2\n")
    made.write("seedcode/code/.gitignore", "*.pyc\n")
    made.write("seedcode/code/README.md", "# Code\n")
    return made


def pair(small: Catalogue) -> tuple[Template, Seed]:
    template = small.template(
        {"part": PARAMETER}, "seeds:\n  - {id: code, parameter: PartKey, parts: [src, build.yml]}\n"
    )
    return template, template.seeds[0]


def test_a_seed_is_its_parts_at_their_paths_and_its_root(small: Catalogue) -> None:
    assert list(seed_files(*pair(small))) == [
        ".gitignore", ".seed.json", "README.md", "build.yml", "src/a.py", "src/run.sh",
    ]  # fmt: skip


def test_the_zip_is_the_same_whenever_and_by_whomever_it_is_made(small: Catalogue) -> None:
    first = seed_zip(*pair(small))
    os.utime(small.root / "src/a.py", (1, 1))
    (small.root / "src/a.py").chmod(0o600)
    small.write("src/__pycache__/a.cpython-311.pyc", "x")
    small.write("src/b.pyc", "x")
    assert seed_zip(*pair(small)) == first


def test_the_zip_keeps_what_may_be_executed(small: Catalogue) -> None:
    archive = zipfile.ZipFile(io.BytesIO(seed_zip(*pair(small))))
    modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
    assert (modes["src/run.sh"], modes["src/a.py"]) == (0o755, 0o644)


def test_another_version_or_content_makes_another_key(small: Catalogue) -> None:
    keys = {seed_key(*pair(small))}
    small.write("smproject/VERSION", "1.2.4\n")
    keys.add(seed_key(*pair(small)))
    small.write("src/a.py", "A = 2\n")
    keys.add(seed_key(*pair(small)))
    assert len(keys) == 3
    assert all(re.fullmatch(r"seeds/code/[0-9a-f]{16}\.zip", key) for key in keys)


def test_the_label_names_template_version_and_a_digest_of_the_content_alone(small: Catalogue) -> None:
    def label() -> dict[str, str]:
        found: dict[str, str] = json.loads(seed_files(*pair(small))[".seed.json"].content)
        return found

    before = label()
    assert (before["template"], before["version"]) == ("example", "1.2.3")
    small.write("smproject/VERSION", "1.2.4\n")
    assert label() == {**before, "version": "1.2.4"}
    small.write("src/a.py", "A = 2\n")
    assert label()["digest"] != before["digest"]


def test_links_clashes_and_missing_parts_are_refused(small: Catalogue) -> None:
    link = small.root / "src/link.py"
    link.symlink_to("a.py")
    with pytest.raises(AssemblyError, match=r"link\.py.*symbolic links"):
        seed_files(*pair(small))
    link.unlink()
    clash = small.write("seedcode/code/build.yml", "")
    with pytest.raises(AssemblyError, match=r"build\.yml is in the seed already"):
        seed_files(*pair(small))
    clash.unlink()
    (small.root / "build.yml").unlink()
    with pytest.raises(AssemblyError, match=r"build\.yml: no such part"):
        seed_files(*pair(small))


def test_a_seed_is_written_only_where_nothing_is(small: Catalogue, tmp_path: Path) -> None:
    target = tmp_path / "repository"
    materialise(*pair(small), target)
    assert os.access(target / "src/run.sh", os.X_OK)
    with pytest.raises(SeedFolderError, match="new or empty"):
        materialise(*pair(small), target)
    with pytest.raises(SeedFolderError):
        materialise(*pair(small), target / "README.md")


@EVERY_SEED
def test_two_assemblies_are_the_same_to_the_byte(template: Template, seed: Seed) -> None:
    assert seed_zip(template, seed) == seed_zip(template, seed)


@EVERY_SEED
def test_the_folder_holds_what_the_zip_holds(template: Template, seed: Seed, tmp_path: Path) -> None:
    names = materialise(template, seed, tmp_path)
    archive = zipfile.ZipFile(io.BytesIO(seed_zip(template, seed)))
    assert sorted(names) == sorted(archive.namelist())
    assert all((tmp_path / name).read_bytes() == archive.read(name) for name in names)


@EVERY_SEED
def test_its_python_compiles(template: Template, seed: Seed) -> None:
    sources = {name: file.content for name, file in seed_files(template, seed).items() if name.endswith(".py")}
    assert sources
    for name, source in sources.items():
        compile(source, name, "exec")


@EVERY_SEED
def test_no_placeholder_and_no_cache_survives(template: Template, seed: Seed) -> None:
    for name, file in seed_files(template, seed).items():
        assert not PLACEHOLDER.search(file.content.decode(errors="replace")), name
        assert not re.search(r"__pycache__|\.pyc$|_cache/", name)


@EVERY_SEED
def test_it_stands_alone(template: Template, seed: Seed) -> None:
    for name, file in seed_files(template, seed).items():
        assert not re.search(rb"^\s*(from|import) smproject", file.content, re.MULTILINE), name


@EVERY_SEED
def test_it_has_a_root_of_its_own_and_tests(template: Template, seed: Seed) -> None:
    names = set(seed_files(template, seed))
    assert {"README.md", ".gitignore"} <= names
    assert any(re.fullmatch(r"tests/.*test_\w+\.py", name) for name in names)
