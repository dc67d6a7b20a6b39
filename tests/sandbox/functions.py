"""Lambda in a few words, for the tests of functions and of what invokes them."""

from __future__ import annotations

import base64
import io
import json
import textwrap
import uuid
import zipfile
from functools import cached_property
from typing import Any

from harness import Sandbox, eventually

LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def archive(**files: str) -> bytes:
    """Return a zip of files; two underscores in a name stand for a dot, three for a slash."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as made:
        for name, text in files.items():
            made.writestr(name.replace("___", "/").replace("__", "."), textwrap.dedent(text))
    return found.getvalue()


class Functions:
    """Makes functions from Python code, in one account."""

    def __init__(self, sandbox: Sandbox, profile: str = "development") -> None:
        self.sandbox, self.profile = sandbox, profile

    @cached_property
    def api(self) -> Any:
        return self.sandbox.client("lambda", self.profile)

    @cached_property
    def role(self) -> str:
        """The ARN of a role that may log."""
        arn = self.sandbox.role("FunctionRole", "lambda.amazonaws.com", profile=self.profile)
        self.sandbox.client("iam", self.profile).attach_role_policy(RoleName="FunctionRole", PolicyArn=LOGS)
        return str(arn)

    def create(self, code: str, **options: Any) -> str:
        """Create a function whose handler is `index.handler`; return its name."""
        name = str(options.pop("FunctionName", "")) or f"function-{uuid.uuid4().hex[:8]}"
        chosen = {"Runtime": "python3.12", "Handler": "index.handler", "Role": self.role, "Timeout": 10} | options
        chosen.setdefault("Code", {"ZipFile": archive(index__py=code)})
        self.api.create_function(FunctionName=name, **chosen)
        return name

    def call(self, name: str, event: Any = None, **options: Any) -> Any:
        """Invoke and return what the function returned; its errors fail the test."""
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event), **options)
        found = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, found
        return found

    def error(self, name: str, event: Any = None) -> Any:
        """Invoke a function that fails; return its error."""
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event))
        assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
        return json.loads(answer["Payload"].read())

    def tail(self, name: str, event: Any = None) -> str:
        """Invoke and return the end of the log."""
        answer = self.api.invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
        return base64.b64decode(answer["LogResult"]).decode()

    def logged(self, name: str, text: str) -> list[str]:
        """Return the messages of a function's log once one of them holds a text."""
        logs = self.sandbox.client("logs", self.profile)

        def look() -> list[str]:
            try:
                events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
            except logs.exceptions.ResourceNotFoundException:
                return []
            messages = [str(event["message"]) for event in events]
            return messages if any(text in message for message in messages) else []

        return eventually(look)
