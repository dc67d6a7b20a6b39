"""Lambda: functions that run, what they are given, and how they fail."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError
from functions import Functions, archive
from harness import ACCOUNTS, Sandbox, eventually

ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture(scope="module")
def functions(sandbox: Sandbox) -> Functions:
    return Functions(sandbox)


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def test_a_function_acts_with_its_role_and_finds_what_lambda_sets(functions: Functions) -> None:
    look = """
        import os, boto3
        def handler(event, context):
            return {
                "who": boto3.client("sts").get_caller_identity()["Arn"],
                "set": os.environ["COLOUR"], "region": os.environ["AWS_REGION"], "at": os.getcwd(),
                "name": context.function_name, "version": context.function_version, "arn": context.invoked_function_arn,
                "memory": context.memory_limit_in_mb, "group": context.log_group_name, "id": context.aws_request_id,
                "left": context.get_remaining_time_in_millis(), "event": event,
            }
    """
    name = functions.create(look, Environment={"Variables": {"COLOUR": "red"}}, MemorySize=256)
    found = functions.call(name, {"x": [1, "ä"]})
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNTS['development']}:function:{name}"
    assert found["who"].split(":", 5)[5].startswith("assumed-role/FunctionRole/")
    assert (found["set"], found["region"], found["at"]) == ("red", "us-east-1", "/var/task")
    assert (found["name"], found["version"], found["arn"]) == (name, "$LATEST", arn)
    assert (found["memory"], found["group"]) == ("256", f"/aws/lambda/{name}")
    assert 0 < found["left"] <= 10_000
    assert found["event"] == {"x": [1, "ä"]}
    assert found["id"]


def test_functions_run_without_a_jail_too(process_sandbox: Sandbox) -> None:
    functions = Functions(process_sandbox)
    name = functions.create(
        "import other, os\ndef handler(e, c):\n    return other.VALUE + os.environ['LAMBDA_TASK_ROOT']"
    )
    with pytest.raises(AssertionError, match="No module named 'other'"):
        functions.call(name)
    functions.api.update_function_code(
        FunctionName=name,
        ZipFile=archive(
            index__py="import other\ndef handler(e, c):\n    return other.VALUE", other__py="VALUE = 'beside'"
        ),
    )
    assert functions.call(name) == "beside"


def test_only_the_packages_of_lambdas_runtime_are_there(functions: Functions) -> None:
    name = functions.create("import boto3, botocore\ndef handler(e, c):\n    import moto")
    assert functions.error(name)["errorMessage"] == "No module named 'moto'"


def test_code_comes_from_s3_and_can_be_downloaded(sandbox: Sandbox, functions: Functions) -> None:
    s3, content = sandbox.client("s3"), archive(main__py="def run(event, context):\n    return 'from S3'")
    s3.create_bucket(Bucket="function-code")
    s3.put_object(Bucket="function-code", Key="code.zip", Body=content)
    place = {"S3Bucket": "function-code", "S3Key": "code.zip"}
    name = functions.create("", Code=place, Handler="main.run")
    assert functions.call(name) == "from S3"
    location = functions.api.get_function(FunctionName=name)["Code"]["Location"]
    assert urllib3.request("GET", location).data == content
    with pytest.raises(ClientError, match="NoSuchKey") as refused:
        functions.create("", Code=place | {"S3Key": "other.zip"})
    assert code(refused) == "InvalidParameterValueException"


def test_an_exception_is_answered_with_its_trace_and_logged(functions: Functions) -> None:
    name = functions.create("class Odd(Exception):\n    pass\ndef handler(e, c):\n    raise Odd('no luck')")
    found = functions.error(name)
    assert (found["errorType"], found["errorMessage"]) == ("Odd", "no luck")
    [frame] = found["stackTrace"]
    assert frame.startswith('  File "/var/task/index.py", line 4, in handler')
    assert any(message == "[ERROR] Odd: no luck\n" for message in functions.logged(name, "REPORT"))


@pytest.mark.parametrize(
    ("text", "handler", "kind", "message"),
    [
        ("import nothing_there", "index.handler", "Runtime.ImportModuleError", "Unable to import module 'index': No"),
        ("def handler(:", "index.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index'"),
        (ECHO, "index.other", "Runtime.HandlerNotFound", "Handler 'other' missing on module 'index'"),
        (ECHO, "index", "Runtime.MalformedHandlerName", "Bad handler 'index'"),
        ("raise ValueError('at start')\n", "index.handler", "ValueError", "at start"),
        (
            "def handler(e, c):\n    return {1, 2}",
            "index.handler",
            "Runtime.MarshalError",
            "Unable to marshal response",
        ),
        ("import os\ndef handler(e, c):\n    os._exit(3)", "index.handler", "Runtime.ExitError", "exit status 3"),
    ],
)
def test_each_failure_has_lambdas_words(functions: Functions, text: str, handler: str, kind: str, message: str) -> None:
    found = functions.error(functions.create(text, Handler=handler))
    assert found["errorType"] == kind
    assert message in found["errorMessage"]


def test_a_function_that_takes_too_long_is_ended(functions: Functions) -> None:
    slow = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'done'"
    name, began = functions.create(slow, Timeout=1), time.monotonic()
    assert functions.error(name, 30)["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    assert time.monotonic() - began < 10
    assert functions.call(name, 0) == "done"
    assert any("Task timed out after 1.00 seconds" in message for message in functions.logged(name, "timed out"))


def test_logs_hold_start_end_and_report_and_the_tail_comes_back(functions: Functions) -> None:
    name = functions.create("import logging\ndef handler(e, c):\n    print('said')\n    logging.warning('warned')")
    lines = functions.tail(name).splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert lines[1] == "said"
    assert lines[2].startswith("[WARNING]\t")
    assert lines[2].endswith("\twarned")
    assert lines[3].startswith("END RequestId: ")
    assert "Billed Duration" in lines[4]
    assert "said\n" in functions.logged(name, "REPORT")


def test_a_process_serves_again_and_a_change_starts_another(functions: Functions) -> None:
    count = "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n"
    name = functions.create(count)
    assert [functions.call(name), functions.call(name)] == [1, 2]
    functions.api.update_function_configuration(FunctionName=name, Description="changed")
    assert functions.call(name) == 1


def test_a_dry_run_runs_nothing_and_an_event_is_queued(sandbox: Sandbox, functions: Functions) -> None:
    name = functions.create("import boto3\ndef handler(e, c):\n    print('ran', e)")
    assert functions.api.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    answer = functions.api.invoke(FunctionName=name, InvocationType="Event", Payload=b'"queued"')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    messages = functions.logged(name, "ran")
    assert [message for message in messages if message.startswith("ran")] == ["ran queued\n"]


def test_versions_keep_what_was_published(functions: Functions) -> None:
    name = functions.create("def handler(e, c):\n    return 'one ' + c.function_version")
    published = functions.api.publish_version(FunctionName=name)
    assert published["Version"] == "1"
    assert functions.api.publish_version(FunctionName=name)["Version"] == "1"  # nothing has changed
    functions.api.update_function_code(
        FunctionName=name, ZipFile=archive(index__py="def handler(e, c):\n    return 'two'")
    )
    assert functions.call(name) == "two"
    assert functions.call(name, Qualifier="1") == "one 1"
    assert functions.call(published["FunctionArn"]) == "one 1"
    listed = functions.api.list_versions_by_function(FunctionName=name)["Versions"]
    assert [version["Version"] for version in listed] == ["$LATEST", "1"]


def test_aliases_stand_for_versions_and_share_invocations(functions: Functions) -> None:
    name = functions.create("def handler(e, c):\n    return c.function_version, c.invoked_function_arn.split(':')[-1]")
    api = functions.api
    api.publish_version(FunctionName=name)
    api.update_function_configuration(FunctionName=name, Description="second")
    api.publish_version(FunctionName=name)
    api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert functions.call(name, Qualifier="live") == ["1", "live"]
    api.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert functions.call(name, Qualifier="live") == ["2", "live"]
    with pytest.raises(ClientError, match="referenced by an alias") as refused:
        api.delete_function(FunctionName=name, Qualifier="1")
    assert code(refused) == "ResourceConflictException"
    with pytest.raises(ClientError) as missing:
        functions.call(name, Qualifier="nobody")
    assert code(missing) == "ResourceNotFoundException"
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_layers_are_found_under_opt(functions: Functions) -> None:
    content = {"ZipFile": archive(python___shared__py="VALUE = 'from a layer'", data__txt="kept")}
    layer = functions.api.publish_layer_version(LayerName="shared", Content=content)["LayerVersionArn"]
    read = "import shared\ndef handler(e, c):\n    return shared.VALUE, open('/opt/data.txt').read()"
    name = functions.create(read, Layers=[layer])
    assert functions.call(name) == ["from a layer", "kept"]
    with pytest.raises(ClientError, match="does not exist"):
        functions.create(ECHO, Layers=[f"{layer}0"])


def test_other_runtimes_are_refused_when_they_are_to_run(functions: Functions) -> None:
    name = functions.create("exports.handler = async () => 1", Runtime="nodejs22.x")
    with pytest.raises(ClientError, match=r"nodejs22\.x is not supported") as refused:
        functions.call(name)
    assert code(refused) == "InvalidRuntimeException"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys"),
        ({"Code": {"ZipFile": b"no archive"}}, "Could not unzip uploaded file"),
        ({"Timeout": 901}, "less than or equal to 900"),
        ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "does not implement SnapStart"),
        ({"DurableConfig": {"ExecutionTimeout": 60}}, "does not implement DurableConfig"),
    ],
)
def test_what_a_function_can_not_have_is_refused(functions: Functions, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        functions.create(ECHO, **options)


def test_a_role_that_does_not_trust_lambda_is_refused(sandbox: Sandbox, functions: Functions) -> None:
    role = sandbox.role("NotForLambda", "codebuild.amazonaws.com")
    with pytest.raises(ClientError, match="cannot be assumed by Lambda") as refused:
        functions.create(ECHO, Role=role)
    assert code(refused) == "InvalidParameterValueException"


def test_reserved_concurrency_of_none_throttles(functions: Functions) -> None:
    name = functions.create(ECHO)
    functions.api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        functions.api.invoke(FunctionName=name)
    assert code(refused) == "TooManyRequestsException"
    functions.api.delete_function_concurrency(FunctionName=name)
    assert functions.call(name, 1) == 1


def test_a_failed_event_goes_to_its_destination(sandbox: Sandbox, functions: Functions) -> None:
    sqs = sandbox.client("sqs")
    sandbox.client("iam").attach_role_policy(
        RoleName=functions.role.rpartition("/")[2], PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    )
    url = sqs.create_queue(QueueName="failed-events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    name = functions.create("def handler(e, c):\n    raise ValueError(e)")
    functions.api.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    functions.api.invoke(FunctionName=name, InvocationType="Event", Payload=b'"wrong"')
    [message] = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages"))
    told = json.loads(message["Body"])
    assert (told["requestPayload"], told["responsePayload"]["errorMessage"]) == ("wrong", "wrong")
    context = told["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 1)


def test_another_account_invokes_only_with_the_functions_policy(sandbox: Sandbox, functions: Functions) -> None:
    name, other = functions.create(ECHO), sandbox.client("lambda", "staging")
    arn = functions.api.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    with pytest.raises(
        ClientError, match="no resource-based policy allows the lambda:InvokeFunction action"
    ) as refused:
        other.invoke(FunctionName=arn)
    assert code(refused).startswith("AccessDenied")
    functions.api.add_permission(
        FunctionName=name, StatementId="staging", Action="lambda:InvokeFunction", Principal=ACCOUNTS["staging"]
    )
    assert json.loads(other.invoke(FunctionName=arn, Payload=b"3")["Payload"].read()) == 3
    policy = json.loads(functions.api.get_policy(FunctionName=name)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNTS['staging']}:root"}
    functions.api.remove_permission(FunctionName=name, StatementId="staging")
    with pytest.raises(ClientError):
        other.invoke(FunctionName=arn)


def test_a_deleted_function_is_gone(functions: Functions) -> None:
    name = functions.create(ECHO, Tags={"team": "one"})
    arn = functions.api.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    functions.api.tag_resource(Resource=arn, Tags={"stage": "test"})
    functions.api.untag_resource(Resource=arn, TagKeys=["team"])
    assert functions.api.list_tags(Resource=arn)["Tags"] == {"stage": "test"}
    functions.api.delete_function(FunctionName=name)
    with pytest.raises(ClientError, match="Function not found") as missing:
        functions.call(name)
    assert code(missing) == "ResourceNotFoundException"


def test_a_payload_that_is_no_json_is_refused(functions: Functions) -> None:
    with pytest.raises(ClientError) as refused:
        functions.api.invoke(FunctionName=functions.create(ECHO), Payload=b"{")
    assert code(refused) == "InvalidRequestContentException"
