"""Outputs that one stack exports and others import."""

from __future__ import annotations

import uuid

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox
from stacks import Stacks

EXPORTER = """
Parameters: {Value: {Type: String, Default: one}}
Resources: {A: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}}
Outputs: {Told: {Value: !GetAtt A.Value, Export: {Name: !Sub "${AWS::StackName}-told"}}}
"""
IMPORTER = """
Parameters: {From: {Type: String}}
Resources:
  B: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: {"Fn::ImportValue": !Sub "${From}-told"}}}
Outputs: {B: {Value: !GetAtt B.Value}}
"""


@pytest.fixture(scope="module")
def stacks(sandbox: Sandbox) -> Stacks:
    return Stacks(sandbox)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"exports-{uuid.uuid4().hex[:8]}"


def test_an_exported_output_is_imported_by_name(stacks: Stacks, name: str) -> None:
    made = stacks.create(EXPORTER, StackName=name)
    assert made["Outputs"][0]["ExportName"] == f"{name}-told"
    with pytest.raises(ClientError, match=f"Export '{name}-told' is not imported by any stack."):
        stacks.api.list_imports(ExportName=f"{name}-told")
    imported = stacks.create(IMPORTER, {"From": name}, StackName=f"{name}-2")
    assert stacks.outputs(imported) == {"B": "one"}
    exports = {item["Name"]: item for item in stacks.api.list_exports()["Exports"]}
    assert exports[f"{name}-told"]["Value"] == "one"
    assert exports[f"{name}-told"]["ExportingStackId"] == made["StackId"]
    assert stacks.api.list_imports(ExportName=f"{name}-told")["Imports"] == [f"{name}-2"]


def test_an_export_in_use_is_neither_changed_nor_deleted(stacks: Stacks, name: str) -> None:
    made = stacks.create(EXPORTER, StackName=name)
    user = stacks.create(IMPORTER, {"From": name}, StackName=f"{name}-2")
    ended = stacks.update(name, None, {"Value": "two"})
    assert ended["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.outputs(ended) == {"Told": "one"}
    told = f"Export {name}-told cannot be updated as it is in use by {name}-2"
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", told) in stacks.latest(made["StackId"])
    stacks.api.delete_stack(StackName=name)
    kept = stacks.ended(name)
    assert kept["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert kept["StackStatusReason"] == f"Export {name}-told cannot be deleted as it is in use by {name}-2"
    assert stacks.delete(user["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.update(name, None, {"Value": "two"})["StackStatus"] == "UPDATE_COMPLETE"
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_an_import_that_is_given_up_frees_the_export(stacks: Stacks, name: str) -> None:
    made = stacks.create(EXPORTER, StackName=name)
    stacks.create(IMPORTER, {"From": name}, StackName=f"{name}-2")
    without = IMPORTER.replace('{"Fn::ImportValue": !Sub "${From}-told"}', "alone")
    stacks.update(f"{name}-2", without, {"From": name})
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_what_nobody_exports_fails_the_stack_before_anything_is_made(stacks: Stacks, name: str) -> None:
    ended = stacks.create(IMPORTER, {"From": name}, StackName=name)
    assert ended["StackStatus"] == "ROLLBACK_COMPLETE"
    events = stacks.events(ended["StackId"])
    told = f"No export named {name}-told found. Rollback requested by user."
    assert (name, "ROLLBACK_IN_PROGRESS", told) in events
    assert {who for who, _, _ in events} == {name}


def test_a_name_is_exported_once(stacks: Stacks, name: str) -> None:
    stacks.create(EXPORTER, StackName=name)
    ended = stacks.create(EXPORTER.replace("${AWS::StackName}", name), StackName=f"{name}-2")
    assert ended["StackStatus"] == "ROLLBACK_COMPLETE"
    told = f"Export with name {name}-told is already exported by stack {name}. Rollback requested by user."
    assert told in [reason for _, _, reason in stacks.events(ended["StackId"])]
