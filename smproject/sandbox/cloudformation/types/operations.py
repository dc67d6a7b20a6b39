"""Types that are one API call to create and one to delete: `Simple` translates the properties into the request."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from botocore import xform_name

from smproject.sandbox.cloudformation.provider import (
    Context,
    Made,
    Properties,
    Provider,
    known,
    provides,
    request,
    undone_on_failure,
)

Answer = dict[str, Any]


class Simple(Provider):
    """A resource made by one call; subclasses say which, and read `Ref` and attributes out of the answer."""

    service: ClassVar[str]
    creates: ClassVar[str]
    deletes: ClassVar[str]
    delete_member: ClassVar[str]  # the delete request's member that takes `Ref`
    name_property: ClassVar[str] = ""  # named by CloudFormation when the template doesn't
    name_limit: ClassVar[int] = 63
    tags_as: ClassVar[tuple[str, str, str]] = ("tags", "key", "value")  # how the API spells tags; "" when it has none
    json_members: ClassVar[tuple[str, ...]] = ()  # members that the API takes as JSON text
    renames: ClassVar[dict[str, str]] = {}  # property -> the API's member, where the names differ

    def create(self, context: Context, properties: Properties) -> Made:
        """Make the call and read the answer."""
        client = context.client(self.service)
        translated = request(client, self.creates, self.translate(context, dict(properties)))
        answer = getattr(client, xform_name(self.creates))(**translated)
        return self.made(translated, answer)

    def translate(self, context: Context, properties: Properties) -> Properties:
        """Return the properties as the API's members."""
        if self.name_property and self.name_property not in properties:
            properties[self.name_property] = context.name(self.name_limit)
        for member in set(self.json_members) & set(properties):
            properties[member] = json.dumps(properties[member])
        member, key, value = self.tags_as
        tags = properties.pop("Tags", None)
        if member and (listed := context.tag_list(_tag_items(tags), key, value)):
            properties[member] = {t[key]: t[value] for t in listed} if member.endswith("{}") else listed
        return {self.renames.get(name, name).removesuffix("{}"): item for name, item in properties.items()}

    def made(self, sent: Properties, answer: Answer) -> Made:
        """Return the resource from what was sent and answered."""
        raise NotImplementedError

    def delete(self, context: Context, made: Made) -> None:
        """Delete by the member that takes `Ref`."""
        getattr(context.client(self.service), xform_name(self.deletes))(**{self.delete_member: made.ref})


def _tag_items(tags: Any) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in tags.items()] if isinstance(tags, dict) else tags or []


@provides
class SsmParameter(Simple):
    """A parameter of Systems Manager."""

    type, service = "AWS::SSM::Parameter", "ssm"
    creates, deletes, delete_member = "PutParameter", "DeleteParameter", "Name"
    name_property, tags_as = "Name", ("Tags", "Key", "Value")

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["Name"], {"Type": sent["Type"], "Value": sent["Value"]})


@provides
class LogGroup(Provider):
    """A log group with its retention."""

    type = "AWS::Logs::LogGroup"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the group and set its retention."""
        known(properties, "LogGroupName", "KmsKeyId", "RetentionInDays", "Tags")
        logs, name = context.client("logs"), properties.get("LogGroupName") or context.name(512)
        optional = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        tags = {t["Key"]: t["Value"] for t in context.tag_list(properties.get("Tags"))}
        logs.create_log_group(logGroupName=name, tags=tags, **optional)
        made = Made(name, {"Arn": context.caller.arn_of("logs", f"log-group:{name}:*")})
        if days := properties.get("RetentionInDays"):
            with undone_on_failure(lambda: self.delete(context, made)):
                logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the group and what was logged."""
        context.client("logs").delete_log_group(logGroupName=made.ref)


