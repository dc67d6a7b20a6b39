"""The configuration of a function: defaults, and what is refused.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""

from __future__ import annotations

from typing import Any

from smproject.sandbox.service import Caller, Request, ServiceError
from smproject.sandbox.world import World

_DEFAULTS: dict[str, Any] = {
    "Timeout": 3,
    "MemorySize": 128,
    "TracingConfig": {"Mode": "PassThrough"},
    "Architectures": ["x86_64"],
    "EphemeralStorage": {"Size": 512},
    "PackageType": "Zip",
}
_PLAIN = ("Runtime", "Role", "Handler", "VpcConfig", "DeadLetterConfig", "Environment", "KMSKeyArn", *_DEFAULTS)
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
_RESERVED = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
}
_ENVIRONMENT_BYTES = 4096
_TIMEOUT = 900


def created(world: World, caller: Caller, request: Request) -> dict[str, Any]:
    """Return the settings of a new function."""
    for name in ("Runtime", "Handler"):
        if not request.get(name):
            message = f"{name} is mandatory for functions created with deployment packages."
            raise ServiceError("InvalidParameterValueException", message)
    group = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{request['FunctionName'].rpartition(':')[2]}"}
    start = {"LoggingConfig": group, "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}}
    return changed(world, caller, _DEFAULTS | start, request)


def changed(world: World, caller: Caller, settings: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return settings with what a request says; raises ServiceError for what the sandbox would not do."""
    _refuse(request)
    found = settings | {name: request[name] for name in _PLAIN if request.get(name) is not None}
    if "LoggingConfig" in request:
        found["LoggingConfig"] = settings["LoggingConfig"] | request["LoggingConfig"]
    found = {name: value for name, value in found.items() if not _emptied(name, value)}
    if "Role" in request:
        name = request["FunctionName"].partition("function:")[2] or request["FunctionName"].rpartition(":")[2]
        _check_role(world, caller, request["Role"], caller.arn_of("lambda", f"function:{name.partition(':')[0]}"))
    return found


def _emptied(name: str, value: Any) -> bool:
    """Tell whether a request has taken a setting away: an empty target, no variables, an empty key."""
    if name == "DeadLetterConfig":
        return not value.get("TargetArn")
    return name in ("KMSKeyArn", "Environment") and not (value.get("Variables") if isinstance(value, dict) else value)


def _refuse(request: Request) -> None:
    if request.get("Timeout", 0) > _TIMEOUT:
        message = (
            f"1 validation error detected: Value '{request['Timeout']}' at 'timeout' failed to satisfy constraint: "
            f"Member must have value less than or equal to {_TIMEOUT}"
        )
        raise ServiceError("ValidationException", message)
    if request.get("PackageType", "Zip") != "Zip":
        raise _not_here(f"PackageType {request['PackageType']}")
    if request.get("SnapStart", {}).get("ApplyOn", "None") != "None":
        raise _not_here("SnapStart")
    if request.get("LoggingConfig", {}).get("LogFormat", "Text") != "Text":
        raise _not_here("LogFormat JSON")
    variables = request.get("Environment", {}).get("Variables", {})
    if reserved := sorted(_RESERVED & set(variables)):
        message = (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
        raise ServiceError("InvalidParameterValueException", message)
    if sum(len(text.encode()) for item in variables.items() for text in item) > _ENVIRONMENT_BYTES:
        message = (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit."
        )
        raise ServiceError("InvalidParameterValueException", message)


def _not_here(what: str) -> ServiceError:
    return ServiceError("NotImplemented", f"The sandbox does not implement {what} of Lambda functions.")


def _check_role(world: World, caller: Caller, role: str, function: str) -> None:
    if not caller.owns(role):
        raise ServiceError("AccessDeniedException", "Cross-account pass role is not allowed.")
    try:
        world.assume(role, "lambda.amazonaws.com", "lambda", function)
    except ServiceError as error:
        message = "The role defined for the function cannot be assumed by Lambda."
        raise ServiceError("InvalidParameterValueException", message) from error
