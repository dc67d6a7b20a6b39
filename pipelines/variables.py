"""Environment variables that the project's stack sets for its builds: their form, and one check for all."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class SettingsError(ValueError):
    """A variable is missing or ill-formed; the message says which, what was found and what to do."""


class Variable(NamedTuple):
    """One environment variable: what it must look like, and that form in words; `example` is one of that form."""

    name: str
    pattern: str
    form: str
    default: str | None = None
    example: str = ""


ARN = r"arn:aws[a-z-]*:{service}:[a-z0-9-]*:\d{{12}}:{resource}"
PROJECT_ID, PROJECT_ID_FORM = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,19}", "1 to 20 letters, digits and hyphens"

# What every build of a project is told, by the field of the settings that each fills.
PROJECT = {
    "project_name": Variable(
        "SAGEMAKER_PROJECT_NAME",
        r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}",
        "1 to 32 letters, digits and hyphens",
        example="example",
    ),
    "project_id": Variable("SAGEMAKER_PROJECT_ID", PROJECT_ID, PROJECT_ID_FORM, example="p-example"),
    "region": Variable("AWS_REGION", r"[a-z]{2}(-[a-z]+)+-\d", "an AWS Region such as us-east-1", example="us-east-1"),
    "bucket": Variable(
        "ARTIFACT_BUCKET",
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "the name of an S3 bucket",
        example="sagemaker-project-p-example-111111111111",
    ),
    "kms_key_arn": Variable(
        "KMS_KEY_ARN",
        ARN.format(service="kms", resource="(key|alias)/.+"),
        "the ARN of a KMS key",
        example="arn:aws:kms:us-east-1:111111111111:key/00000000-0000-0000-0000-000000000000",
    ),
    "model_package_group_name": Variable(
        "MODEL_PACKAGE_GROUP_NAME",
        r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
        "1 to 63 letters, digits and hyphens",
        example="sagemaker-example-p-example",
    ),
}


def read(variables: Mapping[str, Variable], environment: Mapping[str, str]) -> dict[str, Any]:
    """Values by field, each of its variable's form; SettingsError lists all variables that are wrong at once."""
    # The CLI and boto3 know the Region by two names.
    values = {"AWS_REGION": environment.get("AWS_DEFAULT_REGION", ""), **environment}
    problems = [problem for variable in variables.values() if (problem := _problem(variable, values))]
    if problems:
        raise SettingsError("\n".join(problems))
    return {field: values.get(each.name) or each.default for field, each in variables.items()}


def imaginary(variables: Mapping[str, Variable]) -> dict[str, str]:
    """Values of an imaginary project for all variables that have no default."""
    return {each.name: each.example for each in variables.values() if each.default is None}


def _problem(variable: Variable, values: Mapping[str, str]) -> str | None:
    value = values.get(variable.name) or variable.default
    if value is None:
        return f"{variable.name} is not set. Set it to {variable.form}; CodeBuild gets it from the project's stack."
    if not re.fullmatch(variable.pattern, value):
        return f"{variable.name} is {value!r}. It must be {variable.form}."
    return None
