import hashlib
import re
import textwrap
from pathlib import Path

import pytest
import yaml
from catalogue import PARAMETER, Catalogue
from policies import load

from smproject import catalog
from smproject.assemble import assemble, is_current
from smproject.errors import AssemblyError, CatalogError
from smproject.seeds import seed_zip

SEEDS = "seeds:\n  - {id: code, parameter: PartKey, parts: [src]}\n"


@pytest.fixture
def small(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path)


@pytest.mark.parametrize("template", catalog.templates(), ids=lambda template: template.id)
def test_the_committed_template_is_what_its_fragments_make(template: catalog.Template) -> None:
    assert is_current(template), "Run: smproject assemble"


@pytest.mark.parametrize("template", catalog.templates(), ids=lambda template: template.id)
def test_every_template_says_what_it_is_and_of_which_version(template: catalog.Template) -> None:
    outputs = load(template.path)["Outputs"]
    assert outputs["TemplateId"]["Value"] == template.id
    assert outputs["TemplateVersion"]["Value"] == (template.root / "smproject" / "VERSION").read_text().strip()


@pytest.mark.parametrize("template", catalog.templates(), ids=lambda template: template.id)
def test_every_parameter_is_in_one_group(template: catalog.Template) -> None:
    content = load(template.path)
    groups = content["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [parameter for group in groups for parameter in group["Parameters"]]
    assert grouped == list(content["Parameters"])
    assert all(group["Label"]["default"] for group in groups)


def test_comments_and_order_arrive_as_written(small: Catalogue) -> None:
    other = "Description: Other\n\nResources:\n  OtherTopic:\n    Type: AWS::SNS::Topic\n"
    text = assemble(small.template({"part": PARAMETER, "other": other}))
    assert "  # Why it is there.\n  PartKey:" in text
    assert "!Ref PartKey  # by name\n\n  OtherTopic:" in text
    assert text.startswith("# Generated") and "smproject assemble" in text.splitlines()[0]


def test_a_description_may_hold_any_character(small: Catalogue) -> None:
    text = assemble(small.template({"part": PARAMETER.replace("One part", "'One: # \"part\"'")}))
    content = yaml.safe_load(text.replace("!Ref ", ""))
    assert content["Description"] == "Example. Is: small."
    label = content["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"][0]["Label"]
    assert label["default"] == 'One: # "part"'


def test_a_key_defined_twice_is_refused_by_the_names_of_both_fragments(small: Catalogue) -> None:
    with pytest.raises(AssemblyError, match=r"Parameters\.PartKey .*'part' and 'copy'"):
        assemble(small.template({"part": PARAMETER, "copy": PARAMETER}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (PARAMETER + "\n    Transform: AWS::Serverless\n", "'Transform'"),
        ("\n    # Lost.\n" + PARAMETER.lstrip("\n"), "before the first section"),
        (PARAMETER.replace("Description: One part", "Description:"), "Description is missing"),
    ],
)
def test_a_fragment_holds_its_sections_and_nothing_else(small: Catalogue, text: str, told: str) -> None:
    with pytest.raises(CatalogError, match=told):
        assemble(small.template({"part": text}))


def test_rules_come_before_what_they_guard(small: Catalogue) -> None:
    rule = """
        Rules:
          PartRule:
            Assertions:
              - Assert: !Not [!Equals [!Ref PartKey, ""]]
        """
    fragment = PARAMETER.replace("    Resources:", textwrap.indent(textwrap.dedent(rule), "    ") + "\n    Resources:")
    text = assemble(small.template({"part": fragment}))
    assert re.findall(r"^([A-Z]\w+):", text, re.MULTILINE)[2:] == [
        "Metadata",
        "Parameters",
        "Rules",
        "Resources",
        "Outputs",
    ]
    with pytest.raises(AssemblyError, match=r"Rules\.PartRule .*'part' and 'more'"):
        assemble(small.template({"part": fragment, "more": f"Description: More\n{textwrap.dedent(rule)}"}))


def test_a_missing_fragment_is_named(small: Catalogue) -> None:
    template = small.template({"part": PARAMETER})
    template.fragment_path("part").unlink()
    with pytest.raises(CatalogError, match=r"part\.yaml"):
        assemble(template)


def test_the_seed_s_parameter_defaults_to_the_digest_of_its_zip(small: Catalogue) -> None:
    small.write("seedcode/code/README.md", "# Code\n")
    source = small.write("src/a.py", "A = 1\n")
    template = small.template({"part": PARAMETER}, SEEDS)
    text = assemble(template)
    digest = hashlib.sha256(seed_zip(template, template.seeds[0])).hexdigest()[:16]
    assert f"  PartKey:\n    Default: seeds/code/{digest}.zip\n" in text
    source.write_text("A = 2\n")
    assert f"seeds/code/{digest}.zip" not in assemble(template)


def test_a_seed_whose_parameter_no_fragment_defines_is_refused(small: Catalogue) -> None:
    small.write("src/a.py", "")
    small.write("seedcode/code/README.md", "# Code\n")
    with pytest.raises(AssemblyError, match="'NoSuch'"):
        assemble(small.template({"part": PARAMETER}, SEEDS.replace("PartKey", "NoSuch")))


def test_a_template_is_current_until_a_fragment_changes(small: Catalogue) -> None:
    template = small.template({"part": PARAMETER})
    assert not is_current(template)
    template.path.write_text(assemble(template))
    assert is_current(template)
    fragment = template.fragment_path("part")
    fragment.write_text(fragment.read_text().replace("A key.", "Some key."))
    assert not is_current(template)
