"""Publishing against moto, for what moto does: stacks of buckets and keys, and objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from catalogue import PARAMETER, Catalogue
from moto import mock_aws

from smproject import catalog, publish, stacks
from smproject.assemble import assemble
from smproject.errors import AssemblyError, DeploymentError
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
    session.client("organizations").create_organization(FeatureSet="ALL")
    cloudformation, s3 = session.client("cloudformation"), session.client("s3")
    bucket = publish.deploy_bucket(session, cloudformation, catalog.ROOT, print_nothing)
    name = bucket.outputs["CatalogBucketName"]
    assert name == "sagemaker-project-templates-123456789012-us-east-1"
    templates = catalog.templates()
    first = list(publish.upload(s3, name, templates, print_nothing))
    assert list(publish.upload(s3, name, templates, print_nothing)) == []
    expected = {}
    for template in templates:
        if template.is_product:
            expected |= {seed_key(template, seed): seed_zip(template, seed) for seed in template.seeds}
            expected[publish.template_key(template)] = template.path.read_bytes()
    assert first == list(expected)
    assert {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in first} == expected


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


def print_nothing(_: str) -> None:
    """Progress that nobody watches."""
