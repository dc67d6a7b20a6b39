"""Whose a thing is, for `smproject destroy`."""

import pytest

from smproject.destroy.owner import Owner

OWNER = Owner("churn", "p-abc123", is_live=True)


@pytest.mark.parametrize(
    ("name", "tags", "is_its"),
    [
        ("sagemaker-churn-p-abc123", {}, True),
        ("/aws/codebuild/sagemaker-churn-p-abc123-deploy", {"sagemaker:project-id": "p-abc123"}, True),
        ("anything", {"sagemaker:project-id": "p-abc123"}, True),
        ("sagemaker-churn-p-abc123", {"sagemaker:project-id": "p-other"}, False),
        ("sagemaker-churn-p-abc1234", {}, False),
        ("sagemaker-churn-xp-abc123", {}, False),
        ("sagemaker-churn", {}, False),
        ("sagemaker-churn", {"sagemaker:project-name": "churn"}, False),
    ],
)
def test_a_thing_is_a_project_s_by_its_tag_else_by_the_id_in_its_name(
    name: str, tags: dict[str, str], is_its: bool
) -> None:
    assert OWNER.owns(name, tags) is is_its
