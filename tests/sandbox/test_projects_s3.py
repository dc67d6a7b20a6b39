"""SageMaker projects from templates in S3: created, updated and given back, with the rights of whoever asks."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from catalogues import TEMPLATE, Catalogue, publish, share
from durable import Durable
from harness import ACCOUNTS, Sandbox, eventually, settled
from persons import Person
from stacks import Stacks

Item = dict[str, Any]
ACCOUNT = ACCOUNTS["development"]
BUCKET = "project-templates-222222222222"
SLOW = """
Parameters:
  SageMakerProjectName: {Type: String}
  SageMakerProjectId: {Type: String}
Resources:
  Waits: {Type: AWS::CloudFormation::WaitConditionHandle}
  Signal:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Waits, Timeout: "600"}
"""


class Projects:
    """Creates projects from templates in a bucket and waits for their end."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.api, self.s3 = sandbox, sandbox.client("sagemaker"), sandbox.client("s3")
        self.role = sandbox.role("project-launch", "cloudformation.amazonaws.com")
        self.s3.create_bucket(Bucket=BUCKET)

    def upload(self, template: str = TEMPLATE) -> str:
        key = f"{uuid.uuid4().hex[:8]}.yaml"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=template.encode())
        return f"https://{BUCKET}.s3.us-east-1.amazonaws.com/{key}"

    def provider(self, url: str | None = None, **parameters: str) -> Item:
        given = [{"Key": key, "Value": value} for key, value in parameters.items()]
        wanted = {"TemplateName": "small", "TemplateURL": url or self.upload(), "Parameters": given}
        return {"CfnTemplateProvider": wanted | {"RoleARN": self.role}}

    def create(self, name: str, url: str | None = None, **parameters: str) -> Item:
        tags = [{"Key": "team", "Value": "ml"}]
        made = self.api.create_project(
            ProjectName=name, TemplateProviders=[self.provider(url, **parameters)], Tags=tags
        )
        return {**self.ended(name), "ProjectId": made["ProjectId"]}

    def update(self, name: str, url: str | None = None, template: str = "small", **parameters: str) -> Item:
        wanted = self.provider(url, **parameters)["CfnTemplateProvider"] | {"TemplateName": template}
        del wanted["RoleARN"]
        self.api.update_project(ProjectName=name, TemplateProvidersToUpdate=[{"CfnTemplateProvider": wanted}])
        return self.ended(name)

    def ended(self, name: str) -> Item:
        return settled(self.api, name)

    def kept(self, name: str, value: str = "abc") -> str:
        return str(self.sandbox.client("ssm").get_parameter(Name=f"/made/{name}/{value}")["Parameter"]["Value"])


@pytest.fixture(scope="module")
def projects(sandbox: Sandbox) -> Projects:
    return Projects(sandbox)


@pytest.fixture
def name() -> str:
    """A project name that no other test uses."""
    return f"p{uuid.uuid4().hex[:8]}"


def told(project: Item) -> Item:
    """Return what a description says of the one template."""
    (found,) = project["TemplateProviderDetails"]
    detail: Item = found["CfnTemplateProviderDetail"]
    return detail


def refused(call: Any) -> str:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == "ValidationException"
    return str(error.value.response["Error"]["Message"])


def test_a_template_becomes_a_stack_with_the_project_s_parameters_tags_and_role(
    projects: Projects, sandbox: Sandbox, name: str
) -> None:
    url = projects.upload()
    made = projects.create(name, url, Value="xyz")
    assert made["ProjectStatus"] == "CreateCompleted"
    assert projects.kept(name, "xyz") == "xyz"
    detail = told(made)
    assert (detail["TemplateName"], detail["TemplateURL"], detail["RoleARN"]) == ("small", url, projects.role)
    assert detail["Parameters"] == [{"Key": "Value", "Value": "xyz"}]
    (stack,) = sandbox.client("cloudformation").describe_stacks(StackName=detail["StackDetail"]["Id"])["Stacks"]
    assert stack["StackName"] == detail["StackDetail"]["Name"] and stack["StackName"].startswith("SP-")
    assert stack["RoleARN"] == projects.role
    assert {tag["Key"]: tag["Value"] for tag in stack["Tags"]} == {
        "sagemaker:project-name": name,
        "sagemaker:project-id": made["ProjectId"],
        "team": "ml",
    }
    assert "ServiceCatalogProvisioningDetails" not in made
    projects.api.delete_project(ProjectName=name)
    assert projects.ended(name)["ProjectStatus"] == "DeleteCompleted"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        projects.kept(name, "xyz")


