import re
from pathlib import Path

import pytest
from policies import FRAGMENTS, ROOT, TEMPLATES, name

from smproject import catalog
from smproject.errors import CatalogError

GOOD = "title: One\ndescription: Two.\nfragments: [part]\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "project_templates" / "example" / "project.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def test_a_manifest_says_what_a_template_is_made_of(tmp_path: Path) -> None:
    seeds = "seeds:\n  - {id: code, parameter: SeedKey, parts: [a, b/c], roots: [shared]}\n"
    template = catalog.read_manifest(write(tmp_path, GOOD + seeds))
    assert (template.id, template.title, template.fragments) == ("example", "One", ("part",))
    assert template.seeds == (catalog.Seed("code", ("a", "b/c"), "SeedKey", ("shared",)),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD + "colour: red\n", "'colour'"),
        (GOOD + "portfolio: shop\n", "'portfolio' is 'shop'. Use one of ml-admin, sagemaker-projects"),
        ("title: One\nfragments: [part]\n", "'description'"),
        ("title: [One]\ndescription: Two.\nfragments: [part]\n", "'title'"),
        ("title: One\ndescription: Two.\nfragments: []\n", "'fragments'"),
        ("title: One\ndescription: Two.\nfragments: [{a: b}]\n", "'fragments'"),
        (GOOD + "seeds:\n  - {id: code, parameter: Key, parts: [a], branch: main}\n", "'branch'"),
        (GOOD + "seeds:\n  - {id: code, parameter: Key}\n", "'parts'"),
        (GOOD + "seeds:\n  - {id: code, parameter: Key, parts: [a], roots: shared}\n", "'roots'"),
        ("- a list\n", "template"),
        ("title: [\n", "not YAML"),
    ],
)
def test_an_ill_formed_manifest_is_refused_by_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(CatalogError, match=f"{re.escape(str(path))}.*{told}"):
        catalog.read_manifest(path)


def test_an_unknown_template_or_seed_is_refused_and_the_known_ones_are_found() -> None:
    assert catalog.template("model-build").id == "model-build"
    template, seed = catalog.find_seed("model-build-tabular")
    assert (template.id, seed.id) == ("model-build", "model-build-tabular")
    with pytest.raises(CatalogError, match="smproject list"):
        catalog.template("no-such")
    with pytest.raises(CatalogError, match="model-build-tabular"):
        catalog.find_seed("no-such")


def test_what_sagemaker_makes_projects_of_is_in_their_portfolio() -> None:
    projects = {each.id: each.fragments for each in catalog.templates() if each.is_product}
    assert all("sagemaker-project" in fragments for fragments in projects.values())
    assert {"model-build", "model-deploy", "model-build-deploy"} <= set(projects)
    for template_id in ("catalog-bucket", "launch-role", "portfolio", "product"):
        assert catalog.template(template_id).portfolio == ""


def test_every_manifest_reads_and_has_its_assembled_template() -> None:
    assert [template.path for template in catalog.templates()] == TEMPLATES


@pytest.mark.parametrize("template", catalog.templates(), ids=lambda template: template.id)
def test_ids_are_kebab_case(template: catalog.Template) -> None:
    for each in (template.id, *template.fragments, *(seed.id for seed in template.seeds)):
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each)


def test_every_fragment_is_used() -> None:
    used = {fragment for template in catalog.templates() for fragment in template.fragments}
    assert used == {path.stem for path in FRAGMENTS}


@pytest.mark.parametrize("path", FRAGMENTS, ids=name)
def test_fragments_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 150


def test_the_catalogue_is_this_repository_s() -> None:
    assert catalog.ROOT == ROOT
