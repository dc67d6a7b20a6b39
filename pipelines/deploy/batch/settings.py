"""What the render of scoring is told: what a deployment's render is, save that there may be no other accounts."""

import os
from collections.abc import Mapping

from pipelines.deploy.realtime.settings import RENDER, RenderSettings
from pipelines.variables import Variable, read

OPTIONAL = (r"(\d{12})?", "the 12 digits of an AWS account, or empty")
VARIABLES = {
    **RENDER,
    "staging_account_id": Variable("STAGING_ACCOUNT_ID", *OPTIONAL, default=""),
    "production_account_id": Variable("PRODUCTION_ACCOUNT_ID", *OPTIONAL, default=""),
}


class BatchSettings(RenderSettings):
    """What the render is told."""

    @property
    def owner(self) -> str:
        """Project after which roles and bucket are named: in other accounts that of the models, here this one."""
        return self.model_project_id if self.staging_account_id else self.project_id


def from_environment(environment: Mapping[str, str] = os.environ) -> BatchSettings:
    """Read and check the variables; SettingsError lists all that are wrong at once."""
    return BatchSettings(**read(VARIABLES, environment))
