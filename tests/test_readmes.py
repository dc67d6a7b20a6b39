"""The README of each template is generated, current, and tells what a reader needs."""

from pathlib import Path

import pytest
from catalogue import PARAMETER, Catalogue
from click.testing import CliRunner
from policies import load, name

from smproject import catalog
from smproject.assemble import assemble
from smproject.cli import main
from smproject.looking import readme

TEMPLATES = catalog.templates()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
def test_the_committed_readme_is_what_the_template_makes(template: catalog.Template) -> None:
    assert readme.is_current(template), "Run: smproject assemble"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
def test_a_readme_says_that_it_is_generated_and_tells_all(template: catalog.Template) -> None:
    text = (template.folder / "README.md").read_text()
    content = load(template.path)
    roles = [key for key, each in content["Resources"].items() if each["Type"] == "AWS::IAM::Role"]
    assert "smproject assemble" in text.splitlines()[0]
    told = (*content.get("Parameters", {}), *roles, *content["Outputs"])
    assert [key for key in told if f"| `{key}` |" not in text] == []
    assert "```mermaid\nflowchart LR\n" in text


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.id)
def test_tables_are_whole(template: catalog.Template) -> None:
    rows = [line for line in (template.folder / "README.md").read_text().splitlines() if line.startswith("|")]
    heads = {number for number, line in enumerate(rows) if set(line) <= {"|", "-"}}
    bars = [line.replace("\\|", "").count("|") for line in rows]
    for number in range(len(rows)):
        if number not in heads and number + 1 not in heads:
            assert bars[number] == bars[number - 1], rows[number]


def test_a_large_template_is_deployed_by_way_of_a_bucket() -> None:
    sizes = {template: template.path.stat().st_size for template in TEMPLATES}
    for template, size in sizes.items():
        assert ("--s3-bucket" in (template.folder / "README.md").read_text()) == (size > 51200), name(template.path)


def test_check_names_a_stale_readme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = Catalogue(tmp_path)
    template = small.template({"part": PARAMETER})
    template.path.write_text(assemble(template))
    monkeypatch.setattr(catalog, "templates", lambda root=tmp_path: [template])
    check = CliRunner().invoke(main, ["assemble", "--check"])
    assert (check.exit_code, "README.md isn't current. Run: smproject assemble" in check.output) == (1, True)
    assert CliRunner().invoke(main, ["assemble"]).exit_code == 0
    assert CliRunner().invoke(main, ["assemble", "--check"]).exit_code == 0
    template.path.write_text(assemble(template).replace("A key.", "Another key."))
    assert "README.md isn't current" in CliRunner().invoke(main, ["assemble", "--check"]).output
