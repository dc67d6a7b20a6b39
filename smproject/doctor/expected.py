"""What a deployed stack's resources should be: this repository's template with the values of the stack."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from smproject import stacks
from smproject.doctor.place import Place
from smproject.estimate.conditions import made
from smproject.looking import reading
from smproject.looking.reading import listed

_NAME = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")
Document = Mapping[str, Any]
# ARNs of the types whose ARN those templates ask for.
ARNS = {
    "AWS::IAM::Role": "arn:{partition}:iam::{account}:role/{name}",
    "AWS::KMS::Key": "arn:{partition}:kms:{region}:{account}:key/{name}",
    "AWS::S3::Bucket": "arn:{partition}:s3:::{name}",
}


def resources(place: Place, template_id: str) -> dict[str, dict[str, Any]]:
    """Resources of a template as its stack in a place should have them, where their conditions are met.

    The templates that publishing deploys refer by Ref, Fn::Sub and Fn::GetAtt of ARNs alone. What the stack does not
    have, as it is of another version, stays a name.
    """
    return place.once(("expected", template_id), lambda: _resources(place, template_id))


def _resources(place: Place, template_id: str) -> dict[str, dict[str, Any]]:
    content = reading.read(place.published.template(template_id).path)
    defaults = {key: str(each["Default"]) for key, each in content["Parameters"].items() if "Default" in each}
    region = place.session.region_name
    values = {
        **defaults,
        **stacks.parameters_of(place.stack(template_id) or {}),
        **_names(place, template_id),
        "AWS::AccountId": place.account,
        "AWS::Partition": place.partition,
        "AWS::Region": region,
        "AWS::URLSuffix": "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com",
    }
    return {key: _resolved(each, values) for key, each in made(content, values).items()}


def _names(place: Place, template_id: str) -> dict[str, str]:
    """What references to a stack's resources are."""
    stack, found = place.stack(template_id), {}
    pages = place.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=stack["StackName"]) if stack else ():
        for each in page["StackResourceSummaries"]:
            physical = each.get("PhysicalResourceId", "")
            found[each["LogicalResourceId"]] = physical
            if pattern := ARNS.get(each["ResourceType"]):
                found[f"{each['LogicalResourceId']}.Arn"] = pattern.format(
                    partition=place.partition, region=place.session.region_name, account=place.account, name=physical
                )
    return found


def differences(expected: Document, live: Document) -> tuple[list[Document], list[Document]]:
    """Statements of the expected policy that the live one lacks, and those that it has beyond."""
    ours, theirs = listed(expected["Statement"]), listed(live.get("Statement", []))
    lacking = [each for each in ours if _plain(each) not in map(_plain, theirs)]
    return lacking, [each for each in theirs if _plain(each) not in map(_plain, ours)]


def told(statements: list[Document]) -> str:
    """Statements by their Sid, or by whom they trust."""
    return ", ".join(str(each.get("Sid") or "/".join(principals(each))) for each in statements)


def principals(statement: Document) -> Iterator[str]:
    """Yield whom a statement names, services and accounts alike."""
    named = statement.get("Principal", {})
    for each in named.values() if isinstance(named, Mapping) else [named]:
        yield from listed(each)


def _plain(value: Any) -> Any:
    """A policy's part in one form: AWS gives a list of one as its item, lists in any order, and false as text."""
    if isinstance(value, Mapping):
        return tuple(sorted((key, _plain(each)) for key, each in value.items()))
    if isinstance(value, list) and len(value) != 1:
        return tuple(sorted((_plain(each) for each in value), key=repr))
    if isinstance(value, list):
        return _plain(value[0])
    return str(value).lower() if isinstance(value, bool) else value


def _resolved(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_resolved(each, values) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        function, argument = next(iter(value.items()))
        if function == "Ref":
            return values.get(argument, argument)
        if function == "Fn::GetAtt":
            return values.get(".".join(argument), ".".join(argument))
        if function == "Fn::Sub":
            return _NAME.sub(lambda match: values.get(match[1], match[0]), argument)
    return {key: _resolved(each, values) for key, each in value.items()}
