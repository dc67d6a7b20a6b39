"""The templates in AWS's other partitions, China and GovCloud."""

from __future__ import annotations

import pytest
from cfnlint.api import lint_by_config
from cfnlint.config import ManualArgs

from smproject import catalog

# What a Region lacks: there, projects that register models can't be made by these templates.
LACKING = {"cn-north-1": {"Resource type 'AWS::SageMaker::ModelPackageGroup' does not exist in 'cn-north-1'"}}


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_every_template_is_valid_in_the_region(region: str) -> None:
    paths = [str(each.path) for each in catalog.templates()]
    found = lint_by_config(ManualArgs(templates=paths, regions=[region]))
    assert {match.message for match in found} == LACKING.get(region, set())
