"""What linters are told to overlook is listed, with a reason each."""

import re
from pathlib import Path

from catalogue import Catalogue
from policies import ROOT

from smproject.suppressions import PAGE, Suppression, page, suppressions

QUEUE = """
    Description: Part

    Resources:
      PartQueue:
        Type: AWS::SQS::Queue
        Metadata:
          # It has one of the two,
          # which cfn-lint does not see.
          cfn-lint: {config: {ignore_checks: [E3003]}}
          checkov:
            skip:
              - {id: CKV_AWS_27, comment: Nothing secret.}
        Properties:
          QueueName: part
    """


def test_the_page_lists_every_suppression() -> None:
    assert (ROOT / PAGE).read_text() == page(), "run: python -m smproject.suppressions"


def test_every_suppression_gives_its_reason() -> None:
    found = list(suppressions())
    assert found
    assert [each for each in found if len(each.reason.split()) < 3] == []


def test_those_of_both_linters_are_read_with_their_reasons(tmp_path: Path) -> None:
    Catalogue(tmp_path).write("project_templates/fragments/part.yaml", QUEUE)
    assert list(suppressions(tmp_path)) == [
        Suppression("CKV_AWS_27", "PartQueue", "part", "Nothing secret."),
        Suppression("E3003", "PartQueue", "part", "It has one of the two, which cfn-lint does not see."),
    ]


def test_nothing_is_suppressed_for_more_than_a_resource() -> None:
    listed = {each.check for each in suppressions()}
    for path in (ROOT / "project_templates/fragments").glob("*.yaml"):
        assert set(re.findall(r"\bCKV\w*_\d+\b", path.read_text())) <= listed
    assert not [name for name in (".checkov.yaml", ".checkov.yml", ".cfnlintrc") if (ROOT / name).exists()]
