"""Provisioned products after their launch, and what tag options and constraints make of launches."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from catalogues import HUB, TEMPLATE, Catalogue, publish, share, upload
from harness import ACCOUNTS, Sandbox


@pytest.fixture
def catalogue(sandbox: Sandbox) -> Catalogue:
    """A product that the development account's data scientist may launch."""
    return share(publish(sandbox))


@pytest.fixture
def hub(sandbox: Sandbox) -> Any:
    return sandbox.client("servicecatalog", HUB)


@pytest.fixture
def own(sandbox: Sandbox) -> Any:
    return sandbox.client("servicecatalog")


@pytest.fixture
def name() -> str:
    return f"launch-{uuid.uuid4().hex[:8]}"


def constrain(hub: Any, catalogue: Catalogue, kind: str, parameters: dict[str, Any]) -> None:
    place = {"PortfolioId": catalogue.portfolio, "ProductId": catalogue.product}
    hub.create_constraint(**place, Type=kind, Parameters=json.dumps(parameters))


def update(catalogue: Catalogue, own: Any, name: str, **change: Any) -> dict[str, Any]:
    """Update a provisioned product; return the record at its end."""
    started = own.update_provisioned_product(ProvisionedProductName=name, **change)
    return catalogue.ended(started["RecordDetail"]["RecordId"])


def given(**parameters: str) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value} for key, value in parameters.items()]


