"""Something of every service: each function makes it and returns how to look at it, which must come out the same."""

from __future__ import annotations

import hashlib
import json
import subprocess
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalogues import publish, share
from functions import Functions
from harness import ACCOUNTS, Sandbox, eventually
from hosting_bench import Serving
from pipeline_runs import Pipelines
from stacks import FOLLOWED, Stacks
from workbench import Workbench
from workshop import Workshop, approval, stage

Look = Callable[[Sandbox], Any]
Make = Callable[["Workplace"], Look]
THINGS: dict[str, Make] = {}


class Workplace:
    """What the things are made with."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox, self.folder = sandbox, folder
        for name in ("job", "server", "clone"):
            (folder / name).mkdir()
        self.bench = Workbench(sandbox, folder / "job")

    def client(self, service: str, profile: str = "development") -> Any:
        return self.sandbox.client(service, profile)


def thing(make: Make) -> Make:
    THINGS[make.__name__.strip("_")] = make
    return make


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without what each request has of its own."""
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


@thing
def _git_host(at: Workplace) -> Look:
    name, connections = f"team/{uuid.uuid4().hex[:8]}", at.client("codeconnections")
    arn = connections.create_connection(ConnectionName="durable", ProviderType="GitLab")["ConnectionArn"]
    for path in (name, f"-/connections/{arn.rpartition('/')[2]}"):
        urllib.request.urlopen(f"{at.sandbox.endpoint}/_git/{path}", data=b"{}").close()  # noqa: S310  # the sandbox
    folder = at.folder / "hosted"
    url = f"{at.sandbox.endpoint.replace('://', '://dev:any@')}/_git/{name}.git"
    who = ["-c", "user.name=dev", "-c", "user.email=dev@example.com"]
    for command in (["init", "--quiet", str(folder)], [*who, "commit", "--quiet", "--allow-empty", "-m", "One"]):
        subprocess.run(["git", *([] if "init" in command else ["-C", str(folder)]), *command], check=True)
    subprocess.run(["git", "-C", str(folder), "push", "--quiet", url, "HEAD:main"], check=True)

    def look(sandbox: Sandbox) -> Any:
        remote = f"{sandbox.endpoint}/_git/{name}.git"
        heads = subprocess.run(["git", "ls-remote", remote], capture_output=True, text=True, check=True).stdout
        return heads, plain(sandbox.client("codeconnections").get_connection(ConnectionArn=arn))

    return look


@thing
def _objects(at: Workplace) -> Look:
    s3, bucket = at.client("s3"), f"durable-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for number in range(2):
        body = f"body {number} ".encode() * 5000
        s3.put_object(Bucket=bucket, Key="a/b", Body=body, Metadata={"n": str(number)}, Tagging="t=1")
    s3.put_object(Bucket=bucket, Key="gone", Body=b"")
    s3.delete_object(Bucket=bucket, Key="gone")

    def look(sandbox: Sandbox) -> Any:
        s3 = sandbox.client("s3")
        listed = s3.list_object_versions(Bucket=bucket)
        kinds = ("Versions", "DeleteMarkers")
        versions = [(kind, v["Key"], v["VersionId"], v["IsLatest"]) for kind in kinds for v in listed.get(kind, [])]
        found = []
        for listing in listed["Versions"]:
            got = s3.get_object(Bucket=bucket, Key=listing["Key"], VersionId=listing["VersionId"])
            digest = hashlib.sha256(got["Body"].read()).hexdigest()
            found.append((digest, got["Metadata"], got["ETag"], got.get("TagCount")))
        return sorted(versions), found

    return look


@thing
def _upload_under_way(at: Workplace) -> Look:
    s3, bucket = at.client("s3"), f"parts-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="whole")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="whole", UploadId=upload, PartNumber=1, Body=b"first part")["ETag"]

    def look(sandbox: Sandbox) -> Any:
        s3 = sandbox.client("s3")
        parts = s3.list_parts(Bucket=bucket, Key="whole", UploadId=upload)["Parts"]
        return [(found["PartNumber"], found["ETag"], found["Size"]) for found in parts], part

    return look


