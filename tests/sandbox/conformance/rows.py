"""The language of the tables: what a step does to a stack, and what can be seen then."""

from __future__ import annotations

import json
import textwrap
import uuid
from typing import Any

import jmespath
import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from stacks import Stacks, given

Row = dict[str, Any]
Step = dict[str, Any]
_KNOWN = {
    *("create", "update", "change-set", "delete", "call", "with", "parameters", "options", "execute"),
    *("status", "reasons", "refused", "code", "outputs", "no-outputs", "kept", "replaced", "resources", "events"),
    *("changes", "finds", "profile", "stack", "until", "repeat", "keep"),
}
_ALONE = {"behaviour", "source", "steps", "files"}
_BUCKET = "conformance-222222222222"
_ENDS = {"create": "CREATE_COMPLETE", "update": "UPDATE_COMPLETE", "delete": "DELETE_COMPLETE"}


def steps_of(row: Row) -> list[Step]:
    """Return a row's steps; a row without any is one creation."""
    if "steps" in row:
        return list(row["steps"])
    return [{"create" if key == "template" else key: value for key, value in row.items() if key not in _ALONE}]


class Player:
    """Does the steps of one row to its stack, or to the further ones that it names."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.stacks = sandbox, Stacks(sandbox)
        self.row = f"row-{uuid.uuid4().hex[:10]}"
        self.name, self.ids = self.row, dict[str, str]()
        self.before: dict[str, str] = {}
        self.sets, self.set = 0, ""
        self.answer: dict[str, Any] = {}
        self.known: dict[str, str] = {}

    @property
    def api(self) -> Any:
        return self.stacks.api

    @property
    def id(self) -> str:
        """The id of the stack at hand; empty before it is made."""
        return self.ids.get(self.name, "")

    def prepare(self, row: Row) -> None:
        """Put the row's files where `FILES/name` finds them."""
        if files := row.get("files"):
            s3 = self.sandbox.client("s3")
            s3.create_bucket(Bucket=_BUCKET)
            for name, text in files.items():
                s3.put_object(Bucket=_BUCKET, Key=f"{self.row}/{name}", Body=self._filled(text).encode())

    def _filled(self, text: str) -> str:
        url = f"https://{_BUCKET}.s3.us-east-1.amazonaws.com/{self.row}"
        for name, value in self.known.items():
            text = text.replace(name, value)
        return text.replace("FILES", url).replace("STACK", self.row)

    def play(self, step: Step) -> None:
        """Do a step and look."""
        assert not set(step) - _KNOWN, f"unknown: {sorted(set(step) - _KNOWN)}"
        step = json.loads(self._filled(json.dumps(step)))
        self.name = f"{self.row}-{step['stack']}" if "stack" in step else self.row
        kind = next(each for each in ("create", "update", "change-set", "delete", "call") if each in step)
        if "refused" in step:
            with pytest.raises(ClientError) as error:
                self._do(kind, step)
            told = error.value.response["Error"]
            assert step["refused"] in told["Message"] and step.get("code", told["Code"]) == told["Code"], told
            return
        self._do(kind, step)
        self._look(kind, step)

    def _do(self, kind: str, step: Step) -> None:
        self.before = self.stacks.physical(self.id) if self.id and kind != "call" else self.before
        getattr(self, f"_{kind.replace('-', '_')}")(step)

    def _request(self, step: Step, kind: str) -> dict[str, Any]:
        body: dict[str, Any] = {}
        if isinstance(step[kind], str):
            body = {"TemplateBody": _repeated(textwrap.dedent(step[kind]), step.get("repeat", 1))}
        if kind != "create" and not body:
            body = {"UsePreviousTemplate": True}
        parameters = {"StackName": self.name, "Parameters": given(step.get("parameters"))}
        return {**body, **parameters, **step.get("options", {})}

    def _create(self, step: Step) -> None:
        self.ids[self.name] = self.api.create_stack(**self._request(step, "create"))["StackId"]
        self.stacks.ended(self.id)

    def _update(self, step: Step) -> None:
        self.api.update_stack(**self._request(step, "update"))
        self.stacks.ended(self.id)

    def _delete(self, step: Step) -> None:
        self.api.delete_stack(StackName=self.name, **step.get("options", {}))
        if self.id:
            self.stacks.ended(self.id)

    def _change_set(self, step: Step) -> None:
        self.sets += 1
        kind = {"ChangeSetType": "UPDATE" if self.id and self.stacks.physical(self.id) else "CREATE"}
        named = {"ChangeSetName": f"set-{self.sets}"}
        made = self.api.create_change_set(**named, **(kind | self._request(step, "change-set")))
        self.ids[self.name], self.set = made["StackId"], made["Id"]
        found = eventually(self._settled)
        if "changes" in step:
            assert sorted(map(_line, found["Changes"])) == sorted(step["changes"])
        if step.get("execute"):
            assert found["ExecutionStatus"] == "AVAILABLE", found
            self.api.execute_change_set(ChangeSetName=self.set)
            self.stacks.ended(self.id)
        elif "status" in step:
            assert found["Status"] == step["status"]
            told = step.get("reasons", {}).get("stack", "")
            assert told in found.get("StatusReason", "")

    def _settled(self) -> Any:
        found = self.api.describe_change_set(ChangeSetName=self.set, IncludePropertyValues=True)
        return found if found["Status"] in ("CREATE_COMPLETE", "FAILED") else None

    def _call(self, step: Step) -> None:
        service, operation = step["call"].split(".")
        client = self.sandbox.client(service, step.get("profile", "development"))
        wanted = step.get("finds", {})

        def asked() -> bool:
            self.answer = getattr(client, operation)(**step.get("with", {}))
            return bool(self._found(wanted) == wanted)

        if not asked() and step.get("until"):
            eventually(asked)
        self.known |= {name: jmespath.search(path, self.answer) for name, path in step.get("keep", {}).items()}

    def _found(self, wanted: dict[str, Any]) -> dict[str, Any]:
        answer = json.loads(json.dumps(self.answer, default=str))
        return {expression: jmespath.search(expression, answer) for expression in wanted}

    def _look(self, kind: str, step: Step) -> None:
        assert self._found(step.get("finds", {})) == step.get("finds", {}), self.answer
        if kind == "call" or (kind == "change-set" and not step.get("execute")):
            return
        stack = self.api.describe_stacks(StackName=self.id)["Stacks"][0]
        latest = self.stacks.latest(self.id)
        wanted = step.get("status", _ENDS.get(kind, stack["StackStatus"]))
        assert stack["StackStatus"] == wanted, latest
        self._look_at_outputs(step, {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])})
        self._look_at_resources(step)
        _look_at_events(step, latest)

    def _look_at_outputs(self, step: Step, outputs: dict[str, str]) -> None:
        for name, value in step.get("outputs", {}).items():
            assert outputs.get(name) == str(value), outputs
        assert not set(step.get("no-outputs", [])) & set(outputs)

    def _look_at_resources(self, step: Step) -> None:
        if not {"kept", "replaced", "resources"} & set(step):
            return
        now = self.stacks.physical(self.id)
        for name in step.get("kept", []):
            assert now[name] == self.before[name]
        for name in step.get("replaced", []):
            assert now[name] != self.before[name]
        if "resources" in step:
            assert sorted(now) == sorted(step["resources"])


def _repeated(text: str, times: int) -> str:
    """Return a template with each line that says NUMBER as often as told, with the numbers from 1."""
    lines = [
        line.replace("NUMBER", str(number)) if "NUMBER" in line else line
        for line in text.splitlines(keepends=True)
        for number in (range(1, times + 1) if "NUMBER" in line else [0])
    ]
    return "".join(lines)


def _look_at_events(step: Step, latest: list[tuple[str, str, str]]) -> None:
    for name, text in step.get("reasons", {}).items():
        told = [reason for who, status, reason in latest if who == name and ("FAILED" in status or name == "stack")]
        assert any(text in reason for reason in told), latest
    ahead = iter(f"{who} {status}" for who, status, _ in latest)
    for wanted in step.get("events", []):
        assert wanted in ahead, f"{wanted} does not come, or not in this order: {latest}"


def _line(change: dict[str, Any]) -> str:
    found = change["ResourceChange"]
    replaces = f" replaces={found['Replacement']}" if found.get("Replacement") else ""
    return f"{found['Action']} {found['LogicalResourceId']}{replaces}"
