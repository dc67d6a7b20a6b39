"""CodeCommit repositories."""

from __future__ import annotations

from typing import Any

from smproject.sandbox.cloudformation.api import call, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging, plain

_ATTRIBUTES = {
    "Arn": "Arn",
    "RepositoryId": "repositoryId",
    "Name": "repositoryName",
    "CloneUrlHttp": "cloneUrlHttp",
    "CloneUrlSsh": "cloneUrlSsh",
}
_TAGS = Tagging("resourceArn", spelling=None)


@provides
class Repository(Provider):
    """A CodeCommit repository, seeded from an archive in S3."""

    type = "AWS::CodeCommit::Repository"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the repository and its first commit."""
        client, code = context.client("codecommit"), properties.get("Code")
        wanted = {k: v for k, v in properties.items() if k != "Code"} | {"tags": plain(properties.get("Tags"))}
        wanted.pop("Tags", None)
        archive = self._archive(context, code["S3"]) if code else b""  # read first: a missing archive makes nothing
        found = call(client, "CreateRepository", wanted)["repositoryMetadata"]
        made = Made(found["repositoryId"], {name: found.get(member, "") for name, member in _ATTRIBUTES.items()})
        if code:
            codecommit: Any = context.world.services["codecommit"]
            with undone_on_failure(lambda: self.delete(context, made)):
                codecommit.seed(context.caller, made.attributes["Name"], archive, code.get("BranchName", "main"))
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change description and tags. `Code` is what the repository began with: AWS ignores its changes too.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-codecommit-repository-code.html
        """
        updatable(before, after, "RepositoryDescription", "Code", "Tags")
        client = context.client("codecommit")
        if "RepositoryDescription" in changed(before, after):
            description = after.get("RepositoryDescription", "")
            client.update_repository_description(
                repositoryName=made.attributes["Name"], repositoryDescription=description
            )
        _TAGS.update(client, made.attributes["Arn"], before, after)
        return made

    def _archive(self, context: Context, location: Properties) -> bytes:
        version = {"VersionId": location["ObjectVersion"]} if "ObjectVersion" in location else {}
        found = context.client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"], **version)
        return bytes(found["Body"].read())

    def delete(self, context: Context, made: Made) -> None:
        """Delete the repository with its history."""
        context.client("codecommit").delete_repository(repositoryName=made.attributes["Name"])
