"""Print the S3 URI of the newest approved model, which a new one must not fall behind; nothing when none is approved.

    python -m pipelines.champion

A version that shall not count any more, after a rollback for one, is to be rejected.
"""

import logging
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipelines import settings

logger = logging.getLogger("champion")


def main() -> int:
    """Look it up; exit 2 when settings are wrong or AWS refuses."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        project = settings.from_environment()
        uri = find_champion(project.model_package_group_name, boto3.client("sagemaker", region_name=project.region))
    except (settings.SettingsError, ClientError, BotoCoreError) as error:
        logger.error("%s", error)  # noqa: TRY400  # a message for a person, who has no use for a traceback
        return 2
    sys.stdout.write(f"{uri}\n" if uri else "")
    return 0


def find_champion(group: str, sagemaker: Any) -> str:
    """Return the S3 URI of the group's newest approved model, or nothing."""
    wanted = {"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved", "MaxResults": 1}
    approved = sagemaker.list_model_packages(**wanted, SortBy="CreationTime", SortOrder="Descending")
    for summary in approved["ModelPackageSummaryList"]:
        logger.info("the newest approved version is %s", summary["ModelPackageArn"])
        package = sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"])
        return str(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
    logger.info("no version of %s is approved", group)
    return ""


if __name__ == "__main__":
    sys.exit(main())