@thing
def _principals(at: Workplace) -> Look:
    iam, name = at.client("iam"), f"durable-{uuid.uuid4().hex[:8]}"
    at.sandbox.role(name, "ec2.amazonaws.com")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]}
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(document))
    policy = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]

    def look(sandbox: Sandbox) -> Any:
        iam = sandbox.client("iam")
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        counts = [iam.get_policy(PolicyArn=found["PolicyArn"])["Policy"] for found in attached]
        inline = iam.get_role_policy(RoleName=name, PolicyName="inline")["PolicyDocument"]
        keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
        role = iam.get_role(RoleName=name)["Role"]
        role.pop("RoleLastUsed", None)
        aws = len(iam.get_paginator("list_policies").paginate(Scope="AWS").build_full_result()["Policies"])
        return role, counts, inline, keys, aws, key

    return look


@thing
def _secrets(at: Workplace) -> Look:
    name = f"/durable/{uuid.uuid4().hex}"
    at.client("ssm").put_parameter(Name=name, Value="päss", Type="SecureString", Tags=[{"Key": "a", "Value": "b"}])
    secret = at.client("secretsmanager").create_secret(Name=name, SecretString="s3cret")["ARN"]

    def look(sandbox: Sandbox) -> Any:
        found = sandbox.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
        tags = sandbox.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        return found, tags, sandbox.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]

    return look


@thing
def _keys(at: Workplace) -> Look:
    kms = at.client("kms")
    key = kms.create_key(Description="durable")["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"plain")["CiphertextBlob"]
    signing = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
    signer = kms.create_key(**signing)["KeyMetadata"]["KeyId"]
    told = {"KeyId": signer, "Message": b"text", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**told)["Signature"]

    def look(sandbox: Sandbox) -> Any:
        kms = sandbox.client("kms")
        verified = kms.verify(**told, Signature=signature)["SignatureValid"]
        return kms.decrypt(CiphertextBlob=sealed)["Plaintext"], verified, kms.describe_key(KeyId=key)["KeyMetadata"]

    return look


@thing
def _messages(at: Workplace) -> Look:
    sqs, name = at.client("sqs"), f"durable-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns = at.client("sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="told")
    sqs.send_message(QueueUrl=url, MessageBody="sent")

    def look(sandbox: Sandbox) -> Any:
        sqs = sandbox.client("sqs")
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        found = sqs.receive_message(**asked)["Messages"]
        subscribed = sandbox.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        return sorted((message["MessageId"], message["Body"]) for message in found), subscribed

    return look


@thing
def _logs_and_metrics(at: Workplace) -> Look:
    logs, name = at.client("logs"), f"durable-{uuid.uuid4().hex[:8]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="one")
    events = [{"timestamp": 1_700_000_000_000 + number, "message": f"line {number}"} for number in range(3)]
    logs.put_log_events(logGroupName=name, logStreamName="one", logEvents=events)
    cloudwatch = at.client("cloudwatch")
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 3.5}])
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody="{}")

    def look(sandbox: Sandbox) -> Any:
        found = sandbox.client("logs").get_log_events(logGroupName=name, logStreamName="one", startFromHead=True)
        cloudwatch = sandbox.client("cloudwatch")
        metrics = cloudwatch.list_metrics(Namespace=name)["Metrics"]
        dashboard = plain(cloudwatch.get_dashboard(DashboardName=name))
        return [event["message"] for event in found["events"]], metrics, dashboard

    return look


@thing
def _rules(at: Workplace) -> Look:
    events, name = at.client("events"), f"durable-{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=name, EventPattern=json.dumps({"source": ["durable"]}))
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNTS['development']}:none"
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue}])

    def look(sandbox: Sandbox) -> Any:
        events = sandbox.client("events")
        return plain(events.describe_rule(Name=name)), events.list_targets_by_rule(Rule=name)["Targets"]

    return look


@thing
def _repository(at: Workplace) -> Look:
    codecommit, name = at.client("codecommit"), f"durable-{uuid.uuid4().hex[:8]}"
    codecommit.create_repository(repositoryName=name, repositoryDescription="told", tags={"a": "b"})
    content = {"filePath": "file", "fileContent": b"text", "branchName": "main", "commitMessage": "first"}
    first = codecommit.put_file(repositoryName=name, **content)["commitId"]
    codecommit.create_branch(repositoryName=name, branchName="change", commitId=first)
    targets = [{"repositoryName": name, "sourceReference": "change"}]
    pull = codecommit.create_pull_request(title="Change", targets=targets)["pullRequest"]["pullRequestId"]
    about = {"pullRequestId": pull, "repositoryName": name, "beforeCommitId": first, "afterCommitId": first}
    codecommit.post_comment_for_pull_request(content="well", **about)

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("codecommit")
        found = api.get_repository(repositoryName=name)["repositoryMetadata"]
        folder = at.folder / "clone" / uuid.uuid4().hex
        helper = "!aws codecommit credential-helper --ignore-host-check $@"
        command = ["git", "-c", f"credential.helper={helper}", "-c", "credential.UseHttpPath=true", "clone", "-q"]
        done = subprocess.run([*command, found["cloneUrlHttp"], str(folder)], env=sandbox.environment(), check=False)
        assert done.returncode == 0
        proposed = api.get_pull_request(pullRequestId=pull)["pullRequest"]
        said = api.get_comments_for_pull_request(pullRequestId=pull)["commentsForPullRequestData"]
        return found, (folder / "file").read_text(), proposed, said

    return look


