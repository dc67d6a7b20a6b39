"""What the catalogue holds: one manifest a template, read into frozen dataclasses."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from smproject.errors import CatalogError

ROOT = Path(__file__).resolve().parent.parent
# Portfolios that publishing makes: of what administrators set up, and of what SageMaker makes projects of.
ADMIN, PROJECTS = "ml-admin", "sagemaker-projects"
PORTFOLIOS = (ADMIN, PROJECTS)


@dataclass(frozen=True)
class Seed:
    """Code that a template puts into a new repository: parts of this repository, at the same paths.

    The folder of its id in seedcode/ is its root; so are those in `roots`, which several seeds share. `parameter` takes
    the archive's key where the stack makes the repository, and is empty where `smproject new` does.
    """

    id: str
    parts: tuple[str, ...]
    parameter: str = ""
    roots: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A project template: its manifest, and the folder that holds it; one that is no product is in no portfolio."""

    folder: Path
    title: str
    description: str
    fragments: tuple[str, ...]
    seeds: tuple[Seed, ...] = ()
    portfolio: str = ""

    @property
    def id(self) -> str:
        """Kebab-case id, the folder's name."""
        return self.folder.name

    @property
    def root(self) -> Path:
        """The repository that the template is part of."""
        return self.folder.parent.parent

    @property
    def path(self) -> Path:
        """The assembled CloudFormation template."""
        return self.folder / "template.yaml"

    @property
    def is_product(self) -> bool:
        """Whether SageMaker makes projects of it; what administrators launch is no such product."""
        return self.portfolio == PROJECTS

    def fragment_path(self, fragment: str) -> Path:
        """The CloudFormation file of a fragment."""
        return self.root / "project_templates" / "fragments" / f"{fragment}.yaml"

    def seed(self, seed_id: str) -> Seed | None:
        """The template's seed of that id, if it has one."""
        return next((seed for seed in self.seeds if seed.id == seed_id), None)


def templates(root: Path = ROOT) -> list[Template]:
    """Read every manifest, in the order of the ids; raises CatalogError for the first that is ill-formed."""
    return [read_manifest(path) for path in manifests(root)]


def manifests(root: Path = ROOT) -> list[Path]:
    """Every manifest, in the order of the ids."""
    return sorted(root.glob("project_templates/*/project.yaml"))


def template(template_id: str, root: Path = ROOT) -> Template:
    """Read one manifest; raises CatalogError when there is none of that id."""
    path = root / "project_templates" / template_id / "project.yaml"
    if not path.is_file():
        raise CatalogError(f"There is no template {template_id!r}. `smproject list` names them.")
    return read_manifest(path)


def find_seed(seed_id: str, root: Path = ROOT) -> tuple[Template, Seed]:
    """Find a seed and the template that it belongs to; raises CatalogError when there is none of that id."""
    for each in templates(root):
        if seed := each.seed(seed_id):
            return each, seed
    known = ", ".join(seed.id for each in templates(root) for seed in each.seeds)
    raise CatalogError(f"There is no seed {seed_id!r}. Use one of: {known}.")


def read_manifest(path: Path) -> Template:
    """Read a manifest; raises CatalogError naming file and key for what is unknown, missing or of a wrong type."""
    values = _checked(_load(path), Template, path)
    seeds = tuple(_seed(item, path) for item in values.pop("seeds", ()))
    if values.get("portfolio", PROJECTS) not in PORTFOLIOS:
        raise CatalogError(
            f"{path}: key 'portfolio' is {values['portfolio']!r}. Use one of {', '.join(PORTFOLIOS)}, or leave it out "
            "for a template that is no product."
        )
    return Template(folder=path.parent, seeds=seeds, **values)


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise CatalogError(f"{path}: not YAML: {error}") from error


def _seed(item: Any, path: Path) -> Seed:
    return Seed(**_checked(item, Seed, path))


def _checked(values: Any, kind: type[Template | Seed], path: Path) -> dict[str, Any]:
    """Return values as the dataclass takes them, lists as tuples."""
    if not isinstance(values, dict):
        raise CatalogError(f"{path}: expected keys and values for a {kind.__name__.lower()}, found {values!r}.")
    known = {field.name for field in fields(kind)} - {"folder"}
    required = known - {"portfolio", "seeds", "parameter", "roots"}
    for key in values:
        if key not in known:
            raise CatalogError(f"{path}: unknown key {key!r}. Use only: {', '.join(sorted(known))}.")
    for key in sorted(required - set(values)):
        raise CatalogError(f"{path}: key {key!r} is missing. Add it.")
    return {key: _typed(value, key, path) for key, value in values.items()}


def _typed(value: Any, key: str, path: Path) -> Any:
    expected = list if key in {"fragments", "parts", "roots", "seeds"} else str
    if not isinstance(value, expected) or not value:
        raise CatalogError(f"{path}: key {key!r} must be a {expected.__name__} that isn't empty, found {value!r}.")
    if isinstance(value, str):
        return value
    for item in value:
        if key != "seeds" and not isinstance(item, str):
            raise CatalogError(f"{path}: key {key!r} must list strings, found {item!r}.")
    return tuple(value)
