"""Lambda functions, versions, aliases, permissions and layers."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

from smproject.sandbox.cloudformation.api import Setting, call, known, remove, settle, updatable
from smproject.sandbox.cloudformation.changes import Properties, changed
from smproject.sandbox.cloudformation.provider import Context, Made, Provider, provides, undone_on_failure
from smproject.sandbox.cloudformation.tags import Tagging, plain
from smproject.sandbox.functions import cfnresponse

_TAGS = Tagging("Resource", spelling=None)
_RESERVED = {
    "ReservedConcurrentExecutions": Setting(
        "PutFunctionConcurrency",
        lambda count: {"ReservedConcurrentExecutions": count},
        "DeleteFunctionConcurrency",
    )
}
# What UpdateFunctionConfiguration is told of a property that the template no longer has; None: it can't go.
_CONFIGURATION: Properties = {
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {},
    "EphemeralStorage": {"Size": 512},
    "Handler": None,
    "KmsKeyArn": "",
    "Layers": [],
    "LoggingConfig": {"LogFormat": "Text"},
    "MemorySize": 128,
    "Role": None,
    "Runtime": None,
    "SnapStart": {"ApplyOn": "None"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
_FIXED = ("FunctionName", "PackageType")


@provides
class Function(Provider):
    """A function, of code in S3 or in the template."""

    type = "AWS::Lambda::Function"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the function, then reserve its concurrency."""
        known(properties, "Architectures", "Code", "Tags", *_CONFIGURATION, *_FIXED, *_RESERVED)
        client, name = context.client("lambda"), properties.get("FunctionName") or context.name(64)
        wanted = {key: value for key, value in properties.items() if key not in _RESERVED}
        wanted |= {"FunctionName": name, "Code": _code(properties)}
        wanted |= {"Tags": plain(properties["Tags"])} if "Tags" in properties else {}
        made = Made(name, {"Arn": call(client, "CreateFunction", wanted)["FunctionArn"]})
        with undone_on_failure(lambda: self.delete(context, made)):
            settle(client, {"FunctionName": name}, _RESERVED, {}, properties)
        return made

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change configuration, code, concurrency and tags."""
        updatable(before, after, "Architectures", "Code", "Tags", *_CONFIGURATION, *_RESERVED)
        client, target, differ = context.client("lambda"), {"FunctionName": made.ref}, set(changed(before, after))
        if differ & set(_CONFIGURATION):
            wanted = {name: after.get(name, default) for name, default in _CONFIGURATION.items()}
            told = {name: value for name, value in wanted.items() if value is not None}
            call(client, "UpdateFunctionConfiguration", target | told)
        if differ & {"Architectures", "Code"}:
            kind = {"Architectures": after.get("Architectures", ["x86_64"])}
            call(client, "UpdateFunctionCode", target | _code(after) | kind)
        settle(client, target, _RESERVED, before, after)
        _TAGS.update(client, made.attributes["Arn"], before, after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the function with its versions and aliases."""
        remove(context.client("lambda"), "DeleteFunction", {"FunctionName": made.ref})


def _code(properties: Properties) -> Properties:
    """Return code as the API takes it: a template's own text becomes an archive with the module `cfnresponse`."""
    code: Properties = properties["Code"]
    if "ZipFile" not in code:
        return code
    node = str(properties.get("Runtime", "")).startswith("nodejs")
    files = {"index.js" if node else "index.py": str(code["ZipFile"])}
    if not node:
        files["cfnresponse.py"] = Path(cfnresponse.__file__).read_text()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)  # of a fixed date: the same code has the same digest
            entry.external_attr = 0o644 << 16
            made.writestr(entry, text)
    return {"ZipFile": archive.getvalue()}


