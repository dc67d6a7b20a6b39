"""What a sandbox holds is there again after it was stopped, or killed, and started."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from durable import Durable, free_port
from durable_things import THINGS, Look, Workplace
from harness import Sandbox, eventually
from stacks import FOLLOWED, Stacks

from smproject.sandbox import lifecycle


class Story:
    """Everything made once, then stopped and started, then killed and started: how it looked each time."""

    def __init__(self, durable: Durable, folder: Path) -> None:
        self.durable = durable
        place = Workplace(durable.up(), folder)
        self.looks: dict[str, Look] = {name: make(place) for name, make in THINGS.items()}
        self.made = self.seen()
        durable.down()
        self.unkept = (lifecycle.kept(durable.home) or pytest.fail("no state")).unkept
        durable.up()
        self.after_stop = self.seen()
        durable.saved()
        durable.kill()
        durable.up()
        self.after_kill = self.seen()

    def seen(self) -> dict[str, Any]:
        return {name: look(self.durable.sandbox) for name, look in self.looks.items()}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    durable = Durable(tmp_path_factory.mktemp("durable") / "home")
    try:
        yield Story(durable, tmp_path_factory.mktemp("made"))
    finally:
        durable.kill()


@pytest.mark.parametrize("name", sorted(THINGS))
def test_it_is_the_same_after_a_stop(story: Story, name: str) -> None:
    assert story.made[name]
    assert story.after_stop[name] == story.made[name]


@pytest.mark.parametrize("name", sorted(THINGS))
def test_it_is_the_same_after_a_kill(story: Story, name: str) -> None:
    assert story.after_kill[name] == story.made[name]


def test_everything_can_be_written_and_taken_up(story: Story) -> None:
    assert story.unkept == []
    assert "not kept" not in story.durable.log
    assert "could not take up" not in story.durable.log


def test_a_stack_is_updated_and_deleted_after_a_start(story: Story) -> None:
    stacks = Stacks(story.durable.sandbox)
    [found] = [each for each in stacks.api.describe_stacks()["Stacks"] if each["StackName"].startswith("stack-")][:1]
    name = stacks.outputs(found)["First"]
    ended = stacks.update(found["StackId"], FOLLOWED, {"Name": name, "Value": "two"})
    assert (ended["StackStatus"], stacks.parameter(name)) == ("UPDATE_COMPLETE", "two")
    assert stacks.delete(found["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.parameter(name) is None


def test_an_approval_that_waited_is_given_after_a_start(story: Story) -> None:
    api = story.durable.sandbox.client("codepipeline")
    [pipeline] = [each["name"] for each in api.list_pipelines()["pipelines"]]
    state = api.get_pipeline_state(name=pipeline)["stageStates"][-1]
    token = state["actionStates"][0]["latestExecution"]["token"]
    api.put_approval_result(
        pipelineName=pipeline,
        stageName=state["stageName"],
        actionName=state["actionStates"][0]["actionName"],
        result={"status": "Approved", "summary": "after a start"},
        token=token,
    )
    eventually(
        lambda: (
            api.list_pipeline_executions(pipelineName=pipeline)["pipelineExecutionSummaries"][0]["status"]
            == "Succeeded"
        )
    )


def test_sessions_outlive_a_start(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    sandbox = durable.up()
    try:
        before = sandbox.client("sts").get_caller_identity()["Arn"]
        credentials = (durable.home / "credentials").read_text()
        durable.down()
        durable.port = free_port()  # the port may be another one, and the profiles follow
        assert durable.up().client("sts").get_caller_identity()["Arn"] == before
        assert (durable.home / "credentials").read_text() == credentials
        assert durable.sandbox.endpoint in (durable.home / "config").read_text()
    finally:
        durable.kill()


def test_addresses_follow_the_port(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    sandbox = durable.up()
    try:
        url = sandbox.client("sqs").create_queue(QueueName="moved")["QueueUrl"]
        sandbox.client("sqs").send_message(QueueUrl=url, MessageBody="sent")
        durable.down()
        durable.port = free_port()
        moved = durable.up().client("sqs")
        found = moved.get_queue_url(QueueName="moved")["QueueUrl"]
        assert found == url.replace(sandbox.endpoint, durable.sandbox.endpoint)
        assert moved.receive_message(QueueUrl=found)["Messages"][0]["Body"] == "sent"
    finally:
        durable.kill()


def test_what_was_deleted_leaves_no_content(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    s3 = durable.up().client("s3")
    try:
        s3.create_bucket(Bucket="deleted")
        s3.put_object(Bucket="deleted", Key="kept", Body=b"kept" * 2000)
        s3.put_object(Bucket="deleted", Key="gone", Body=b"gone" * 2000)
        s3.delete_object(Bucket="deleted", Key="gone")
        durable.down()
        durable.up()
        contents = [path.read_bytes() for path in (durable.home / "blobs").rglob("*") if path.is_file()]
        assert [content for content in contents if content] == [b"kept" * 2000]
        assert durable.sandbox.client("s3").get_object(Bucket="deleted", Key="kept")["Body"].read() == b"kept" * 2000
    finally:
        durable.kill()


def test_what_happened_a_moment_ago_survives_a_kill(tmp_path: Path) -> None:
    durable = Durable(tmp_path / "home")
    ssm = durable.up().client("ssm")
    try:
        for number in range(20):
            ssm.put_parameter(Name=f"/moment/{number}", Value=str(number), Type="String")
        durable.saved()
        durable.kill()
        found = durable.up().client("ssm").get_parameters_by_path(Path="/moment", MaxResults=10)["Parameters"]
        assert len(found) == 10
    finally:
        durable.kill()


def refused(sandbox: Sandbox, parameter: str) -> bool:
    try:
        sandbox.client("ssm").get_parameter(Name=parameter)
    except ClientError:
        return True
    return False


def test_a_new_home_knows_nothing_of_another(tmp_path: Path) -> None:
    name, first = f"/{uuid.uuid4().hex}", Durable(tmp_path / "first")
    first.up().client("ssm").put_parameter(Name=name, Value="1", Type="String")
    first.kill()
    second = Durable(tmp_path / "second")
    try:
        assert refused(second.up(), name)
    finally:
        second.kill()
