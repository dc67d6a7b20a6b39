"""Publishing against moto, for what moto does: stacks of buckets and keys, and objects."""

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from catalogue import PARAMETER, Catalogue
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends

from smproject import catalog, publish, stacks
from smproject.assemble import assemble
from smproject.errors import AssemblyError, DeploymentError
from smproject.publishing import hub, objects, tag_options, versions, wanted
from smproject.publishing.versions import Changes, Version
from smproject.seeds import seed_key, seed_zip

TOPIC = """
    Description: Part

    Parameters:
      PartName:
        Type: String
        Description: A name.

    Resources:
      PartTopic:
        Type: AWS::SNS::Topic
        Properties:
          TopicName: !Ref PartName

    Outputs:
      PartArn:
        Description: ARN.
        Value: !Ref PartTopic
    """


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.Session(region_name="us-east-1")


@pytest.fixture
def topic(tmp_path: Path) -> catalog.Template:
    template = Catalogue(tmp_path).template({"part": TOPIC})
    template.path.write_text(assemble(template))
    return template


def test_a_stack_is_created_then_left_alone_then_updated(session: Any, topic: catalog.Template) -> None:
    cloudformation = session.client("cloudformation")
    results = [stacks.deploy(cloudformation, topic, {"PartName": name}) for name in ("one", "one", "two")]
    assert [stack.result for stack in results] == ["created", "unchanged", "updated"]
    assert results[0].outputs["PartArn"].endswith(":one")
    arns = [item["TopicArn"] for item in session.client("sns").list_topics()["Topics"]]
    assert arns == [results[2].outputs["PartArn"]]


def test_what_aws_refuses_is_told_with_what_was_being_done(session: Any) -> None:
    told = r"refused to empty the bucket: .*NoSuchBucket"
    with pytest.raises(DeploymentError, match=told), stacks.refusals("empty the bucket"):
        session.client("s3").list_objects_v2(Bucket="no-such-bucket")


def test_a_stack_that_is_not_there_is_named_with_the_command_that_makes_it(session: Any) -> None:
    with pytest.raises(DeploymentError, match="smproject publish"):
        stacks.outputs(session.client("cloudformation"), "no-such-stack")


def test_the_catalogue_s_bucket_gets_each_product_s_template_and_seed_once(session: Any) -> None:
    name, s3 = "catalogue", session.client("s3")
    s3.create_bucket(Bucket=name)
    offered = [each for each in catalog.templates() if each.portfolio]
    expected = {seed_key(each, seed): seed_zip(each, seed) for each in offered for seed in each.seeds}
    expected |= {wanted.template_key(each): each.path.read_bytes() for each in offered}
    found = list(objects.missing(s3, name, wanted.by_content(offered), ()))
    assert [objects.put(s3, name, each, print_nothing) for each in found] == list(expected)
    assert list(objects.missing(s3, name, wanted.by_content(offered), ())) == []
    assert {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in expected} == expected


def test_one_template_makes_several_stacks_each_named_by_its_subject(session: Any, topic: catalog.Template) -> None:
    cloudformation = session.client("cloudformation")
    made = [stacks.deploy(cloudformation, topic, {"PartName": each}, each) for each in ("one", "two")]
    assert [stack.name for stack in made] == [f"sagemaker-project-templates-example-{each}" for each in ("one", "two")]
    assert len(session.client("sns").list_topics()["Topics"]) == 2


def test_a_stale_template_is_refused_before_anything_is_made(session: Any, tmp_path: Path) -> None:
    Catalogue(tmp_path).template({"part": PARAMETER})
    with pytest.raises(AssemblyError, match="smproject assemble"):
        publish.publish(session, None, print_nothing, tmp_path)
    assert session.client("cloudformation").describe_stacks()["Stacks"] == []


def test_an_account_without_an_organization_is_no_hub(session: Any) -> None:
    with pytest.raises(DeploymentError, match="in no organization"):
        hub.organization_of(session)


@pytest.mark.parametrize(
    ("code", "way_on"),
    [("ExpiredToken", "Sign in again"), ("AccessDeniedException", "Ask for that permission"), ("Throttling", "Mend")],
)
def test_a_refusal_says_the_way_on(code: str, way_on: str) -> None:
    with pytest.raises(DeploymentError, match=f"refused to publish: .*{code}.* {way_on}.* run the command again"):
        refuse(code)


def refuse(code: str) -> None:
    with stacks.refusals("publish"):
        raise ClientError({"Error": {"Code": code, "Message": "no."}}, "PutObject")


def test_a_stack_that_an_interrupted_run_left_failed_is_named_with_what_mends_it(session: Any, topic: Any) -> None:
    cloudformation = session.client("cloudformation")
    name = stacks.deploy(cloudformation, topic, {"PartName": "one"}).name
    backend = cloudformation_backends["123456789012"]["us-east-1"]
    for status, command in (("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"), ("CREATE_FAILED", "delete-stack")):
        backend.get_stack(name).status = status
        with pytest.raises(DeploymentError, match=f"{status} .*aws cloudformation {command} --stack-name {name};"):
            stacks.deploy(cloudformation, topic, {"PartName": "two"})


def version(number: int, key: str, *, active: bool = True, deprecated: bool = False) -> Version:
    moment = datetime(2026, 1, number, tzinfo=timezone.utc)
    return Version(f"pa-{number}", f"v{number}", key, moment, active, deprecated)


PRODUCT = wanted.Product(catalog.template("model-build"), "new", "1.0.0+abc")
OLD, DEPRECATED = version(1, "old", active=False, deprecated=True), version(2, "mid", deprecated=True)


@pytest.mark.parametrize(
    ("found", "todo"),
    [
        ([], Changes("1.0.0+abc", (), ())),
        ([version(1, "new")], Changes(None, (), ())),
        ([version(1, "old")], Changes("1.0.0+abc", ("pa-1",), ())),
        ([OLD, DEPRECATED, version(3, "new")], Changes(None, (), ())),
        ([OLD, DEPRECATED, version(3, "last")], Changes("1.0.0+abc", ("pa-3",), ("pa-2",))),
        # An interrupted run has made the version, and no more.
        ([version(1, "old"), version(2, "mid"), version(3, "new")], Changes(None, ("pa-2",), ("pa-1",))),
        # What was published before comes back: the newest version is what people get.
        ([version(1, "new"), version(2, "mid")], Changes("1.0.0+abc", ("pa-2",), ("pa-1",))),
    ],
)
def test_what_becomes_of_versions_is_told_by_what_there_is(found: list[Version], todo: Changes) -> None:
    assert versions.changes(found, PRODUCT) == todo
    assert versions.changes(found[::-1], PRODUCT) == todo


def test_a_name_that_a_version_has_is_not_given_twice() -> None:
    taken = Version("pa-1", PRODUCT.version, "old", datetime(2026, 1, 1, tzinfo=timezone.utc), True, False)
    assert versions.changes([taken], PRODUCT).create == f"{PRODUCT.version}.2"


def test_tag_options_are_added_and_removed_until_they_are_the_wanted_ones() -> None:
    there = {"tag-1": ("owner", "risk"), "tag-2": ("owner", "sales")}
    todo = tag_options.changes(there, [("owner", "sales"), ("cost-center", "7")])
    assert (todo.add, todo.remove) == ((("cost-center", "7"),), ("tag-1",))


def print_nothing(_: str) -> None:
    """Progress that nobody watches."""
