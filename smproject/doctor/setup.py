"""Checks of what publishing and sharing deploy: stacks, and where an account looks for the catalogue."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from smproject import stacks
from smproject.doctor.check import check
from smproject.doctor.findings import ERROR, WARNING, Found
from smproject.doctor.place import Place, aws
from smproject.publishing.hub import LOCATION

_UPDATED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")


@check(
    "stack-state",
    "The stacks of bucket and launch roles are there, and can be updated.",
    ERROR,
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html",
)
def stack_state(place: Place) -> Iterator[Found]:
    """Look at the stacks that each place must have."""
    for template_id in _stacks(place):
        stack, name = place.stack(template_id), stacks.stack_name(place.published.template(template_id))
        if stack is None:
            yield Found(f"there is no stack {name}.", place.preparation)
        elif stack["StackStatus"] not in _UPDATED:
            yield Found(f"stack {name} is {stack['StackStatus']}.", _settle(place, name, stack["StackStatus"]))


@check(
    "stack-version",
    "These stacks are made from the templates of this repository.",
    WARNING,
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html",
)
def stack_version(place: Place) -> Iterator[Found]:
    """Compare the deployed templates with this repository's."""
    for template_id in _stacks(place):
        if (stack := place.stack(template_id)) and not place.is_current(template_id):
            version = stacks.outputs_of(stack).get("TemplateVersion", "unknown")
            told = f"stack {stack['StackName']} is made from another {template_id}, version {version}."
            yield Found(told, place.preparation)


@check(
    "catalogue-location",
    "The account knows the catalogue's bucket, from which its projects are seeded.",
    ERROR,
    "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references-ssm.html",
)
def catalogue_location(place: Place) -> Iterator[Found]:
    """Read the parameter in which templates look the bucket up."""
    try:
        value = place.client("ssm").get_parameter(Name=LOCATION)["Parameter"]["Value"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        value = ""
    if value != place.published.bucket and place.stack("launch-role"):
        wanted = ["--name", LOCATION, "--type", "String", "--value", place.published.bucket, "--overwrite"]
        told = f"parameter {LOCATION} is {value or 'missing'}, not {place.published.bucket}."
        yield Found(told, aws("ssm", "put-parameter", *wanted))


def _settle(place: Place, name: str, status: str) -> str:
    """The command that brings a stack back; one that was never made, or half deleted, is made anew."""
    if status in stacks.MENDS:
        return aws("cloudformation", stacks.MENDS[status], "--stack-name", name)
    if status.endswith("_IN_PROGRESS"):
        return aws("cloudformation", "describe-stack-events", "--stack-name", name)
    return f"{aws('cloudformation', 'delete-stack', '--stack-name', name)} && {place.preparation}"


def _stacks(place: Place) -> tuple[str, ...]:
    return ("catalog-bucket", "launch-role") if place.is_hub else ("launch-role",)


CHECKS = (stack_state, stack_version, catalogue_location)
