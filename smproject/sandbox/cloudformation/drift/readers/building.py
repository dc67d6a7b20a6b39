"""What ECR, CodeBuild and SageMaker tell of repositories, projects and model package groups."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.drift.reader import READERS, Item, Read, Reader, absent, capitalised, member, tags
from smproject.sandbox.cloudformation.provider import Made


def _repository(client: Any, made: Made) -> Item:
    return dict(client.describe_repositories(repositoryNames=[made.ref])["repositories"][0])


def _capitalised(name: str) -> Read:
    return lambda client, made, found: capitalised(found.get(f"{name[:1].lower()}{name[1:]}"))


def _lifecycle(client: Any, made: Made, found: Item) -> Any:
    answer = absent(lambda: client.get_lifecycle_policy(repositoryName=made.ref))
    return answer and {"LifecyclePolicyText": answer["lifecyclePolicyText"]}


def _access(client: Any, made: Made, found: Item) -> Any:
    answer = absent(lambda: client.get_repository_policy(repositoryName=made.ref))
    return answer and json.loads(answer["policyText"])


def _repository_tags(client: Any, made: Made, found: Item) -> Any:
    return tags(client.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"])


def _project(client: Any, made: Made) -> Item:
    return next(map(dict, client.batch_get_projects(names=[made.ref])["projects"]), {})


def _source(client: Any, made: Made, found: Item) -> Any:
    source = capitalised(found["source"])
    return source | ({"BuildSpec": source.pop("Buildspec")} if "Buildspec" in source else {})


def _group(client: Any, made: Made) -> Item:
    return dict(client.describe_model_package_group(ModelPackageGroupName=made.ref))


def _group_policy(client: Any, made: Made, found: Item) -> Any:
    name = found["ModelPackageGroupName"]
    answer = absent(lambda: client.get_model_package_group_policy(ModelPackageGroupName=name))
    return answer and json.loads(answer["ResourcePolicy"])


READERS["AWS::ECR::Repository"] = Reader(
    "ecr",
    _repository,
    {
        name: _capitalised(name)
        for name in ("EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability", "RepositoryName")
    }
    | {"LifecyclePolicy": _lifecycle, "RepositoryPolicyText": _access, "Tags": _repository_tags},
)
READERS["AWS::CodeBuild::Project"] = Reader(
    "codebuild",
    _project,
    {
        name: _capitalised(name)
        for name in (
            "Artifacts",
            "Cache",
            "Description",
            "EncryptionKey",
            "Environment",
            "Name",
            "QueuedTimeoutInMinutes",
            "ServiceRole",
            "TimeoutInMinutes",
        )
    }
    | {"Source": _source, "Tags": lambda client, made, found: tags(found.get("tags"), "key", "value")},
)
READERS["AWS::SageMaker::ModelPackageGroup"] = Reader(
    "sagemaker",
    _group,
    {name: member(name) for name in ("ModelPackageGroupDescription", "ModelPackageGroupName")}
    | {
        "ModelPackageGroupPolicy": _group_policy,
        "Tags": lambda client, made, found: tags(client.list_tags(ResourceArn=made.ref)["Tags"]),
    },
)