@thing
def _stack(at: Workplace) -> Look:
    stacks, name = Stacks(at.sandbox), f"durable-{uuid.uuid4().hex[:8]}"
    made = stacks.create(FOLLOWED, {"Name": name})

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("cloudformation")
        [found] = api.describe_stacks(StackName=made["StackId"])["Stacks"]
        resources = api.describe_stack_resources(StackName=made["StackId"])["StackResources"]
        events = api.describe_stack_events(StackName=made["StackId"])["StackEvents"]
        return found, resources, events, api.get_template(StackName=made["StackId"])["TemplateBody"]

    return look


@thing
def _product(at: Workplace) -> Look:
    catalogue, name = share(publish(at.sandbox)), f"durable-{uuid.uuid4().hex[:8]}"
    record = catalogue.provision(name)

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("servicecatalog")
        product = plain(api.describe_product(Id=catalogue.product))
        made = plain(api.describe_provisioned_product(Name=name))
        return product, made, plain(api.describe_record(Id=record["RecordDetail"]["RecordId"]))

    return look


@thing
def _registry(at: Workplace) -> Look:
    api, name = at.client("sagemaker"), f"durable-{uuid.uuid4().hex[:8]}"
    api.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "a", "Value": "b"}])
    container = {"Image": at.bench.image, "ModelDataUrl": at.bench.put(f"{name}/model.tar.gz", "model")}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    spec = {"Containers": [container], **types}
    arn = api.create_model_package(ModelPackageGroupName=name, InferenceSpecification=spec)["ModelPackageArn"]
    api.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("sagemaker")
        group = plain(api.describe_model_package_group(ModelPackageGroupName=name))
        tags = api.list_tags(ResourceArn=group["ModelPackageGroupArn"])["Tags"]
        image = sandbox.client("ecr").describe_images(repositoryName=at.bench.image.partition("/")[2].partition(":")[0])
        return group, tags, plain(api.describe_model_package(ModelPackageName=arn)), image["imageDetails"]

    return look


@thing
def _execution(at: Workplace) -> Look:
    pipelines = Pipelines(at.bench)
    name = pipelines.create([pipelines.process("Step", "print('hello')")])
    execution = pipelines.start(name)
    assert pipelines.ended(execution)["PipelineExecutionStatus"] == "Succeeded"

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("sagemaker")
        steps = api.list_pipeline_execution_steps(PipelineExecutionArn=execution)["PipelineExecutionSteps"]
        job = steps[0]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
        found = plain(api.describe_pipeline_execution(PipelineExecutionArn=execution))
        described = plain(api.describe_pipeline(PipelineName=name))
        return found, steps, described, plain(api.describe_processing_job(ProcessingJobName=job))

    return look


@thing
def _pipeline_that_waits(at: Workplace) -> Look:
    workshop = Workshop(at.sandbox)
    name = workshop.create(stage("Approval", approval()))
    workshop.token(name)

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("codepipeline")
        state = api.get_pipeline_state(name=name)["stageStates"]
        actions = api.list_action_executions(pipelineName=name)["actionExecutionDetails"]
        return state, actions, api.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]

    return look


@thing
def _build(at: Workplace) -> Look:
    api, name = at.client("codebuild"), f"durable-{uuid.uuid4().hex[:8]}"
    role = at.sandbox.role("build-role", "codebuild.amazonaws.com")
    image = {"type": "LINUX_CONTAINER", "image": "aws/codebuild/standard:7.0", "computeType": "BUILD_GENERAL1_SMALL"}
    source = {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: [echo hello]}}\n"}
    places = {"source": source, "artifacts": {"type": "NO_ARTIFACTS"}}
    api.create_project(name=name, **places, environment=image, serviceRole=role)
    build = api.start_build(projectName=name)["build"]["id"]

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("codebuild")
        return api.batch_get_builds(ids=[build])["builds"], api.batch_get_projects(names=[name])["projects"]

    eventually(lambda: look(at.sandbox)[0][0]["buildComplete"])
    return look


