"""AWS::Serverless-2016-10-31, done by AWS's own translator.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-aws-serverless.html
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import boto3

from smproject.sandbox.cloudformation.syntax import invalid

_NAME = "AWS::Serverless-2016-10-31"
_APPLICATION = "AWS::Serverless::Application"


def expand(template: dict[str, Any], parameters: dict[str, Any], region: str) -> dict[str, Any]:
    """Return a template whose serverless resources are CloudFormation's; raises ServiceError for what SAM refuses.

    Of AWS's managed policies those are known by name that the translator carries.
    """
    # These take a second: not at the start.
    from samtranslator.model.exceptions import InvalidDocumentException  # noqa: PLC0415
    from samtranslator.parser.parser import Parser  # noqa: PLC0415
    from samtranslator.translator.translator import Translator  # noqa: PLC0415

    _refuse_published(template)
    session = boto3.Session(region_name=region)  # which tells the partition; nothing is called
    try:
        translator = Translator({}, Parser(), boto_session=session)
        return dict(translator.translate(deepcopy(template), parameter_values=dict(parameters)))
    except InvalidDocumentException as error:
        causes = " ".join(str(cause.message) for cause in error.causes)
        raise invalid(f"Transform {_NAME} failed with: {error.message} {causes}") from error


def _refuse_published(template: dict[str, Any]) -> None:
    """Refuse applications that lie in AWS's repository, which the translator would ask for them."""
    for name, item in template.get("Resources", {}).items():
        location = item.get("Properties", {}).get("Location") if item.get("Type") == _APPLICATION else None
        if isinstance(location, dict) and "ApplicationId" in location:
            raise invalid(f"The sandbox has no AWS Serverless Application Repository: {name} can't be made.")
