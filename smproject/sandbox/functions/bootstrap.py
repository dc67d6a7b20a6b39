"""The program in which a function runs: it imports the handler, then calls it for each event that comes.

Run by the function's Python with nothing but the standard library. Standard input brings events, the file descriptor
named in the arguments takes answers: frames of a JSON header and a payload, each after its length in four bytes.
https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any

_PLACES = ("python", f"python/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")


class Context:
    """What a handler may ask. https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    identity = None

    def __init__(self, header: dict[str, Any]) -> None:
        self.aws_request_id = header["request_id"]
        self.invoked_function_arn = header["arn"]
        self.tenant_id = None
        self.client_context = _ClientContext(header["client_context"]) if header["client_context"] else None
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = time.monotonic() + header["seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still last."""
        return max(int((self._deadline - time.monotonic()) * 1000), 0)


class _ClientContext:
    def __init__(self, given: dict[str, Any]) -> None:
        self.custom, self.env, self.client = given.get("custom"), given.get("env"), given.get("client")


class InitError(Exception):
    """A handler that can't be had: why, in Lambda's words."""

    def __init__(self, kind: str, message: str, trace: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.kind, self.trace = kind, list(trace)


class LogHandler(logging.Handler):
    """Writes log records as Lambda does: level, time, request, message."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = f"[{record.levelname}]\t{moment}.{int(record.msecs):03d}Z\t{self.request_id}\t{record.getMessage()}"
        if record.exc_info:
            text += "\n" + "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        sys.stdout.write(text + "\n")


def load(name: str) -> Any:
    """Return the handler that `module.function` names; a slash separates packages too."""
    module_name, _, function = name.rpartition(".")
    if not module_name:
        problem = f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        raise InitError("Runtime.MalformedHandlerName", problem)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").rstrip()}\n']
        problem = f"Syntax error in module '{module_name}': {error}"
        raise InitError("Runtime.UserCodeSyntaxError", problem, trace) from error
    if not hasattr(module, function):
        raise InitError("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'")
    return getattr(module, function)


def frames(error: BaseException) -> list[str]:
    """Return where an error was raised, without this program's own frames."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
    return traceback.format_list([frame for frame in own if "importlib" not in frame.filename])


def failure(kind: str, message: str, request_id: str, trace: Sequence[str] = ()) -> dict[str, Any]:
    """Return an error as Lambda answers it, and log it."""
    told = [f"[ERROR] {kind}: {message}", *(["Traceback (most recent call last):"] if trace else [])]
    sys.stdout.write("\n".join([*told, *(line.rstrip("\n") for line in trace)]) + "\n")
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": list(trace)}


def called(handler: Callable[[Any, Context], Any], payload: bytes, context: Context) -> tuple[bool, bytes]:
    """Call a handler; return whether it failed, and the answer as bytes."""
    request_id = context.aws_request_id
    try:
        result = handler(json.loads(payload), context)
    except Exception as error:
        return True, json.dumps(failure(type(error).__name__, str(error), request_id, frames(error))).encode()
    try:
        return False, json.dumps(result, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        problem = f"Unable to marshal response: {error}"
        return True, json.dumps(failure("Runtime.MarshalError", problem, request_id)).encode()


def read(stream: IO[bytes]) -> bytes | None:
    """Return one part of a frame; None at the end."""
    length = stream.read(4)
    return stream.read(int.from_bytes(length, "big")) if len(length) == 4 else None


def write(stream: IO[bytes], header: dict[str, Any], payload: bytes) -> None:
    """Write a frame."""
    for part in (json.dumps(header).encode(), payload):
        stream.write(len(part).to_bytes(4, "big") + part)
    stream.flush()


def prepare() -> LogHandler:
    """Let the function's code, then its layers, then the runtime's packages be found; log to standard output."""
    task, layers = os.environ["LAMBDA_TASK_ROOT"], os.environ["SANDBOX_LAYERS"].split(os.pathsep)
    shared = [f"{layer}/{place}" for layer in layers if layer for place in _PLACES]
    sys.path[:] = [task, *shared, *sys.path[1:], os.environ["LAMBDA_RUNTIME_DIR"]]
    os.chdir(task)
    del sys.modules["resource"]  # which AWS's runtime doesn't load first: a function's own module may be called so
    del os.environ["SANDBOX_LAYERS"]
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", closefd=False)
    log = LogHandler()
    logging.getLogger().addHandler(log)
    return log


def main() -> None:
    """Import the handler, then answer events until standard input ends."""
    events, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(int(sys.argv[1]), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.set_inheritable(answers.fileno(), False)
    log = prepare()
    handler: Any = None
    broken: InitError | None = None
    try:
        handler = load(os.environ["_HANDLER"])
    except InitError as error:
        broken = error
    except Exception as error:
        broken = InitError(type(error).__name__, str(error), frames(error))
    write(answers, {"ready": broken is None}, b"")
    while (text := read(events)) is not None:
        header, payload = json.loads(text), read(events) or b"{}"
        log.request_id = header["request_id"]
        if broken:
            failed, answer = True, json.dumps(failure(broken.kind, str(broken), "", broken.trace)).encode()
        else:
            failed, answer = called(handler, payload, Context(header))
        sys.stdout.flush()
        sys.stderr.flush()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        write(answers, {"failed": failed, "memory": memory}, answer)
        if broken:
            return


if __name__ == "__main__":
    main()
