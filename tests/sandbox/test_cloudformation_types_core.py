"""Each core type: made, shown by its own service, updated in place and deleted without leftovers."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
import types_core_computing
import types_core_databases
import types_core_devices
import types_core_hosts
import types_core_identities
import types_core_kept
import types_core_networks
import types_core_scaling
import types_core_services
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import Stacks
from types_core_cases import Case

ABLE: Any = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
FILES = (
    *(types_core_services, types_core_identities, types_core_networks, types_core_hosts),
    types_core_kept,
    *(types_core_databases, types_core_scaling, types_core_computing),
    types_core_devices,
)
CASES = {kind: case for each in FILES for kind, case in each.CASES.items()}


def template(case: Case, properties: dict[str, Any], name: str) -> str:
    resources = {**case.others, "It": {"Type": case.type, "Properties": properties}}
    told = {each.replace(".", ""): {"Value": {"Fn::GetAtt": ["It", each]}} for each in case.attributes}
    text = json.dumps({"Resources": resources} | ({"Outputs": told} if told else {}))
    return text.replace("NAME", name)


def placed(text: str, case: Case, sandbox: Sandbox) -> str:
    """Name the organization's root, under which units lie."""
    if '"ROOT"' not in text:
        return text
    roots = sandbox.client("organizations", case.profile).list_roots()["Roots"]
    return text.replace('"ROOT"', json.dumps(roots[0]["Id"]))


def shown(case: Case, sandbox: Sandbox, name: str) -> Any:
    """Return what the service shows of a resource; nothing when it says that there is none."""
    try:
        return case.look(lambda service: sandbox.client(service, case.profile), name)
    except ClientError as error:
        assert any(word in str(error) for word in ("Not", "not", "NoSuch", "NonExistent")), error
        return None


@pytest.mark.parametrize("kind", CASES)
def test_a_resource_lives_and_goes(sandbox: Sandbox, kind: str) -> None:
    case, name = CASES[kind], f"core-{uuid.uuid4().hex[:8]}"
    stacks = Stacks(sandbox, case.profile)
    before, after = (placed(template(case, each, name), case, sandbox) for each in (case.before, case.after))
    made = stacks.create(before, StackName=name, **ABLE)
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    physical = stacks.physical(name)["It"]
    assert all(stacks.outputs(made).values()) if case.attributes else physical
    assert shown(case, sandbox, name)
    if case.after != case.before:
        updated = stacks.update(name, after, **ABLE)
        assert updated["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
        assert stacks.physical(name)["It"] == physical
    wanted = json.loads(json.dumps(case.shown).replace("NAME", name))
    assert json.loads(json.dumps(shown(case, sandbox, name))) == wanted
    if case.after != case.before:
        back = stacks.update(name, before, **ABLE)
        assert back["StackStatus"] == "UPDATE_COMPLETE", stacks.reason(made["StackId"])
    gone = stacks.delete(made["StackId"])
    assert gone["StackStatus"] == "DELETE_COMPLETE", stacks.reason(made["StackId"])
    assert not shown(case, sandbox, name)
