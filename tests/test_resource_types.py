"""The page of resource types says what the code executes."""

from __future__ import annotations

import pytest

from smproject.sandbox.cloudformation import schemas, types
from smproject.sandbox.cloudformation.provider import PROVIDERS
from smproject.sandbox.cloudformation.reference import PAGE, page

types.load()


def test_the_page_is_what_the_code_says() -> None:
    told = "run `python -m smproject.sandbox.cloudformation.reference`"
    assert PAGE.read_text() == page(), told


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_type_says_in_a_sentence_what_it_is(name: str) -> None:
    first = (type(PROVIDERS[name]).__doc__ or "").partition("\n")[0]
    assert first.endswith(".")


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_type_is_one_that_aws_publishes(name: str) -> None:
    assert schemas.find(name) is not None
