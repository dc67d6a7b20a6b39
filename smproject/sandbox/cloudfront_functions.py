"""CloudFront's functions: kept in development and, once published, as they are live; none runs here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError, now, unique_id


@dataclass
class Stage:
    """A function at a stage: its code and configuration."""

    config: dict[str, Any]
    code: bytes
    changed: datetime = field(default_factory=now)
    etag: str = field(default_factory=lambda: "E" + unique_id(13).upper())


class CloudFrontFunctions:
    """Operations on functions, by account and name; each has a DEVELOPMENT stage, and LIVE when it was published."""

    def __init__(self, tags: dict[str, dict[str, str]]) -> None:
        self.functions: dict[tuple[str, str], dict[str, Stage]] = {}
        self.tags = tags

    def create_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Keep a new function."""
        name = request["Name"]
        if (caller.account, name) in self.functions:
            raise ServiceError("FunctionAlreadyExists", f"The function {name} already exists.")
        self.functions[caller.account, name] = {"DEVELOPMENT": _stage(request)}
        if tags := request.get("Tags", {}).get("Items", []):
            self.tags[_arn(caller, name)] = {tag["Key"]: tag.get("Value", "") for tag in tags}
        return self._told(caller, name, "DEVELOPMENT")

    def describe_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Describe a function at a stage."""
        return self._told(caller, request["Name"], request.get("Stage") or "DEVELOPMENT")

    def get_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a function's code at a stage."""
        found = self._find(caller, request["Name"], request.get("Stage") or "DEVELOPMENT")
        return {"FunctionCode": found.code, "ETag": found.etag, "ContentType": "application/octet-stream"}

    def update_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Change a function in development."""
        _match(self._find(caller, request["Name"], "DEVELOPMENT"), request)
        self.functions[caller.account, request["Name"]]["DEVELOPMENT"] = _stage(request)
        return self._told(caller, request["Name"], "DEVELOPMENT")

    def publish_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Let a function be live as it is in development."""
        found = self._find(caller, request["Name"], "DEVELOPMENT")
        _match(found, request)
        self.functions[caller.account, request["Name"]]["LIVE"] = Stage(found.config, found.code, etag=found.etag)
        return self._told(caller, request["Name"], "LIVE")

    def delete_function(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Forget a function."""
        _match(self._find(caller, request["Name"], "DEVELOPMENT"), request)
        del self.functions[caller.account, request["Name"]]
        self.tags.pop(_arn(caller, request["Name"]), None)
        return {}

    def list_functions(self, caller: Caller, request: Request) -> dict[str, Any]:
        """List the functions that have a stage, all on one page."""
        stage = request.get("Stage") or "DEVELOPMENT"
        names = [name for (account, name), found in self.functions.items() if account == caller.account]
        there = [name for name in names if stage in self.functions[caller.account, name]]
        items = [self._told(caller, name, stage)["FunctionSummary"] for name in there]
        return {"FunctionList": {"MaxItems": 100, "Quantity": len(items), "Items": items}}

    def _find(self, caller: Caller, name: str, stage: str) -> Stage:
        found = self.functions.get((caller.account, name), {}).get(stage)
        if found is None:
            raise ServiceError("NoSuchFunctionExists", f"The function {name} does not exist at the stage {stage}.")
        return found

    def _told(self, caller: Caller, name: str, stage: str) -> dict[str, Any]:
        found = self._find(caller, name, stage)
        metadata = {
            "FunctionARN": _arn(caller, name),
            "Stage": stage,
            "CreatedTime": found.changed,
            "LastModifiedTime": found.changed,
        }
        status = "DEPLOYED" if stage == "LIVE" else "UNPUBLISHED"
        summary = {"Name": name, "Status": status, "FunctionConfig": found.config, "FunctionMetadata": metadata}
        return {"FunctionSummary": summary, "ETag": found.etag}


def _stage(request: Request) -> Stage:
    code = request["FunctionCode"]
    return Stage(request["FunctionConfig"], code if isinstance(code, bytes) else str(code).encode())


def _arn(caller: Caller, name: str) -> str:
    return f"arn:aws:cloudfront::{caller.account}:function/{name}"


def _match(found: Stage, request: Request) -> None:
    if request.get("IfMatch") != found.etag:
        raise ServiceError("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
