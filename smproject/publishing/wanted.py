"""What a catalogue is to look like: objects, portfolios and products, from this repository and the options alone."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from smproject import catalog
from smproject.assemble import is_current
from smproject.catalog import ADMIN, PROJECTS, ROOT, Template
from smproject.errors import AssemblyError
from smproject.seeds import KEY_DIGITS, seed_key, seed_zip, version

# Studio offers templates in S3, and products, with this tag.
VISIBLE = {"sagemaker:studio-visibility": "true"}
# Where templates lie under their own names, by portfolio.
FOLDERS = {ADMIN: "admin", PROJECTS: "projects"}
NAME_DIGITS = 8


@dataclass(frozen=True)
class Object:
    """A file of the catalogue: a seed or a template, and the tags that it has in S3."""

    key: str
    content: bytes = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the content, in hexadecimal digits."""
        return _digest(self.content)


@dataclass(frozen=True)
class Portfolio:
    """A portfolio: how people see it, who may use it, and which role launches its products."""

    id: str
    name: str
    description: str
    principal: str
    launch_role: str
    in_studio: bool
    # What tells its stack from the other portfolio's; the first one has none.
    subject: str = ""


@dataclass(frozen=True)
class Product:
    """A template as a product: the key of its newest version's template, and how that version is called."""

    template: Template
    key: str
    version: str


PORTFOLIOS = (
    Portfolio(
        ADMIN,
        "ML Admin",
        "Templates by which administrators set SageMaker up.",
        "arn:aws:iam:::role/PlatformEngineer",
        "SageMakerAdminTemplatesLaunchRole",
        in_studio=False,
        subject=ADMIN,
    ),
    Portfolio(
        PROJECTS,
        "SageMaker Projects",
        "Templates of SageMaker projects.",
        "arn:aws:iam:::role/DataScientist",
        "SageMakerProjectTemplatesLaunchRole",
        in_studio=True,
    ),
)


def offered(root: Path = ROOT) -> list[Template]:
    """Templates that are in a portfolio; raises AssemblyError when any template isn't assembled."""
    templates = catalog.templates(root)
    for template in templates:
        if not is_current(template):
            raise AssemblyError(f"{template.path} isn't what its fragments and seeds make. Run: smproject assemble")
    return [template for template in templates if template.portfolio]


def by_content(templates: list[Template]) -> list[Object]:
    """Seeds, then the templates that name them, under keys that name the content: these never change."""
    seeds = {seed_key(each, seed): seed_zip(each, seed) for each in templates for seed in each.seeds}
    texts = {template_key(each): each.path.read_bytes() for each in templates}
    return [Object(key, content) for key, content in {**seeds, **texts}.items()]


def by_name(templates: list[Template]) -> list[Object]:
    """The templates under their own names, by which Studio and people find the newest."""
    return [
        Object(f"{FOLDERS[each.portfolio]}/{each.id}.yaml", each.path.read_bytes(), _tags(each)) for each in templates
    ]


def by_setup(root: Path = ROOT) -> list[Object]:
    """The templates that publishing itself deploys, for who deploys them without it."""
    others = [each for each in catalog.templates(root) if not each.portfolio]
    return [Object(f"setup/{each.id}.yaml", each.path.read_bytes()) for each in others]


def products(templates: list[Template], portfolio: Portfolio) -> list[Product]:
    """The products of a portfolio."""
    return [
        Product(each, template_key(each), version_name(version(each.root), each.path.read_bytes()))
        for each in templates
        if each.portfolio == portfolio.id
    ]


def template_key(template: Template) -> str:
    """Key in the catalogue's bucket of a template as it is assembled."""
    return key_of(template.id, template.path.read_bytes())


def key_of(template_id: str, content: bytes) -> str:
    """Key in the catalogue's bucket that names the content of a template: of two keys, whether it is the same one."""
    return f"templates/{template_id}/{_digest(content)[:KEY_DIGITS]}.yaml"


def version_name(number: str, content: bytes) -> str:
    """Name of a product's version; two templates of one version number have different names."""
    return f"{number}+{_digest(content)[:NAME_DIGITS]}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _tags(template: Template) -> dict[str, str]:
    return VISIBLE if template.portfolio == PROJECTS else {}