def parameter(sandbox: Sandbox, name: str) -> str | None:
    try:
        return str(sandbox.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError:
        return None


def stack_of(sandbox: Sandbox, record: dict[str, Any]) -> dict[str, Any]:
    outputs = {item["OutputKey"]: item["OutputValue"] for item in record["RecordOutputs"]}
    described = sandbox.client("cloudformation").describe_stacks(StackName=outputs["CloudformationStackARN"])
    return dict(described["Stacks"][0])


def test_an_update_changes_version_and_parameters(
    catalogue: Catalogue, sandbox: Sandbox, hub: Any, own: Any, name: str
) -> None:
    catalogue.provision(name, SageMakerProjectName=name)
    address = upload(sandbox, TEMPLATE.replace("/made/", "/second/"))
    info = {"Name": "v2", "Type": "CLOUD_FORMATION_TEMPLATE", "Info": {"LoadTemplateFromURL": address}}
    hub.create_provisioning_artifact(ProductId=catalogue.product, Parameters=info)
    kept = {"Key": "SageMakerProjectName", "UsePreviousValue": True}
    record = update(
        catalogue, own, name, ProvisioningArtifactName="v2", ProvisioningParameters=[kept, *given(Value="new")]
    )
    assert record["RecordDetail"]["Status"] == "SUCCEEDED", record
    assert record["RecordDetail"]["RecordType"] == "UPDATE_PROVISIONED_PRODUCT"
    assert parameter(sandbox, f"/second/{name}/new") == "new"
    assert parameter(sandbox, f"/made/{name}/abc") is None
    detail = own.describe_provisioned_product(Name=name)["ProvisionedProductDetail"]
    assert detail["ProvisioningArtifactId"] == record["RecordDetail"]["ProvisioningArtifactId"] != catalogue.version
    history = own.list_record_history(SearchFilter={"Key": "provisionedproduct", "Value": detail["Id"]})
    kinds = [item["RecordType"] for item in history["RecordDetails"]]
    assert kinds == ["UPDATE_PROVISIONED_PRODUCT", "PROVISION_PRODUCT"]


def test_an_update_that_fails_leaves_the_product_tainted_and_what_it_was(
    catalogue: Catalogue, sandbox: Sandbox, hub: Any, own: Any, name: str
) -> None:
    catalogue.provision(name, SageMakerProjectName=name)
    address = upload(sandbox, TEMPLATE.replace("/made/${Sage", "aws/${Sage"))
    info = {"Name": "bad", "Type": "CLOUD_FORMATION_TEMPLATE", "Info": {"LoadTemplateFromURL": address}}
    hub.create_provisioning_artifact(ProductId=catalogue.product, Parameters=info)
    kept = [{"Key": "SageMakerProjectName", "UsePreviousValue": True}]
    record = update(catalogue, own, name, ProvisioningArtifactName="bad", ProvisioningParameters=kept)["RecordDetail"]
    assert (record["Status"], "UPDATE_ROLLBACK_COMPLETE: Kept" in record["RecordErrors"][0]["Description"]) == (
        "FAILED",
        True,
    )
    detail = own.describe_provisioned_product(Name=name)["ProvisionedProductDetail"]
    assert (detail["Status"], detail["ProvisioningArtifactId"]) == ("TAINTED", catalogue.version)
    assert parameter(sandbox, f"/made/{name}/abc") == "abc"


def test_tags_change_only_where_a_constraint_allows_it(
    catalogue: Catalogue, sandbox: Sandbox, hub: Any, own: Any, name: str
) -> None:
    catalogue.provision(name, SageMakerProjectName=name)
    kept = [{"Key": "SageMakerProjectName", "UsePreviousValue": True}]
    change = {"Tags": [{"Key": "team", "Value": "churn"}], "ProvisioningParameters": kept}
    with pytest.raises(ClientError, match="no RESOURCE_UPDATE constraint allows it"):
        own.update_provisioned_product(ProvisionedProductName=name, **change)
    allowed = {"Version": "2.0", "Properties": {"TagUpdateOnProvisionedProduct": "ALLOWED"}}
    constrain(hub, catalogue, "RESOURCE_UPDATE", allowed)
    record = update(catalogue, own, name, **change)
    assert record["RecordDetail"]["Status"] == "SUCCEEDED", record
    assert {"Key": "team", "Value": "churn"} in stack_of(sandbox, record)["Tags"]


def test_a_template_constraint_refuses_parameters(catalogue: Catalogue, hub: Any, name: str) -> None:
    equals = {"Fn::Equals": [{"Ref": "Value"}, "good"]}
    rules = {"Named": {"Assertions": [{"Assert": equals, "AssertDescription": "Value must be good"}]}}
    constrain(hub, catalogue, "TEMPLATE", {"Rules": rules})
    refused = catalogue.provision(f"{name}-a", Value="bad")["RecordDetail"]
    assert (refused["Status"], "Value must be good" in refused["RecordErrors"][0]["Description"]) == ("FAILED", True)
    made = catalogue.provision(f"{name}-b", Value="good", SageMakerProjectName=name)["RecordDetail"]
    assert made["Status"] == "SUCCEEDED", made


def test_a_notification_constraint_names_the_topics_of_stacks(
    catalogue: Catalogue, sandbox: Sandbox, hub: Any, name: str
) -> None:
    topic = sandbox.client("sns").create_topic(Name=name)["TopicArn"]
    constrain(hub, catalogue, "NOTIFICATION", {"NotificationArns": [topic]})
    record = catalogue.provision(name, SageMakerProjectName=name)
    assert record["RecordDetail"]["Status"] == "SUCCEEDED", record
    assert stack_of(sandbox, record)["NotificationARNs"] == [topic]


def test_a_product_without_its_resources_is_terminated(
    catalogue: Catalogue, sandbox: Sandbox, own: Any, name: str
) -> None:
    catalogue.provision(name, SageMakerProjectName=name)
    ended = own.terminate_provisioned_product(ProvisionedProductName=name, RetainPhysicalResources=True)
    assert catalogue.ended(ended["RecordDetail"]["RecordId"])["RecordDetail"]["Status"] == "SUCCEEDED"
    with pytest.raises(ClientError, match="not found"):
        own.describe_provisioned_product(Name=name)
    assert parameter(sandbox, f"/made/{name}/abc") == "abc"


class Options:
    """Tag options with keys of their own, associated with a catalogue's portfolio and product."""

    def __init__(self, hub: Any, catalogue: Catalogue) -> None:
        self.hub, self.catalogue = hub, catalogue
        lent = {"PortfolioId": catalogue.portfolio, "AccountId": ACCOUNTS["development"]}
        hub.update_portfolio_share(**lent, ShareTagOptions=True)

    def add(self, key: str, *values: str, to: str) -> None:
        for value in values:
            listed = self.hub.list_tag_options(Filters={"Key": key, "Value": value})["TagOptionDetails"]
            made = listed or [self.hub.create_tag_option(Key=key, Value=value)["TagOptionDetail"]]
            self.hub.associate_tag_option_with_resource(TagOptionId=made[0]["Id"], ResourceId=to)


def launch(catalogue: Catalogue, own: Any, name: str, **tags: str) -> dict[str, Any]:
    """Launch the product with tags; return the record at its end."""
    started = own.provision_product(
        ProvisionedProductName=name,
        ProductId=catalogue.product,
        ProvisioningArtifactId=catalogue.version,
        ProvisioningParameters=given(SageMakerProjectName=name),
        Tags=given(**tags),
    )
    return catalogue.ended(started["RecordDetail"]["RecordId"])


def test_tag_options_become_tags(catalogue: Catalogue, sandbox: Sandbox, hub: Any, own: Any, name: str) -> None:
    options, key = Options(hub, catalogue), name
    options.add(f"{key}-only", "finance", to=catalogue.portfolio)
    options.add(f"{key}-both", "a", "b", to=catalogue.portfolio)
    options.add(f"{key}-both", "b", "c", to=catalogue.product)
    options.add(f"{key}-choice", "x", "y", to=catalogue.product)
    wanted = {"ProductId": catalogue.product, "ProvisioningArtifactId": catalogue.version}
    told = own.describe_provisioning_parameters(**wanted)["TagOptions"]
    choice = {item["Key"]: item["Values"] for item in told}
    assert choice == {f"{key}-only": ["finance"], f"{key}-both": ["b"], f"{key}-choice": ["x", "y"]}
    for wrong in ({}, {f"{key}-choice": "z"}, {f"{key}-choice": "x", f"{key}-only": "other"}):
        with pytest.raises(ClientError, match="must be one of the values that the TagOptions allow"):
            launch(catalogue, own, name, **wrong)
    record = launch(catalogue, own, name, **{f"{key}-choice": "y", "free": "yes"})
    tags = {tag["Key"]: tag["Value"] for tag in stack_of(sandbox, record)["Tags"]}
    expected = {f"{key}-only": "finance", f"{key}-both": "b", f"{key}-choice": "y", "free": "yes"}
    assert expected.items() <= tags.items()


def test_an_inactive_option_or_one_that_is_not_lent_counts_for_nothing(
    catalogue: Catalogue, hub: Any, own: Any, name: str
) -> None:
    Options(hub, catalogue).add(name, "v", to=catalogue.product)
    wanted = {"ProductId": catalogue.product, "ProvisioningArtifactId": catalogue.version}
    assert own.describe_provisioning_parameters(**wanted)["TagOptions"] == [{"Key": name, "Values": ["v"]}]
    [option] = hub.list_tag_options(Filters={"Key": name})["TagOptionDetails"]
    hub.update_tag_option(Id=option["Id"], Active=False)
    assert own.describe_provisioning_parameters(**wanted)["TagOptions"] == []
    hub.update_tag_option(Id=option["Id"], Active=True)
    share_of = {"PortfolioId": catalogue.portfolio, "AccountId": ACCOUNTS["development"]}
    hub.update_portfolio_share(**share_of, ShareTagOptions=False)
    assert own.describe_provisioning_parameters(**wanted)["TagOptions"] == []


def test_a_tag_option_in_use_stays_and_none_is_made_twice(catalogue: Catalogue, hub: Any, name: str) -> None:
    Options(hub, catalogue).add(name, "v", to=catalogue.product)
    [option] = hub.list_tag_options(Filters={"Key": name})["TagOptionDetails"]
    with pytest.raises(hub.exceptions.ResourceInUseException):
        hub.delete_tag_option(Id=option["Id"])
    with pytest.raises(hub.exceptions.DuplicateResourceException):
        hub.create_tag_option(Key=name, Value="v")
    with pytest.raises(hub.exceptions.DuplicateResourceException):
        hub.associate_tag_option_with_resource(TagOptionId=option["Id"], ResourceId=catalogue.product)
    listed = hub.list_resources_for_tag_option(TagOptionId=option["Id"], ResourceType="Product")["ResourceDetails"]
    assert [item["Id"] for item in listed] == [catalogue.product]
    hub.disassociate_tag_option_from_resource(TagOptionId=option["Id"], ResourceId=catalogue.product)
    hub.delete_tag_option(Id=option["Id"])
    with pytest.raises(hub.exceptions.ResourceNotFoundException):
        hub.describe_tag_option(Id=option["Id"])


def test_a_deprecated_version_is_not_launched_and_what_was_made_of_it_is_updated(
    catalogue: Catalogue, hub: Any, own: Any, name: str
) -> None:
    catalogue.provision(name, Value="abc")
    place = {"ProductId": catalogue.product, "ProvisioningArtifactId": catalogue.version}
    hub.update_provisioning_artifact(**place, Guidance="DEPRECATED")
    with pytest.raises(ClientError, match="is deprecated"):
        own.provision_product(ProvisionedProductName=f"{name}-2", **place)
    changed = update(catalogue, own, name, ProvisioningParameters=given(Value="xyz"), **place)
    assert changed["RecordDetail"]["Status"] == "SUCCEEDED"


def test_a_version_that_is_asked_for_twice_with_one_token_is_made_once(
    sandbox: Sandbox, catalogue: Catalogue, hub: Any
) -> None:
    info = {"LoadTemplateFromURL": upload(sandbox, TEMPLATE)}
    wanted = {"ProductId": catalogue.product, "Parameters": {"Name": "v2", "Info": info}, "IdempotencyToken": "once"}
    made = [hub.create_provisioning_artifact(**wanted)["ProvisioningArtifactDetail"]["Id"] for _ in range(2)]
    assert made[0] == made[1]
    listed = hub.list_provisioning_artifacts(ProductId=catalogue.product)["ProvisioningArtifactDetails"]
    assert [item["Id"] for item in listed] == [catalogue.version, made[0]]
