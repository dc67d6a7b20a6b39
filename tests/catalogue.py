"""Small catalogues for tests: a repository of their own, made of text."""

import textwrap
from pathlib import Path

from smproject.catalog import Template, read_manifest

PARAMETER = """
    Description: One part

    Parameters:
      # Why it is there.
      PartKey:
        Type: String
        Description: A key.
        AllowedPattern: ^seeds/.+$

    Resources:
      # A queue.
      PartQueue:
        Type: AWS::SQS::Queue
        Properties:
          KmsMasterKeyId: !Ref PartKey  # by name
    """


class Catalogue:
    """A repository with one template, `example`, in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("smproject/VERSION", "1.2.3\n")

    def write(self, path: str, text: str) -> Path:
        """Write a file, its text unindented."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text).lstrip("\n"))
        return target

    def template(self, fragments: dict[str, str], seeds: str = "") -> Template:
        """Write fragments and manifest, and read the template."""
        for name, text in fragments.items():
            self.write(f"project_templates/fragments/{name}.yaml", text)
        manifest = f"title: Example\ndescription: 'Is: small.'\nfragments: [{', '.join(fragments)}]\n{seeds}"
        return read_manifest(self.write("project_templates/example/project.yaml", manifest))