@provides
class ImageRepository(Simple):
    """An ECR repository."""

    type, service = "AWS::ECR::Repository", "ecr"
    creates, deletes, delete_member = "CreateRepository", "DeleteRepository", "repositoryName"
    name_property, tags_as = "RepositoryName", ("tags", "Key", "Value")

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the repository, then put its life-cycle and access policies."""
        rest = {
            k: v for k, v in properties.items() if k not in ("LifecyclePolicy", "RepositoryPolicyText", "EmptyOnDelete")
        }
        made = super().create(context, rest)
        made.attributes["_force"] = bool(properties.get("EmptyOnDelete"))
        ecr = context.client("ecr")
        with undone_on_failure(lambda: self.delete(context, made)):
            if text := properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText"):
                ecr.put_lifecycle_policy(repositoryName=made.ref, lifecyclePolicyText=text)
            if policy := properties.get("RepositoryPolicyText"):
                ecr.set_repository_policy(repositoryName=made.ref, policyText=json.dumps(policy))
        return made

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        repository = answer["repository"]
        return Made(
            sent["repositoryName"], {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}
        )

    def delete(self, context: Context, made: Made) -> None:
        """Delete the repository; one with images only when the template says EmptyOnDelete."""
        context.client("ecr").delete_repository(repositoryName=made.ref, force=made.attributes["_force"])


@provides
class Build(Simple):
    """A CodeBuild project."""

    type, service = "AWS::CodeBuild::Project", "codebuild"
    creates, deletes, delete_member = "CreateProject", "DeleteProject", "name"
    name_property = "Name"

    def translate(self, context: Context, properties: Properties) -> Properties:
        """Rename the buildspec, the one member whose API name differs by more than case."""
        source = dict(properties["Source"])
        if "BuildSpec" in source:
            source["buildspec"] = source.pop("BuildSpec")
        return super().translate(context, properties | {"Source": source})

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["name"], {"Arn": answer["project"]["arn"]})


@provides
class Pipeline(Simple):
    """A CodePipeline pipeline; creating it starts its first execution."""

    type, service = "AWS::CodePipeline::Pipeline", "codepipeline"
    creates, deletes, delete_member = "CreatePipeline", "DeletePipeline", "name"
    name_property = "Name"

    def translate(self, context: Context, properties: Properties) -> Properties:
        """Nest the properties under `pipeline`, beside the tags."""
        properties.pop("RestartExecutionOnUpdate", None)
        translated = super().translate(context, properties)
        tags = {"tags": translated.pop("tags")} if "tags" in translated else {}
        return {"pipeline": translated, **tags}

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the name."""
        return Made(sent["pipeline"]["name"], {"Version": str(answer["pipeline"]["version"])})


@provides
class Repository(Provider):
    """A CodeCommit repository, seeded from an archive in S3."""

    type = "AWS::CodeCommit::Repository"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the repository and its first commit."""
        client, code = context.client("codecommit"), properties.get("Code")
        wanted = {k: v for k, v in properties.items() if k not in ("Code", "Tags")}
        wanted["tags"] = {t["Key"]: t["Value"] for t in context.tag_list(properties.get("Tags"))}
        archive = self._archive(context, code["S3"]) if code else b""  # read first: a missing archive makes nothing
        found = client.create_repository(**request(client, "CreateRepository", wanted))["repositoryMetadata"]
        attributes = {
            "Arn": "Arn",
            "Name": "repositoryName",
            "CloneUrlHttp": "cloneUrlHttp",
            "CloneUrlSsh": "cloneUrlSsh",
        }
        made = Made(found["repositoryId"], {name: found.get(member, "") for name, member in attributes.items()})
        if code:
            codecommit: Any = context.world.services["codecommit"]
            with undone_on_failure(lambda: self.delete(context, made)):
                codecommit.seed(context.caller, made.attributes["Name"], archive, code.get("BranchName", "main"))
        return made

    def _archive(self, context: Context, location: Properties) -> bytes:
        version = {"VersionId": location["ObjectVersion"]} if "ObjectVersion" in location else {}
        found = context.client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"], **version)
        return bytes(found["Body"].read())

    def delete(self, context: Context, made: Made) -> None:
        """Delete the repository with its history."""
        context.client("codecommit").delete_repository(repositoryName=made.attributes["Name"])


@provides
class Rule(Provider):
    """An EventBridge rule with its targets."""

    type = "AWS::Events::Rule"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the rule, then its targets."""
        events, name = context.client("events"), properties.get("Name") or context.name(64)
        rule = {k: v for k, v in properties.items() if k not in ("Targets", "Tags")} | {"Name": name}
        if "EventPattern" in rule:
            rule["EventPattern"] = json.dumps(rule["EventPattern"])
        arn = events.put_rule(**request(events, "PutRule", rule))["RuleArn"]
        made = Made(name, {"Arn": arn})
        if targets := properties.get("Targets"):
            with undone_on_failure(lambda: self.delete(context, made)):
                events.put_targets(**request(events, "PutTargets", {"Rule": name, "Targets": targets}))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Remove the targets, then the rule."""
        events = context.client("events")
        ids = [target["Id"] for target in events.list_targets_by_rule(Rule=made.ref)["Targets"]]
        if ids:
            events.remove_targets(Rule=made.ref, Ids=ids)
        events.delete_rule(Name=made.ref)
