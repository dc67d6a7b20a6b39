import json
from pathlib import Path

import pytest
from catalogue import PARAMETER, Catalogue
from click.testing import CliRunner

from smproject.assemble import assemble
from smproject.cli import main
from smproject.compilation import compile_seeds
from smproject.validate import validate

TEMPLATE = "project_templates/example/template.yaml"


@pytest.fixture
def small(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path)


def found(small: Catalogue) -> list[tuple[str, str]]:
    return [(finding.file, finding.rule) for finding in validate(small.root)]


def write(small: Catalogue, fragment: str) -> None:
    template = small.template({"part": fragment})
    template.path.write_text(assemble(template))


def test_this_catalogue_has_nothing_to_mend() -> None:
    result = CliRunner().invoke(main, ["validate", "--output", "json"])
    assert (json.loads(result.stdout), result.exit_code) == ([], 0)


def test_a_good_catalogue_has_no_findings(small: Catalogue) -> None:
    write(small, PARAMETER)
    assert found(small) == []


def test_an_ill_formed_manifest_doesn_t_hide_the_other_templates(small: Catalogue) -> None:
    write(small, PARAMETER.replace("KmsMasterKeyId", "NoSuchProperty"))
    small.write("project_templates/broken/project.yaml", "title: Broken\n")
    files = {file for file, _ in found(small)}
    assert files == {"project_templates/broken/project.yaml", TEMPLATE}


def test_a_template_that_differs_from_its_fragments_is_found(small: Catalogue) -> None:
    write(small, PARAMETER)
    small.write("project_templates/fragments/part.yaml", PARAMETER.replace("A key.", "Some key."))
    assert (TEMPLATE, "assembly") in found(small)


def test_fragments_that_do_not_fit_together_are_found(small: Catalogue) -> None:
    small.template({"part": PARAMETER, "copy": PARAMETER})
    assert found(small) == [("project_templates/example/project.yaml", "assembly")]


def test_both_linters_read_the_template_and_name_the_line(small: Catalogue) -> None:
    write(small, PARAMETER.replace("KmsMasterKeyId: !Ref PartKey", "VisibilityTimeout: !Ref NoSuchThing"))
    lines = (small.root / TEMPLATE).read_text().splitlines()
    wrong = 1 + next(number for number, line in enumerate(lines) if "NoSuchThing" in line)
    findings = [finding for finding in validate(small.root) if finding.line == wrong]
    assert {"E1020"} < {finding.rule for finding in findings}
    assert str(findings[0]).startswith(f"{TEMPLATE}:{wrong} ")


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("raise SystemExit('step train: no such image')\n", "step train: no such image"),
        ("import sys\nprint('what is said first', file=sys.stderr)\nsys.exit(2)\n", "what is said first"),
        ("{}['image']\n", "KeyError: 'image'"),
    ],
)
def test_a_pipeline_that_does_not_compile_says_why(small: Catalogue, program: str, told: str) -> None:
    small.write("pipelines/__init__.py", "")
    small.write("pipelines/run.py", program)
    small.write("pipelines/build/example/pipeline.py", "")
    small.write("seedcode/code/README.md", "# Code\n")
    template = small.template({"part": PARAMETER}, "seeds:\n  - {id: code, parameter: PartKey, parts: [pipelines]}\n")
    compiled = list(compile_seeds([(template, template.seeds[0])]))
    assert {(each.source, each.definition, each.error) for each in compiled} == {
        ("pipelines/build/example/pipeline.py", None, told)
    }
