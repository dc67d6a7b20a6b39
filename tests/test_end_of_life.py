"""What ends is told 90 days before, and what nobody knows the end of is told at once."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from catalogue import Catalogue
from policies import ROOT

from smproject import end_of_life
from smproject.end_of_life import endings, uses
from smproject.validate import validate

TODAY = date(2026, 11, 22)
FUNCTION = """
    Resources:
      Part:
        Type: AWS::Lambda::Function
        Properties:
          Runtime: python3.13
    """
WHERE = ("project_templates/fragments/part.yaml", 5)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Catalogue(tmp_path).write(WHERE[0], FUNCTION)
    return tmp_path


def ending(days: int) -> dict[str, object]:
    return {"lambda": {"python3.13": {"ends": TODAY + timedelta(days=days), "source": "https://example.com"}}}


def test_the_repository_uses_each_kind_and_every_use_is_known() -> None:
    known, used = end_of_life.read(), {(use.kind, use.name) for use in uses(ROOT)}
    assert {kind for kind, _ in used} == set(known)
    assert used - {(kind, name) for kind, names in known.items() for name in names} == set()


def test_every_date_has_a_source_and_is_used() -> None:
    used = {(use.kind, use.name) for use in uses(ROOT)}
    for kind, names in end_of_life.read().items():
        for name, entry in names.items():
            assert (kind, name) in used
            assert entry["source"].startswith("https://")
            assert isinstance(entry.get("ends", entry.get("checked")), date)


@pytest.mark.parametrize(("days", "told"), [(90, None), (89, "ends on 2027-02-19"), (-1, "ended on 2026-11-21")])
def test_an_end_is_told_90_days_before_with_its_line(root: Path, days: int, told: str | None) -> None:
    found = list(endings(root, TODAY, ending(days)))
    assert [(each.use.file, each.use.line) for each in found] == ([WHERE] if told else [])
    assert all(told in each.message and "https://example.com" in each.message for each in found if told)


def test_what_is_not_in_the_file_is_told(root: Path) -> None:
    (found,) = endings(root, TODAY, {"lambda": {}})
    assert found.message.startswith("lambda python3.13 is not in smproject/end_of_life.yaml. Add when it ends")


@pytest.mark.parametrize(("days", "told"), [(365, 0), (366, 1)])
def test_what_has_no_end_is_looked_up_each_year(root: Path, days: int, told: int) -> None:
    entry = {"checked": TODAY - timedelta(days=days), "source": "https://example.com"}
    assert len(list(endings(root, TODAY, {"lambda": {"python3.13": entry}}))) == told


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("containers/training/x/Dockerfile", "FROM public.ecr.aws/docker/library/python:3.9-slim@sha256:0\n",
         "base image python:3.9-slim"),
        ("containers/training/x/requirements.txt", "numpy==1.0.0\ntorch==2.4.1\n", "package torch 2.4"),
        ("project_templates/fragments/part.yaml", "Image: aws/codebuild/standard:4.0\n",
         "build image aws/codebuild/standard:4.0"),
    ],
)  # fmt: skip
def test_each_kind_is_found_where_it_is_used(tmp_path: Path, path: str, text: str, name: str) -> None:
    Catalogue(tmp_path).write(path, text)
    (found,) = validate(tmp_path)
    assert (found.file, found.rule) == (path, "end-of-life")
    assert found.message.startswith(f"{name} is not in")