@thing
def _organization(at: Workplace) -> Look:
    def look(sandbox: Sandbox) -> Any:
        return sandbox.client("organizations", "shared-services").list_accounts()["Accounts"]

    return look


@thing
def _networks(at: Workplace) -> Look:
    ec2 = at.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")

    def look(sandbox: Sandbox) -> Any:
        ec2 = sandbox.client("ec2")
        keys = ("Vpcs", "Subnets", "SecurityGroups")
        found = (ec2.describe_vpcs(), ec2.describe_subnets(), ec2.describe_security_groups())
        return [sorted(answer[key], key=str) for key, answer in zip(keys, found, strict=True)]

    return look


@thing
def _table(at: Workplace) -> Look:
    dynamodb, name = at.client("dynamodb"), f"durable-{uuid.uuid4().hex[:8]}"
    key = {"AttributeName": "id", "KeyType": "HASH"}
    kinds = [{"AttributeName": "id", "AttributeType": "S"}]
    dynamodb.create_table(TableName=name, KeySchema=[key], AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST")
    dynamodb.put_item(TableName=name, Item={"id": {"S": "1"}, "n": {"N": "2"}, "l": {"L": [{"BOOL": True}]}})

    def look(sandbox: Sandbox) -> Any:
        dynamodb = sandbox.client("dynamodb")
        return dynamodb.scan(TableName=name)["Items"], dynamodb.describe_table(TableName=name)["Table"]

    return look


@thing
def _endpoint(at: Workplace) -> Look:
    serving = Serving(at.bench, at.folder / "server")
    name = serving.endpoint(serving.config(serving.model("durable")))

    def look(sandbox: Sandbox) -> Any:
        api = sandbox.client("sagemaker")
        eventually(lambda: api.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService")
        found = api.describe_endpoint(EndpointName=name)
        body = sandbox.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=name, ContentType="application/json", Body='{"tell": 1}'
        )["Body"]
        told = json.loads(body.read())
        return told["model"], found["EndpointConfigName"], found["CreationTime"], found["EndpointArn"]

    return look


@thing
def _function(at: Workplace) -> Look:
    functions = Functions(at.sandbox)
    name = functions.create("def handler(event, context): return [event, context.function_version]")
    version = functions.api.publish_version(FunctionName=name)["Version"]
    functions.api.create_alias(FunctionName=name, Name="live", FunctionVersion=version)

    def look(sandbox: Sandbox) -> Any:
        functions = Functions(sandbox)
        described = functions.api.get_function_configuration(FunctionName=name)
        return plain(described), functions.call(name, {"asked": 1}, Qualifier="live")

    return look


@thing
def _change_set(at: Workplace) -> Look:
    cloudformation, name = at.client("cloudformation"), f"durable-{uuid.uuid4().hex[:8]}"
    named = {"StackName": name, "ChangeSetName": "first"}
    template = "Resources: {Queue: {Type: AWS::SQS::Queue}}"
    cloudformation.create_change_set(**named, ChangeSetType="CREATE", TemplateBody=template)
    cloudformation.get_waiter("change_set_create_complete").wait(**named, WaiterConfig={"Delay": 1})

    def look(sandbox: Sandbox) -> Any:
        cloudformation = sandbox.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return plain(cloudformation.describe_change_set(**named)), stack

    return look


@thing
def _studio(at: Workplace) -> Look:
    sagemaker, name = at.client("sagemaker"), f"durable-{uuid.uuid4().hex[:8]}"
    subnet = at.client("ec2").describe_subnets()["Subnets"][0]
    settings = {"ExecutionRole": at.sandbox.role(name, "sagemaker.amazonaws.com")}
    wanted = {"DefaultUserSettings": settings, "SubnetIds": [subnet["SubnetId"]], "VpcId": subnet["VpcId"]}
    domain = sagemaker.create_domain(DomainName=name, AuthMode="IAM", **wanted)["DomainArn"].rpartition("/")[2]
    sagemaker.create_user_profile(DomainId=domain, UserProfileName="ada")
    described = {"DomainId": domain}
    eventually(lambda: sagemaker.describe_domain(**described)["Status"] == "InService")

    def look(sandbox: Sandbox) -> Any:
        sagemaker = sandbox.client("sagemaker")
        profile = sagemaker.describe_user_profile(**described, UserProfileName="ada")
        return plain(sagemaker.describe_domain(**described)), plain(profile)

    return look
