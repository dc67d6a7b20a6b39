"""Secrets Manager's secrets and their policies."""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.cloudformation.api import call, known
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, provides
from smproject.sandbox.cloudformation.simple import Answer, Simple
from smproject.sandbox.cloudformation.tags import Tagging

_GENERATE = ("GenerateStringKey", "SecretStringTemplate")


@provides
class Secret(Simple):
    """A secret, given or generated; `Ref` is its ARN. Replicas in other regions are not made here."""

    type, service, ref = "AWS::SecretsManager::Secret", "secretsmanager", "ARN"
    creates, updates, deletes, delete_member = "CreateSecret", "UpdateSecret", "DeleteSecret", "SecretId"
    patches = True
    name_property, name_limit = "Name", 256
    tagging = Tagging("SecretId")

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the secret; generate its text if the template asks for that."""
        return super().create(context, self._filled(context, properties, True))

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change text, description, key and tags; generate anew only when what to generate changes."""
        anew = "GenerateSecretString" in changed(before, after)
        had, wanted = self._filled(context, before, False), self._filled(context, after, anew)
        return super().update(context, made, had, wanted)

    def _filled(self, context: Context, properties: Properties, generate: bool) -> Properties:
        known(properties, "Description", "GenerateSecretString", "KmsKeyId", "Name", "SecretString", "Tags")
        rest = {name: item for name, item in properties.items() if name != "GenerateSecretString"}
        wanted = properties.get("GenerateSecretString")
        if wanted is None or not generate:
            return rest
        if "SecretString" in rest:
            raise ValueError("Cannot specify both SecretString and GenerateSecretString.")
        return rest | {"SecretString": _generated(context.client("secretsmanager"), wanted)}

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the ARN."""
        return Made(answer["ARN"], {"Id": answer["ARN"]})

    def name(self, made: Made) -> str:
        """Return the ARN, by which the API knows a secret too."""
        return made.ref

    def target(self, made: Made) -> Properties:
        """Name the secret."""
        return {"SecretId": made.ref}

    def _update_request(self, client: Any, made: Made, before: Properties, after: Properties, separate: Any) -> Any:
        old, new = ({k: v for k, v in side.items() if k != "Name"} for side in (before, after))
        request = super()._update_request(client, made, old, new, separate)
        return {name: item for name, item in request.items() if name != "Name"} | {"SecretId": made.ref}

    def delete(self, context: Context, made: Made) -> None:
        """Delete the secret at once, as CloudFormation does, so that its name is free again."""
        call(
            context.client("secretsmanager"), "DeleteSecret", {"SecretId": made.ref, "ForceDeleteWithoutRecovery": True}
        )


def _generated(client: Any, wanted: Properties) -> str:
    """Return a random text, within the template's JSON under its key when there is one."""
    password = call(client, "GetRandomPassword", {k: v for k, v in wanted.items() if k not in _GENERATE})
    text = str(password["RandomPassword"])
    if not any(name in wanted for name in _GENERATE):
        return text
    return json.dumps({**json.loads(wanted["SecretStringTemplate"]), wanted["GenerateStringKey"]: text})


@provides
class ResourcePolicy(Simple):
    """A secret's policy."""

    type, service, ref = "AWS::SecretsManager::ResourcePolicy", "secretsmanager", "SecretId"
    creates, updates, deletes = "PutResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy"
    delete_member, documents = "SecretId", ("ResourcePolicy",)
    update_keys = ("SecretId",)

    def made(self, sent: Properties, answer: Answer) -> Made:
        """`Ref` is the secret's ARN."""
        return Made(sent["SecretId"], {"Id": sent["SecretId"]})
