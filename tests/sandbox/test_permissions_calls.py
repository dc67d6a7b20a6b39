"""What each call asks for: the action and the resource that AWS documents, seen in the denial of who may do nothing.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import urllib.error
import urllib.request
import uuid
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNTS, Sandbox
from persons import Person, denial

ACCOUNT = ACCOUNTS["development"]
HERE = f"us-east-1:{ACCOUNT}"
JOB = {
    "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/job",
    "ProcessingResources": {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
    "AppSpecification": {"ImageUri": "image"},
}
# service, operation, request, action, resource (after `arn:aws:`, or `*`)
CALLS: list[tuple[str, str, dict[str, Any], str, str]] = [
    ("cloudformation", "create_stack", {"StackName": "s"}, "CreateStack", f"cloudformation:{HERE}:stack/s/*"),
    ("cloudformation", "list_stacks", {}, "ListStacks", "*"),
    ("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": []}, "PutMetricData", "*"),
    ("cloudwatch", "delete_alarms", {"AlarmNames": ["a", "b"]}, "DeleteAlarms", f"cloudwatch:{HERE}:alarm:a"),
    ("codebuild", "start_build", {"projectName": "p"}, "StartBuild", f"codebuild:{HERE}:project/p"),
    ("codebuild", "batch_get_builds", {"ids": ["p:1"]}, "BatchGetBuilds", f"codebuild:{HERE}:project/p"),
    ("codecommit", "get_branch", {"repositoryName": "r", "branchName": "b"}, "GetBranch", f"codecommit:{HERE}:r"),
    ("codepipeline", "get_pipeline_state", {"name": "p"}, "GetPipelineState", f"codepipeline:{HERE}:p"),
    (
        "codepipeline",
        "put_approval_result",
        {
            "pipelineName": "p",
            "stageName": "s",
            "actionName": "a",
            "result": {"summary": "", "status": "Approved"},
            "token": "00000000-0000-0000-0000-000000000000",
        },
        "PutApprovalResult",
        f"codepipeline:{HERE}:p/s/a",
    ),
    ("ecr", "describe_images", {"repositoryName": "rr"}, "DescribeImages", f"ecr:{HERE}:repository/rr"),
    ("ecr", "get_authorization_token", {}, "GetAuthorizationToken", "*"),
    ("events", "put_rule", {"Name": "r", "EventPattern": "{}"}, "PutRule", f"events:{HERE}:rule/r"),
    ("events", "describe_rule", {"Name": "r", "EventBusName": "b"}, "DescribeRule", f"events:{HERE}:rule/b/r"),
    (
        "events",
        "put_events",
        {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]},
        "PutEvents",
        f"events:{HERE}:event-bus/default",
    ),
    ("iam", "get_role", {"RoleName": "r"}, "GetRole", f"iam::{ACCOUNT}:role/r"),
    (
        "iam",
        "create_role",
        {"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": "{}"},
        "CreateRole",
        f"iam::{ACCOUNT}:role/p/r",
    ),
    ("iam", "list_roles", {}, "ListRoles", "*"),
    ("kms", "list_keys", {}, "ListKeys", "*"),
    ("lambda", "invoke", {"FunctionName": "f"}, "InvokeFunction", f"lambda:{HERE}:function:f"),
    (
        "lambda",
        "invoke",
        {"FunctionName": f"arn:aws:lambda:{HERE}:function:f", "Qualifier": "live"},
        "InvokeFunction",
        f"lambda:{HERE}:function:f:live",
    ),
    ("lambda", "list_functions", {}, "ListFunctions", "*"),
    ("logs", "create_log_group", {"logGroupName": "g"}, "CreateLogGroup", f"logs:{HERE}:log-group:g:log-stream:"),
    (
        "logs",
        "put_log_events",
        {"logGroupName": "/g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]},
        "PutLogEvents",
        f"logs:{HERE}:log-group:/g:log-stream:s",
    ),
    ("s3", "list_buckets", {}, "ListAllMyBuckets", "s3:::*"),
    ("s3", "create_bucket", {"Bucket": "new-bucket"}, "CreateBucket", "s3:::new-bucket"),
    (
        "sagemaker",
        "create_processing_job",
        {"ProcessingJobName": "j", **JOB},
        "CreateProcessingJob",
        f"sagemaker:{HERE}:processing-job/j",
    ),
    ("sagemaker", "describe_endpoint", {"EndpointName": "e"}, "DescribeEndpoint", f"sagemaker:{HERE}:endpoint/e"),
    (
        "sagemaker",
        "describe_pipeline_execution",
        {"PipelineExecutionArn": f"arn:aws:sagemaker:{HERE}:pipeline/p/execution/x"},
        "DescribePipelineExecution",
        f"sagemaker:{HERE}:pipeline/p/execution/x",
    ),
    ("sagemaker", "list_pipelines", {}, "ListPipelines", "*"),
    (
        "sagemaker",
        "create_user_profile",
        {"DomainId": "d-1", "UserProfileName": "u"},
        "CreateUserProfile",
        f"sagemaker:{HERE}:user-profile/d-1/u",
    ),
    (
        "sagemaker-runtime",
        "invoke_endpoint",
        {"EndpointName": "e", "Body": b"1"},
        "InvokeEndpoint",
        f"sagemaker:{HERE}:endpoint/e",
    ),
    (
        "scheduler",
        "get_schedule",
        {"Name": "n", "GroupName": "g"},
        "GetSchedule",
        f"scheduler:{HERE}:schedule/g/n",
    ),
    (
        "secretsmanager",
        "get_secret_value",
        {"SecretId": "absent"},
        "GetSecretValue",
        f"secretsmanager:{HERE}:secret:absent-??????",
    ),
    (
        "servicecatalog",
        "describe_portfolio",
        {"Id": "port-1"},
        "DescribePortfolio",
        f"catalog:{HERE}:portfolio/port-1",
    ),
    (
        "servicecatalog",
        "provision_product",
        {"ProductId": "prod-1", "ProvisioningArtifactId": "pa-1", "ProvisionedProductName": "n"},
        "ProvisionProduct",
        f"catalog:{HERE}:product/prod-1",
    ),
    ("sns", "publish", {"TopicArn": f"arn:aws:sns:{HERE}:t", "Message": "m"}, "Publish", f"sns:{HERE}:t"),
    ("sqs", "get_queue_url", {"QueueName": "q"}, "GetQueueUrl", f"sqs:{HERE}:q"),
    ("ssm", "get_parameter", {"Name": "/a/b"}, "GetParameter", f"ssm:{HERE}:parameter/a/b"),
    ("ssm", "get_parameters", {"Names": ["a", "/b"]}, "GetParameters", f"ssm:{HERE}:parameter/a"),
    ("ssm", "describe_parameters", {}, "DescribeParameters", "*"),
    (
        "stepfunctions",
        "start_execution",
        {"stateMachineArn": f"arn:aws:states:{HERE}:stateMachine:m"},
        "StartExecution",
        f"states:{HERE}:stateMachine:m",
    ),
    ("apigateway", "create_rest_api", {"name": "a"}, "POST", "apigateway:us-east-1::/restapis"),
]
PREFIXES = {
    "sagemaker-runtime": "sagemaker",
    "stepfunctions": "states",
}


@pytest.fixture(scope="module")
def nobody(sandbox: Sandbox) -> Iterator[Person]:
    """A person who may do nothing."""
    yield Person(sandbox, "development")


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]}:{call[3]}-{call[4][:12]}")
def test_a_call_asks_for_its_action_on_its_resource(
    nobody: Person, call: tuple[str, str, dict[str, Any], str, str]
) -> None:
    service, operation, request, action, resource = call
    client = nobody.client(service)
    said = denial(lambda: getattr(client, operation)(**request))
    name = f"{PREFIXES.get(service, service)}:{action}"
    arn = resource if resource == "*" else f"arn:aws:{resource}"
    reason = f"because no identity-based policy allows the {name} action"
    assert said == f"User: {nobody.session} is not authorized to perform: {name} on resource: {arn} {reason}"


def test_everyone_may_ask_who_they_are(nobody: Person) -> None:
    assert nobody.client("sts").get_caller_identity()["Arn"] == nobody.session


STATUS = {"sqs": ("AccessDenied", 400), "sns": ("AuthorizationError", 403), "iam": ("AccessDenied", 403)}
STATUS |= {"ssm": ("AccessDeniedException", 400), "s3": ("AccessDenied", 403), "lambda": ("AccessDeniedException", 403)}


@pytest.mark.parametrize("service", STATUS)
def test_a_denial_has_the_code_and_the_status_of_the_service(nobody: Person, service: str) -> None:
    client = nobody.client(service)
    looks = {"sqs": "list_queues", "sns": "list_topics", "iam": "list_users", "ssm": "describe_parameters"}
    looks |= {"s3": "list_buckets", "lambda": "list_functions"}
    with pytest.raises(ClientError) as refused:
        getattr(client, looks[service])()
    answer = refused.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == STATUS[service]


def test_each_resource_that_a_call_names_must_be_allowed(sandbox: Sandbox) -> None:
    person, names = Person(sandbox, "development"), [f"/calls/{uuid.uuid4().hex[:8]}" for _ in range(2)]
    for name in names:
        sandbox.client("ssm").put_parameter(Name=name, Value="v", Type="String")
    ssm = person.client("ssm")
    person.allow("ssm:GetParameters", f"arn:aws:ssm:{HERE}:parameter{names[0]}")
    assert f"parameter{names[1]}" in denial(lambda: ssm.get_parameters(Names=names))
    assert len(ssm.get_parameters(Names=names[:1])["Parameters"]) == 1


def test_a_stack_is_asked_for_by_its_id(sandbox: Sandbox) -> None:
    person, name = Person(sandbox, "development"), f"calls-{uuid.uuid4().hex[:8]}"
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'
    made = sandbox.client("cloudformation").create_stack(StackName=name, TemplateBody=template)["StackId"]
    cloudformation = person.client("cloudformation")
    assert f"on resource: {made} " in denial(lambda: cloudformation.describe_stacks(StackName=name))
    person.allow("cloudformation:DescribeStacks", f"arn:aws:cloudformation:{HERE}:stack/{name}/*")
    assert cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"] == made


def test_setting_tags_at_a_creation_is_a_permission_of_its_own(sandbox: Sandbox) -> None:
    person, name = Person(sandbox, "development"), f"calls-{uuid.uuid4().hex[:8]}"
    person.allow("sagemaker:CreateModelPackageGroup", "*")
    api, tags = person.client("sagemaker"), [{"Key": "team", "Value": "blue"}]
    said = denial(lambda: api.create_model_package_group(ModelPackageGroupName=name, Tags=tags))
    assert f"sagemaker:AddTags on resource: arn:aws:sagemaker:{HERE}:model-package-group/{name}" in said
    person.allow("sagemaker:AddTags", "*", Condition={"StringEquals": {"aws:RequestTag/team": "blue"}})
    assert api.create_model_package_group(ModelPackageGroupName=name, Tags=tags)["ModelPackageGroupArn"]
    red = [{"Key": "team", "Value": "red"}]
    denial(lambda: api.create_model_package_group(ModelPackageGroupName=f"{name}-2", Tags=red))


def test_a_resources_tags_may_be_the_condition(sandbox: Sandbox) -> None:
    person, api = Person(sandbox, "development"), sandbox.client("sagemaker")
    person.allow("sagemaker:Describe*", "*", Condition={"StringEquals": {"aws:ResourceTag/team": "blue"}})
    own = person.client("sagemaker")
    for team, works in (("blue", True), ("red", False)):
        name = f"calls-{uuid.uuid4().hex[:8]}"
        api.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "team", "Value": team}])
        if works:
            assert own.describe_model_package_group(ModelPackageGroupName=name)["ModelPackageGroupName"] == name
        else:
            denial(lambda name=name: own.describe_model_package_group(ModelPackageGroupName=name))


def test_approving_a_model_may_be_denied_by_its_status(sandbox: Sandbox) -> None:
    person, group = Person(sandbox, "development"), f"calls-{uuid.uuid4().hex[:8]}"
    person.allow("sagemaker:*", "*")
    approved = {"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}}
    person.deny("sagemaker:CreateModelPackage", "*", Condition=approved)
    api = person.client("sagemaker")
    api.create_model_package_group(ModelPackageGroupName=group)
    said = denial(lambda: api.create_model_package(ModelPackageGroupName=group, ModelApprovalStatus="Approved"))
    assert "with an explicit deny in an identity-based policy" in said


def test_git_needs_the_permission_to_pull_and_to_push(sandbox: Sandbox) -> None:
    name, person = f"calls-{uuid.uuid4().hex[:8]}", Person(sandbox, "development")
    sandbox.client("codecommit").create_repository(repositoryName=name)
    arn = f"arn:aws:codecommit:{HERE}:{name}"
    for service, action in (("git-upload-pack", "GitPull"), ("git-receive-pack", "GitPush")):
        status, text = git(sandbox, person, f"{name}/info/refs?service={service}")
        assert (status, f"codecommit:{action} on resource: {arn}" in text) == (403, True)
        person.allow(f"codecommit:{action}", arn)
        assert git(sandbox, person, f"{name}/info/refs?service={service}")[0] == 200


def git(sandbox: Sandbox, person: Person, path: str) -> tuple[int, str]:
    """Ask as git does; return the status and the answer."""
    user = f"{person.keys['AccessKeyId']}%{person.keys['SessionToken']}:x"
    headers = {"Authorization": f"Basic {b64encode(user.encode()).decode()}"}
    request = urllib.request.Request(f"{sandbox.endpoint}/v1/repos/{path}", headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - the sandbox's own address
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
