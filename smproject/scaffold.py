"""Make a new template of an existing one: a manifest with the same fragments and parts, and a seed root of its own."""

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from smproject import catalog
from smproject.assemble import assemble
from smproject.catalog import ROOT, Template
from smproject.errors import CatalogError
from smproject.looking.readme import readme

# SageMaker takes no longer name of a template in S3, and Service Catalog shows the same name.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CfnCreateTemplateProvider.html
MOST_LETTERS = 32
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# What a checkout has, and an installed package has not.
_CHECKOUT = ("README.md", "CONTRIBUTING.md", "seedcode", "project_templates/fragments", "smproject/VERSION")


@dataclass(frozen=True)
class Wanted:
    """A template to be made: its id, its title, and what it does, in a sentence."""

    id: str
    title: str
    description: str

    @property
    def head(self) -> str:
        """How its manifest begins."""
        said = {"title": self.title, "description": self.description}
        return yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=116)


def new_template(wanted: Wanted, like: str, root: Path = ROOT) -> list[Path]:
    """Make a template that begins as another of projects is; returns the files written, or leaves none.

    Raises CatalogError for an id that can't be or is taken, for no template of projects, and outside a checkout.
    """
    _demand_checkout(root)
    model = catalog.template(like, root)
    _demand_free(wanted, model)
    listed = _listed(wanted, model)
    folders = [model.folder.with_name(wanted.id), *([root / "seedcode" / wanted.id] if model.seeds else [])]
    try:
        _write_manifest(wanted, model)
        _write_seed_root(wanted, model)
        made = catalog.template(wanted.id, root)
        made.path.write_text(assemble(made))
        # READMEs of other templates tell of this one: all are read before any is written.
        texts = {each.folder / "README.md": readme(each) for each in catalog.templates(root)}
    except BaseException:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    changed = _write_changed({**texts, root / "README.md": listed})
    return sorted({*changed, *(path for folder in folders for path in folder.rglob("*") if path.is_file())})


def _demand_checkout(root: Path) -> None:
    for name in _CHECKOUT:
        if not (root / name).exists():
            raise CatalogError(
                f"{root} is no checkout of the collection: it has no {name}. Clone the repository, and install the "
                "tool from there: pip install --editable ."
            )


def _demand_free(wanted: Wanted, model: Template) -> None:
    root = model.root
    if not _ID.fullmatch(wanted.id) or len(wanted.id) > MOST_LETTERS:
        raise CatalogError(
            f"{wanted.id!r} can't be an id. Use lower-case words and digits with hyphens between them, at most "
            f"{MOST_LETTERS} letters: churn-build."
        )
    for taken in (root / "project_templates" / wanted.id, root / "seedcode" / wanted.id):
        if taken.exists():
            raise CatalogError(f"{taken} is there already. Choose another id.")
    if not model.is_product:
        known = ", ".join(each.id for each in catalog.templates(root) if each.is_product)
        raise CatalogError(f"{model.id} is no template of projects. Begin with one of: {known}.")
    for name, text in (("title", wanted.title), ("description", wanted.description)):
        if not text.strip() or not text.isprintable() or "|" in text:
            raise CatalogError(f"The {name} is {text!r}. Give one line of text without a bar.")


def _write_manifest(wanted: Wanted, model: Template) -> None:
    text = (model.folder / "project.yaml").read_text()
    rest = text[text.index("portfolio:") :]
    for seed in model.seeds:
        rest = rest.replace(f"  - id: {seed.id}\n", f"  - id: {wanted.id}\n")
    path = model.folder.with_name(wanted.id) / "project.yaml"
    path.parent.mkdir()
    path.write_text(wanted.head + rest)


def _write_seed_root(wanted: Wanted, model: Template) -> None:
    """Copy what a seed's root alone needs; its README begins with the new title."""
    for seed in model.seeds:
        target = model.root / "seedcode" / wanted.id
        shutil.copytree(model.root / "seedcode" / seed.id, target)
        page = target / "README.md"
        page.write_text(f"# {wanted.title}\n" + page.read_text().partition("\n")[2])


def _listed(wanted: Wanted, model: Template) -> str:
    """The repository's README with a row for the new template, below those that are deployed as its model is."""
    path = model.root / "README.md"
    text = path.read_text()
    row = re.search(rf"^\| `{model.id}` \|([^|]+)\|", text, re.MULTILINE)
    if row is None:
        raise CatalogError(f"{path} has no row for {model.id} in its table of templates. Add it.")
    *_, last = re.finditer(rf"^\| `[a-z0-9-]+` \|{re.escape(row[1])}\|.*\n", text, re.MULTILINE)
    return f"{text[: last.end()]}| `{wanted.id}` |{row[1]}| {wanted.title} |\n{text[last.end() :]}"


def _write_changed(texts: Mapping[Path, str]) -> list[Path]:
    changed = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
    for path in changed:
        path.write_text(texts[path])
    return changed
