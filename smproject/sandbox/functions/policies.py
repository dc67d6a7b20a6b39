"""Resource policies of functions: which services and accounts may invoke them.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
from typing import Any

from smproject.sandbox.functions.model import Function, Statement
from smproject.sandbox.functions.registry import Registry
from smproject.sandbox.permissions.policy import Decision, by_resource
from smproject.sandbox.permissions.request import Principal, access_request
from smproject.sandbox.service import Caller, Request, ServiceError

INVOKE = "lambda:InvokeFunction"


class Policies:
    """The policies of all functions."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def add_permission(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Add a statement."""
        function, qualifier = self._registry.find(caller, request)
        statements = function.policies.setdefault(qualifier, [])
        if any(statement["Sid"] == request["StatementId"] for statement in statements):
            message = (
                f"The statement id ({request['StatementId']}) provided already exists. Please provide a new statement "
                "id, or remove the existing statement."
            )
            raise ServiceError("ResourceConflictException", message)
        statement = _statement(function.qualified(qualifier), request)
        statements.append(statement)
        return {"Statement": json.dumps(statement)}

    def remove_permission(self, caller: Caller, request: Request) -> None:
        """Remove a statement."""
        function, qualifier = self._registry.find(caller, request)
        statements = function.policies.get(qualifier, [])
        left = [statement for statement in statements if statement["Sid"] != request["StatementId"]]
        if len(left) == len(statements):
            message = f"Statement {request['StatementId']} is not found in resource policy."
            raise ServiceError("ResourceNotFoundException", message)
        function.policies[qualifier] = left

    def get_policy(self, caller: Caller, request: Request) -> dict[str, Any]:
        """Return a policy as text."""
        function, qualifier = self._registry.find(caller, request)
        found = document(function, qualifier)
        if found is None:
            raise ServiceError("ResourceNotFoundException", "The resource you requested does not exist.")
        return {"Policy": json.dumps(found), "RevisionId": function.version(qualifier).revision}


def document(function: Function, qualifier: str) -> dict[str, Any] | None:
    """Return the policy of a function, a version or an alias; None when there is none."""
    statements = function.policies.get(qualifier)
    return {"Version": "2012-10-17", "Id": "default", "Statement": statements} if statements else None


def demand_for_service(function: Function, qualifier: str, service: str, source_arn: str) -> None:
    """Raise ServiceError unless a service may invoke a function on behalf of a resource."""
    arn = function.qualified(qualifier)
    account = source_arn.split(":")[4] or function.account  # a bucket's ARN names none
    source = {"aws:SourceArn": source_arn, "aws:SourceAccount": account}
    request = access_request(Principal.service(service), INVOKE, arn, function.account, source)
    if by_resource(document(function, qualifier) or {}, request) is not Decision.ALLOW:
        message = (
            f"{service} is not authorized to perform: {INVOKE} on resource: {arn} because no resource-based policy "
            f"allows the {INVOKE} action (for {source_arn})"
        )
        raise ServiceError("AccessDeniedException", message)


def _statement(arn: str, request: Request) -> Statement:
    """Write a request as a statement, as GetPolicy shows it."""
    same = {
        "AWS:SourceAccount": request.get("SourceAccount"),
        "aws:PrincipalOrgID": request.get("PrincipalOrgID"),
        "lambda:EventSourceToken": request.get("EventSourceToken"),
    }
    conditions = {"StringEquals": {key: value for key, value in same.items() if value}}
    if request.get("SourceArn"):
        conditions["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": arn,
    }
    found = {operator: keys for operator, keys in conditions.items() if keys}
    return statement | ({"Condition": found} if found else {})


def _principal(name: str) -> Any:
    if name == "*":  # everybody, or everybody in the organization that the statement names
        return name
    if name.isdigit():
        return {"AWS": f"arn:aws:iam::{name}:root"}
    if name.startswith("arn:"):
        return {"AWS": name}
    if "." not in name:
        message = "The provided principal was invalid. Please check the principal and try again."
        raise ServiceError("InvalidParameterValueException", message)
    return {"Service": name}
