"""Fragments into template.yaml, by text: what a fragment says, and its comments, arrive as they were written."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from smproject.catalog import Seed, Template
from smproject.errors import AssemblyError, CatalogError
from smproject.seeds import seed_key, version

SECTIONS = ("Parameters", "Rules", "Conditions", "Resources", "Outputs")
HEADER = "# Generated from project.yaml and its fragments. Edit those, then run: smproject assemble\n"
SECTION = re.compile(r"^([A-Z]\w*):", re.MULTILINE)
KEY = re.compile(r"^  ([A-Za-z0-9]+):", re.MULTILINE)


@dataclass(frozen=True)
class Fragment:
    """One CloudFormation file: its name, what it is about, and the text of each section."""

    name: str
    description: str
    sections: dict[str, str]

    def keys(self, section: str) -> list[str]:
        """Names that the fragment defines in a section, in order."""
        return KEY.findall(self.sections.get(section, ""))


def read_fragment(path: Path) -> Fragment:
    """Read a fragment; raises CatalogError when it is missing or holds anything but its sections."""
    if not path.is_file():
        raise CatalogError(f"{path}: no such fragment. Write it, or mend the manifest that names it.")
    head, *pieces = SECTION.split(path.read_text())
    texts = dict(zip(pieces[::2], pieces[1::2], strict=True))
    if head.strip():
        raise CatalogError(f"{path}: found text before the first section. Move it into a section; it would be lost.")
    for section in texts:
        if section not in ("Description", *SECTIONS):
            raise CatalogError(f"{path}: unknown section {section!r}. Use Description, {', '.join(SECTIONS)}.")
    if not texts.get("Description", "").strip():
        raise CatalogError(f"{path}: Description is missing. Add one: it labels the fragment's parameters.")
    description = yaml.safe_load(texts.pop("Description"))
    return Fragment(path.stem, description, {name: text.strip("\n") for name, text in texts.items()})


def assemble(template: Template) -> str:
    """Return the text of template.yaml; raises AssemblyError when fragments or seeds don't fit together."""
    fragments = [read_fragment(template.fragment_path(name)) for name in template.fragments]
    _refuse_duplicates(fragments)
    parameters = _section("Parameters", fragments)
    for seed in (each for each in template.seeds if each.parameter):
        parameters = _with_default(parameters, seed, template)
    between = [_section(name, fragments) for name in ("Rules", "Conditions", "Resources")]
    outputs = (_section("Outputs", fragments) or "Outputs:") + "\n" + _origin(template)
    return "\n\n".join([_head(template), *filter(None, [_metadata(fragments), parameters, *between]), outputs]) + "\n"


def is_current(template: Template) -> bool:
    """Whether the committed template.yaml is what its fragments and seeds make."""
    text = assemble(template)
    return template.path.is_file() and template.path.read_text() == text


def _refuse_duplicates(fragments: list[Fragment]) -> None:
    for section in SECTIONS:
        owner: dict[str, str] = {}
        for fragment in fragments:
            for key in fragment.keys(section):
                if key in owner:
                    raise AssemblyError(
                        f"{section}.{key} is defined in fragments {owner[key]!r} and {fragment.name!r}. "
                        "Rename one, or leave one of the fragments out of the manifest."
                    )
                owner[key] = fragment.name


def _head(template: Template) -> str:
    description = _quoted(f"{template.title}. {template.description}")
    return f'{HEADER}AWSTemplateFormatVersion: "2010-09-09"\nDescription: {description}'


def _quoted(text: str) -> str:
    """A YAML string that may hold any character; JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=False)


def _metadata(fragments: list[Fragment]) -> str:
    lines = ["Metadata:", "  AWS::CloudFormation::Interface:", "    ParameterGroups:"]
    for fragment in fragments:
        if keys := fragment.keys("Parameters"):
            lines += ["      - Label:", f"          default: {_quoted(fragment.description)}", "        Parameters:"]
            lines += [f"          - {key}" for key in keys]
    return "\n".join(lines) if len(lines) > 3 else ""


def _section(name: str, fragments: list[Fragment]) -> str:
    texts = [fragment.sections[name] for fragment in fragments if name in fragment.sections]
    # Resources are paragraphs; the short entries of the other sections read better without gaps.
    between = "\n\n" if name == "Resources" else "\n"
    return f"{name}:\n{between.join(texts)}" if texts else ""


def _with_default(parameters: str, seed: Seed, template: Template) -> str:
    line = f"  {seed.parameter}:\n"
    if line not in parameters:
        raise AssemblyError(
            f"{template.folder / 'project.yaml'}: seed {seed.id!r} names parameter {seed.parameter!r}, which no "
            "fragment defines. Name the parameter that takes the seed's key."
        )
    return parameters.replace(line, f"{line}    Default: {seed_key(template, seed)}\n")


def _origin(template: Template) -> str:
    """Outputs by which a running stack says what it came from."""
    return (
        "  TemplateId:\n    Description: Template that this stack was made from.\n"
        f"    Value: {template.id}\n"
        "  TemplateVersion:\n    Description: Version of that template.\n"
        f'    Value: "{version(template.root)}"'
    )
