"""Runs the endpoint test as the build runs it, against a model that stands behind a runtime of our own."""

import functools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from xml.etree import ElementTree

import pytest
import yaml
from deploy_service import CREDENTIALS, GOLDEN, GROUP, VARIABLES, serve

from pipelines.deploy.realtime import stage

ROOT = Path(__file__).resolve().parents[2]
ROLE = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>assumed</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
DENIED = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not allowed</Message></Error></ErrorResponse>"
Answer = tuple[int, str]


class Model(Protocol):
    """What an endpoint's container answers."""

    def answer(self, body: str, content_type: str) -> Answer: ...


@dataclass
class Runtime:
    """STS and the endpoint of one model: what AWS answers, and who asked."""

    model: Model
    url: str = ""
    roles: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    refuses_role: bool = False

    def post(self, path: str, body: bytes, headers: Any) -> tuple[int, bytes, dict[str, str]]:
        if path == "/" and self.refuses_role:
            return 403, DENIED.encode(), {"Content-Type": "text/xml"}
        if path == "/":
            self.roles.append(body.decode())
            return 200, ROLE.encode(), {"Content-Type": "text/xml"}
        assert path == f"/endpoints/{GROUP}/invocations"
        self.keys.add(headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        status, text = self.model.answer(body.decode(), headers["Content-Type"])
        if status == 200:
            return 200, text.encode(), {"Content-Type": headers["Accept"]}
        error = {"Message": "Received error from primary", "OriginalStatusCode": status, "OriginalMessage": text}
        return 424, json.dumps(error).encode(), {"x-amzn-ErrorType": "ModelError", "Content-Type": "application/json"}


@dataclass
class Outcome:
    """How the test of an endpoint ended."""

    status: int
    result: str
    report: ElementTree.Element
    runtime: Runtime


@dataclass
class Workplace:
    """A folder in which the test of an endpoint runs."""

    folder: Path
    runtime: Runtime
    golden: dict[str, Any] = field(default_factory=lambda: GOLDEN)
    stage: str = "staging"

    @property
    def arguments(self) -> list[str]:
        test = str(ROOT / "pipelines" / "deploy" / "realtime" / "test_endpoint.py")
        return [test, "--junitxml", str(self.folder / "t.xml"), "-p", "no:cacheprovider"]

    @property
    def environment(self) -> dict[str, str]:
        (self.folder / "golden.json").write_text(json.dumps(self.golden))
        build = {
            "AWS_ENDPOINT_URL": self.runtime.url,
            "STAGE": self.stage,
            "CODEBUILD_SRC_DIR_Render": str(self.folder),
        }
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), **VARIABLES, **CREDENTIALS, **build}

    def outcome(self, status: int) -> Outcome:
        result = (self.folder / "endpoint-test-result.txt").read_text().strip()
        report = ElementTree.fromstring((self.folder / "t.xml").read_text())  # noqa: S314  # pytest wrote it
        return Outcome(status, result, report, self.runtime)

    def examine(self, model: Model, budget: int = 60_000, name: str = "staging") -> Outcome:
        """Run the test in this process, which spares the seconds of imports, with a latency budget of one's own."""
        self.runtime.model, self.stage = model, name
        settings = yaml.safe_load((stage.FOLDER / f"{name}.yml").read_text())
        settings["tests"] = {"latency_requests": 40, "latency_budget_ms": budget}
        (self.folder / f"{name}.yml").write_text(yaml.safe_dump(settings))
        environment, read = self.environment, functools.partial(stage.read_stage, folder=self.folder)
        with pytest.MonkeyPatch.context() as patch:
            for variable in [*os.environ]:
                patch.delenv(variable)
            for variable, value in environment.items():
                patch.setenv(variable, value)
            patch.setattr(stage, "read_stage", read)
            patch.chdir(self.folder)
            return self.outcome(int(pytest.main(self.arguments)))


Examine = Callable[..., Outcome]


@contextmanager
def opened(folder: Path, model: Model) -> Iterator[Workplace]:
    """A workplace whose runtime listens until the end."""
    runtime = Runtime(model)
    server = serve(runtime)
    yield Workplace(folder, runtime)
    server.shutdown()
    server.server_close()