def test_an_update_brings_another_template_and_keeps_what_is_not_given(projects: Projects, name: str) -> None:
    projects.create(name, Value="kept")
    more = "  Also: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref More}}\nOutputs:"
    newer = TEMPLATE.replace("Outputs:", more).replace("Resources:", "  More: {Type: String, Default: new}\nResources:")
    updated = projects.update(name, projects.upload(newer))
    assert updated["ProjectStatus"] == "UpdateCompleted"
    assert projects.kept(name, "kept") == "kept"
    assert told(updated)["Parameters"] == [{"Key": "Value", "Value": "kept"}]
    assert updated["LastModifiedTime"] >= updated["CreationTime"]
    assert told(projects.update(name, Value="other"))["Parameters"] == [{"Key": "Value", "Value": "other"}]
    assert projects.kept(name, "other") == "other"
    projects.api.update_project(ProjectName=name, ProjectDescription="told", Tags=[{"Key": "owner", "Value": "risk"}])
    last = projects.ended(name)
    assert (last["ProjectStatus"], last["ProjectDescription"]) == ("UpdateCompleted", "told")
    tags = projects.api.list_tags(ResourceArn=last["ProjectArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "ml", "owner": "risk"}


def test_a_failed_update_tells_why_and_leaves_the_project_what_it_was(projects: Projects, name: str) -> None:
    before = projects.create(name, Value="good")
    failed = projects.update(name, Value="BAD")
    assert failed["ProjectStatus"] == "UpdateFailed"
    assert told(failed)["StackDetail"]["StatusMessage"] == "Parameter 'Value' must match pattern [a-z]+"
    assert told(failed)["TemplateURL"] == told(before)["TemplateURL"]
    assert projects.update(name, Value="better")["ProjectStatus"] == "UpdateCompleted"


def test_an_update_names_the_project_s_own_template(projects: Projects, name: str) -> None:
    projects.create(name)
    assert "has no template other: its one template is small" in refused(
        lambda: projects.update(name, template="other")
    )
    details = {"ProvisioningParameters": [{"Key": "Value", "Value": "x"}]}
    message = refused(
        lambda: projects.api.update_project(ProjectName=name, ServiceCatalogProvisioningUpdateDetails=details)
    )
    assert "was created with TemplateProviders" in message


def test_a_template_or_a_product_is_asked_for_and_not_both(projects: Projects, name: str) -> None:
    product = {"ProductId": "prod-0123456789abc", "ProvisioningArtifactId": "pa-0123456789abc"}
    both = {"TemplateProviders": [projects.provider()], "ServiceCatalogProvisioningDetails": product}
    for wanted in (both, {}, {"TemplateProviders": [{}]}):
        assert refused(lambda wanted=wanted: projects.api.create_project(ProjectName=name, **wanted))
    assert "does not exist" in refused(lambda: projects.api.describe_project(ProjectName=name))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (json.dumps({"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}), "is JSON. It must be YAML."),
        ("Resources: [", "Template format error"),
        (
            TEMPLATE.replace("SageMakerProjectId: {Type", "OtherId: {Type"),
            "Parameters: [SageMakerProjectId] do not exist",
        ),
    ],
    ids=["JSON", "no YAML", "without SageMaker's parameters"],
)
def test_a_wrong_template_fails_the_project_with_the_reason(
    projects: Projects, name: str, template: str, message: str
) -> None:
    failed = projects.create(name, projects.upload(template))
    assert failed["ProjectStatus"] == "CreateFailed"
    assert message in told(failed)["StackDetail"]["StatusMessage"]
    assert "Id" not in told(failed)["StackDetail"]
    projects.api.delete_project(ProjectName=name)
    assert projects.ended(name)["ProjectStatus"] == "DeleteCompleted"


def test_a_template_that_is_not_there_fails_the_project(projects: Projects, name: str) -> None:
    failed = projects.create(name, f"https://{BUCKET}.s3.us-east-1.amazonaws.com/none.yaml")
    assert "S3 error" in told(failed)["StackDetail"]["StatusMessage"]
    address = f"http://{BUCKET}.s3.us-east-1.amazonaws.com/none.yaml"
    assert "failed to satisfy constraint" in refused(lambda: projects.create(f"{name}a", address))


def test_whoever_asks_needs_the_rights_and_must_be_allowed_to_pass_the_role(
    projects: Projects, sandbox: Sandbox, name: str
) -> None:
    person, stack = Person(sandbox, "development"), f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/SP-*"
    person.allow("sagemaker:CreateProject", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:project/*")
    api = person.client("sagemaker")

    def reason(number: int) -> str:
        project = f"{name}{number}"
        api.create_project(ProjectName=project, TemplateProviders=[projects.provider()])
        return str(told(projects.ended(project))["StackDetail"]["StatusMessage"])

    assert "s3:GetObject" in reason(1)
    person.allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*")
    assert "cloudformation:CreateStack" in reason(2)
    for action in ("CreateStack", "DescribeStacks", "TagResource"):
        person.allow(f"cloudformation:{action}", stack)
    assert "iam:PassRole" in reason(3)
    to_cloudformation = {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    person.allow("iam:PassRole", projects.role, Condition=to_cloudformation)
    assert reason(4) == "CreateCompleted"


def test_a_stack_makes_a_project_from_a_template_and_tells_why_one_failed(projects: Projects, name: str) -> None:
    def template(value: str) -> str:
        detail = projects.provider(Value=value)["CfnTemplateProvider"]
        properties = {"ProjectName": name, "TemplateProviderDetails": [{"CfnTemplateProviderDetail": detail}]}
        return json.dumps({"Resources": {"It": {"Type": "AWS::SageMaker::Project", "Properties": properties}}})

    stacks = Stacks(projects.sandbox)
    failed = stacks.create(template("WRONG"))
    assert "must match pattern [a-z]+" in stacks.reason(failed["StackId"])
    made = stacks.create(template("abc"))
    assert made["StackStatus"] == "CREATE_COMPLETE", stacks.reason(made["StackId"])
    detail = told(projects.api.describe_project(ProjectName=name))
    assert (detail["TemplateName"], detail["RoleARN"], projects.kept(name)) == ("small", projects.role, "abc")
    assert stacks.delete(made["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert projects.api.describe_project(ProjectName=name)["ProjectStatus"] == "DeleteCompleted"


def test_an_update_of_a_product_brings_its_newest_version(sandbox: Sandbox, projects: Projects, name: str) -> None:
    catalogue: Catalogue = share(publish(sandbox))
    given = [{"Key": "Value", "Value": "xyz"}]
    details = {"ProductId": catalogue.product, "ProvisioningParameters": given}
    projects.api.create_project(ProjectName=name, ServiceCatalogProvisioningDetails=details)
    assert projects.ended(name)["ProjectStatus"] == "CreateCompleted"
    hub = sandbox.client("servicecatalog", "shared-services")
    s3 = sandbox.client("s3", "shared-services")
    newer = TEMPLATE.replace("Value: !Ref Value}", 'Value: !Sub "${Value}-2"}')
    s3.put_object(Bucket="catalogue-templates", Key=f"{name}.yaml", Body=newer.encode())
    info = {"LoadTemplateFromURL": f"https://catalogue-templates.s3.amazonaws.com/{name}.yaml"}
    parameters = {"Name": "v2", "Type": "CLOUD_FORMATION_TEMPLATE", "Info": info}
    version = hub.create_provisioning_artifact(ProductId=catalogue.product, Parameters=parameters)
    projects.api.update_project(ProjectName=name, ServiceCatalogProvisioningUpdateDetails={})
    updated = projects.ended(name)
    assert updated["ProjectStatus"] == "UpdateCompleted"
    assert projects.kept(name, "xyz") == "xyz-2"
    told_of = updated["ServiceCatalogProvisioningDetails"]
    assert told_of["ProvisioningArtifactId"] == version["ProvisioningArtifactDetail"]["Id"]
    assert told_of["ProvisioningParameters"] == given


def test_a_project_that_a_stop_cut_off_fails_with_its_stack(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    durable = Durable(tmp_path_factory.mktemp("project"))
    own = Projects(durable.up())
    own.api.create_project(ProjectName=name, TemplateProviders=[own.provider(own.upload(SLOW))])
    eventually(lambda: told(own.api.describe_project(ProjectName=name))["StackDetail"].get("Id"))
    durable.saved()
    durable.kill()
    durable.up()
    try:
        failed = own.ended(name)
        assert failed["ProjectStatus"] == "CreateFailed"
        assert told(failed)["StackDetail"]["StatusMessage"].startswith("Stack SP-")
    finally:
        durable.down()