@provides
class Permission(Provider):
    """A statement of a function's policy."""

    type = "AWS::Lambda::Permission"

    def create(self, context: Context, properties: Properties) -> Made:
        """Add the statement."""
        names = (
            "Action",
            "EventSourceToken",
            "FunctionName",
            "Principal",
            "PrincipalOrgID",
            "SourceAccount",
            "SourceArn",
        )
        known(properties, *names)
        statement = context.name(100)
        call(context.client("lambda"), "AddPermission", properties | {"StatementId": statement})
        return Made(statement, {"Id": statement, "_function": properties["FunctionName"]})

    def delete(self, context: Context, made: Made) -> None:
        """Remove the statement; with its function it is gone already."""
        target = {"FunctionName": made.attributes["_function"], "StatementId": made.ref}
        remove(context.client("lambda"), "RemovePermission", target)


@provides
class Version(Provider):
    """A version: the function as it is now. `Ref` returns its ARN."""

    type = "AWS::Lambda::Version"

    def create(self, context: Context, properties: Properties) -> Made:
        """Publish the version."""
        known(properties, "CodeSha256", "Description", "FunctionName")
        found = call(context.client("lambda"), "PublishVersion", properties)
        return Made(found["FunctionArn"], {"FunctionArn": found["FunctionArn"], "Version": found["Version"]})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the version."""
        remove(context.client("lambda"), "DeleteFunction", {"FunctionName": made.ref})


@provides
class Alias(Provider):
    """An alias. `Ref` returns its ARN."""

    type = "AWS::Lambda::Alias"

    def create(self, context: Context, properties: Properties) -> Made:
        """Create the alias."""
        known(properties, "Description", "FunctionName", "FunctionVersion", "Name", "RoutingConfig")
        arn = call(context.client("lambda"), "CreateAlias", _routed(properties))["AliasArn"]
        named = {"_function": properties["FunctionName"], "_name": properties["Name"]}
        return Made(arn, {"AliasArn": arn, **named})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Change version, shares and description."""
        updatable(before, after, "Description", "FunctionVersion", "RoutingConfig")
        whole = {"Description": "", "RoutingConfig": {}} | after
        call(context.client("lambda"), "UpdateAlias", _routed(whole))
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the alias."""
        target = {"FunctionName": made.attributes["_function"], "Name": made.attributes["_name"]}
        remove(context.client("lambda"), "DeleteAlias", target)


def _routed(properties: Properties) -> Properties:
    """Return an alias's properties with the shares of versions as the API takes them."""
    if "RoutingConfig" not in properties:
        return properties
    shares: list[dict[str, Any]] = properties["RoutingConfig"].get("AdditionalVersionWeights", [])
    weights = {str(share["FunctionVersion"]): float(share["FunctionWeight"]) for share in shares}
    return properties | {"RoutingConfig": {"AdditionalVersionWeights": weights}}


@provides
class LayerVersion(Provider):
    """A version of a layer. `Ref` returns its ARN."""

    type = "AWS::Lambda::LayerVersion"

    def create(self, context: Context, properties: Properties) -> Made:
        """Publish the version."""
        name = {"LayerName": properties.get("LayerName") or context.name(140)}
        arn = call(context.client("lambda"), "PublishLayerVersion", properties | name)["LayerVersionArn"]
        return Made(arn, {"LayerVersionArn": arn})

    def delete(self, context: Context, made: Made) -> None:
        """Delete the version."""
        layer, _, number = made.ref.rpartition(":")
        remove(context.client("lambda"), "DeleteLayerVersion", {"LayerName": layer, "VersionNumber": number})


@provides
class EventInvokeConfig(Provider):
    """How queued events of a function, a version or an alias are retried, and where their results go."""

    type = "AWS::Lambda::EventInvokeConfig"

    def create(self, context: Context, properties: Properties) -> Made:
        """Put the configuration."""
        call(context.client("lambda"), "PutFunctionEventInvokeConfig", properties)
        return Made(context.name(128), {f"_{name}": properties[name] for name in ("FunctionName", "Qualifier")})

    def update(self, context: Context, made: Made, before: Properties, after: Properties) -> Made:
        """Put the configuration anew."""
        call(context.client("lambda"), "PutFunctionEventInvokeConfig", after)
        return made

    def delete(self, context: Context, made: Made) -> None:
        """Delete the configuration."""
        target = {name: made.attributes[f"_{name}"] for name in ("FunctionName", "Qualifier")}
        remove(context.client("lambda"), "DeleteFunctionEventInvokeConfig", target)
