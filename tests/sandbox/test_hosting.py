"""Models, endpoint configurations and endpoints: what starts, what answers, and what is refused."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from harness import ACCOUNTS, Sandbox, eventually
from hosting_bench import Serving, add
from test_events import Queue, rule
from workbench import Workbench

QUICKLY = {"Delay": 1, "MaxAttempts": 300}


@pytest.fixture(scope="module")
def serving(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    return Serving(bench, tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def endpoint(serving: Serving) -> str:
    """An endpoint that tests only look at."""
    return serving.endpoint(serving.config(serving.model("hello", COLOUR="red")))


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    """Return code and message of a call that is refused."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def failure(serving: Serving, config: str) -> str:
    """Return why an endpoint does not come to serve."""
    name = serving.begin(config)
    with pytest.raises(WaiterError):
        serving.api.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig=QUICKLY)
    found = serving.api.describe_endpoint(EndpointName=name)
    assert found["EndpointStatus"] == "Failed"
    serving.api.delete_endpoint(EndpointName=name)
    return str(found["FailureReason"])


def test_an_endpoint_serves_its_model(serving: Serving, endpoint: str) -> None:
    told = serving.tell(endpoint, code="import os; seen = dict(os.environ)")
    assert (told["model"], told["arguments"]) == ("hello", ["serve"])
    env = told["seen"]
    assert (env["COLOUR"], env["AWS_REGION"]) == ("red", "us-east-1")
    assert env["AWS_ENDPOINT_URL"] == serving.sandbox.endpoint
    assert env["AWS_ACCESS_KEY_ID"]


def test_an_endpoint_is_described(serving: Serving, endpoint: str) -> None:
    found = serving.api.describe_endpoint(EndpointName=endpoint)
    config = serving.api.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    [variant], [wanted] = found["ProductionVariants"], config["ProductionVariants"]
    assert (variant["VariantName"], wanted["VariantName"]) == ("A", "A")
    assert (variant["CurrentWeight"], variant["DesiredWeight"], variant["CurrentInstanceCount"]) == (1.0, 1.0, 1)
    [image] = variant["DeployedImages"]
    assert image["SpecifiedImage"] == serving.image
    assert image["ResolvedImage"].startswith(serving.image.rpartition(":")[0] + "@sha256:")
    model = serving.api.describe_model(ModelName=wanted["ModelName"])
    assert model["ExecutionRoleArn"] == serving.role
    assert model["PrimaryContainer"]["Image"] == serving.image
    assert "FailureReason" not in found


def test_resources_are_listed_by_name(serving: Serving, endpoint: str) -> None:
    found = serving.api.describe_endpoint(EndpointName=endpoint)
    config = found["EndpointConfigName"]
    model = serving.api.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]["ModelName"]
    [listed] = serving.api.list_endpoints(NameContains=endpoint, StatusEquals="InService")["Endpoints"]
    assert (listed["EndpointArn"], listed["EndpointStatus"]) == (found["EndpointArn"], "InService")
    assert serving.api.list_endpoints(NameContains=endpoint, StatusEquals="Failed")["Endpoints"] == []
    configs = serving.api.list_endpoint_configs(NameContains=config)["EndpointConfigs"]
    assert [item["EndpointConfigName"] for item in configs] == [config]
    assert [item["ModelName"] for item in serving.api.list_models(NameContains=model)["Models"]] == [model]


def test_the_containers_print_to_the_endpoints_log(serving: Serving, endpoint: str) -> None:
    eventually(lambda: "serving hello" in serving.log(endpoint))


def test_the_model_can_only_be_read(serving: Serving, endpoint: str) -> None:
    if not shutil.which("bwrap"):
        pytest.skip("only a jail protects the model's folder")
    code = """
try:
    (ml / "model" / "model.txt").write_text("other")
except OSError as error:
    seen = str(error)
"""
    assert "Read-only file system" in serving.tell(endpoint, code=code)["seen"]


def test_an_isolated_model_answers_without_network_and_credentials(serving: Serving) -> None:
    container = {"Image": serving.image, "ModelDataUrl": serving.pack("alone")}
    name = serving.endpoint(serving.config(serving.model_of(container, EnableNetworkIsolation=True)))
    port = int(serving.sandbox.endpoint.rpartition(":")[2])
    code = f"""
import os, socket
try:
    socket.create_connection(("127.0.0.1", {port}), 1).close()
    reached = True
except OSError:
    reached = False
seen = [reached, sorted(name for name in os.environ if name.startswith("AWS_"))]
"""
    told = serving.tell(name, code=code)
    assert told["model"] == "alone"
    reached, variables = told["seen"]
    assert variables == ["AWS_DEFAULT_REGION", "AWS_REGION"]
    assert reached != bool(shutil.which("bwrap"))


def test_an_endpoint_serves_without_a_jail_too(process_sandbox: Sandbox, tmp_path: Path) -> None:
    for folder in ("job", "server"):
        (tmp_path / folder).mkdir()
    serving = Serving(Workbench(process_sandbox, tmp_path / "job"), tmp_path / "server")
    container = {"Image": serving.image, "ModelDataUrl": serving.pack("free")}
    name = serving.endpoint(serving.config(serving.model_of(container, EnableNetworkIsolation=True)))
    assert serving.tell(name)["model"] == "free"


def test_a_model_package_is_deployed_with_its_environment(serving: Serving) -> None:
    group = serving.config(serving.model()).replace("config", "group")
    serving.api.create_model_package_group(ModelPackageGroupName=group)
    container = {"Image": serving.image, "ModelDataUrl": serving.pack("packed"), "Environment": {"A": "1", "B": "1"}}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    package = serving.api.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification={"Containers": [container], **types}
    )["ModelPackageArn"]
    model = serving.model_of({"ModelPackageName": package, "Environment": {"B": "2"}})
    told = serving.tell(serving.endpoint(serving.config(model)), code="import os; seen = dict(os.environ)")
    assert (told["model"], told["seen"]["A"], told["seen"]["B"]) == ("packed", "1", "2")


def test_model_data_may_be_named_as_a_source(serving: Serving) -> None:
    source = {"S3Uri": serving.pack("source"), "S3DataType": "S3Object", "CompressionType": "Gzip"}
    model = serving.model_of({"Image": serving.image, "ModelDataSource": {"S3DataSource": source}})
    assert serving.tell(serving.endpoint(serving.config(model)))["model"] == "source"


def test_a_server_that_ends_by_itself_is_started_again(serving: Serving) -> None:
    name = serving.endpoint(serving.config(serving.model()))
    before = serving.tell(name)["pid"]
    code, message = refusal(lambda: serving.tell(name, end=True))
    assert (code, "(503)" in message) == ("ModelError", True)
    after = eventually(lambda: _pid(serving, name))
    assert after != before
    assert serving.api.describe_endpoint(EndpointName=name)["EndpointStatus"] == "InService"


def _pid(serving: Serving, name: str) -> int:
    try:
        return int(serving.tell(name)["pid"])
    except ClientError:
        return 0


def test_a_deleted_endpoint_is_gone_with_its_server(serving: Serving) -> None:
    config = serving.config(serving.model())
    name = serving.endpoint(config)
    running = Path(f"/proc/{serving.tell(name)['pid']}")
    assert running.exists()
    serving.api.delete_endpoint_config(EndpointConfigName=config)  # AWS allows it, and the endpoint goes on
    assert serving.tell(name)["model"] == "one"
    serving.api.delete_endpoint(EndpointName=name)
    serving.api.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig=QUICKLY)
    assert not running.exists()
    assert refusal(lambda: serving.invoke(name))[0] == "ValidationError"
    assert not list((serving.sandbox.home / "endpoints" / ACCOUNTS["development"]).glob(f"{name}-*"))


def test_status_changes_are_announced(serving: Serving) -> None:
    queue = Queue(serving.sandbox)
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]}
    name = "announced"
    rule(serving.sandbox, {**pattern, "detail": {"EndpointName": [name]}}, {"Arn": queue.arn})
    serving.endpoint(serving.config(serving.model()), Name=name)
    serving.api.delete_endpoint(EndpointName=name)
    heard: list[Any] = []
    while len(heard) < 3:
        arrived = queue.bodies(10)
        assert arrived, heard
        heard += arrived
    by_status = {event["detail"]["EndpointStatus"]: event for event in heard}
    assert set(by_status) == {"CREATING", "IN_SERVICE", "DELETING"}
    event = by_status["IN_SERVICE"]
    assert event["resources"] == [event["detail"]["EndpointArn"]]
    [variant] = event["detail"]["ProductionVariants"]
    assert (variant["DesiredWeight"], variant["DesiredInstanceCount"]) == (1.0, 1)


def test_the_aws_cli_creates_invokes_and_deletes(serving: Serving, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        done = serving.sandbox.run_cli(*words, "--output", "json")
        assert done.returncode == 0, done.stderr
        return done.stdout

    config = serving.config(serving.model("by cli"))
    run("sagemaker", "create-endpoint", "--endpoint-name", "cli", "--endpoint-config-name", config)
    serving.settled("cli")
    invoke = ["sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "cli", "--content-type", "application/json"]
    answer = json.loads(run(*invoke, "--body", '{"tell": 1}', str(tmp_path / "answer.json")))
    assert answer["InvokedProductionVariant"] == "A"
    assert json.loads((tmp_path / "answer.json").read_text())["model"] == "by cli"
    run("sagemaker", "delete-endpoint", "--endpoint-name", "cli")


def test_a_server_that_ends_before_it_is_healthy_fails_its_endpoint_with_its_log(serving: Serving) -> None:
    reason = failure(serving, serving.config(serving.model(START="sys.exit('no model here')")))
    assert reason.startswith(
        "The primary container for production variant A did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint. The server ended with exit code 1; "
    )
    assert reason.endswith("no model here")


def test_an_image_that_ignores_the_port_is_refused(serving: Serving, tmp_path: Path) -> None:
    reason = failure(serving, serving.config(serving.model_of({"Image": serving.push(tmp_path, "")})))
    assert "does not carry the label com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true" in reason


def test_an_image_that_has_gone_fails_the_endpoint(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    image = serving.push(tmp_path / "other", "LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true\n")
    config = serving.config(serving.model_of({"Image": image}))
    repository = image.partition("/")[2].partition(":")[0]
    serving.sandbox.client("ecr").delete_repository(repositoryName=repository, force=True)
    assert f"Requested image {image} not found." in failure(serving, config)


def _outside(archive: tarfile.TarFile) -> None:
    add(archive, "model.txt", b"x")
    add(archive, "../../outside.txt", b"x")


def _absolute(archive: tarfile.TarFile) -> None:
    add(archive, "/etc/outside.txt", b"x")


def _link(archive: tarfile.TarFile) -> None:
    add(archive, "link.txt", type=tarfile.SYMTYPE, linkname="/etc/passwd")


def _device(archive: tarfile.TarFile) -> None:
    add(archive, "device", type=tarfile.CHRTYPE)


@pytest.mark.parametrize(
    ("fill", "member", "fault"),
    [
        (_outside, "../../outside.txt", "would lie outside the model's folder"),
        (_absolute, "/etc/outside.txt", "has an absolute path"),
        (_link, "link.txt", "is a link (to '/etc/passwd')"),
        (_device, "device", "is a device or another special file"),
    ],
)
def test_an_archive_that_would_leave_its_folder_fails_the_endpoint(
    serving: Serving, fill: Callable[[tarfile.TarFile], None], member: str, fault: str
) -> None:
    url = serving.put_archive(fill)
    reason = failure(serving, serving.config(serving.model_of({"Image": serving.image, "ModelDataUrl": url})))
    assert reason.startswith(f'Failed to extract model data archive from URL "{url}". Its member {member!r} {fault}')


def test_an_archive_that_is_none_fails_the_endpoint(serving: Serving) -> None:
    url = serving.bench.put("models/not.tar.gz", "text")
    reason = failure(serving, serving.config(serving.model_of({"Image": serving.image, "ModelDataUrl": url})))
    assert "Please ensure that it is a valid tar.gz archive" in reason


def test_a_model_of_what_is_not_there_is_refused(serving: Serving) -> None:
    absent = f"{ACCOUNTS['development']}.dkr.ecr.us-east-1.amazonaws.com/absent:v1"
    code, message = refusal(lambda: serving.model_of({"Image": absent}))
    assert (code, f"Requested image {absent} not found." in message) == ("ValidationException", True)
    data = serving.bench.uri("absent/model.tar.gz")
    code, message = refusal(lambda: serving.model_of({"Image": serving.image, "ModelDataUrl": data}))
    assert (code, f"Could not access model data at {data}." in message) == ("ValidationException", True)
    role = serving.role.replace("job-role", "absent")
    create = {"ModelName": "roleless", "PrimaryContainer": {"Image": serving.image}}
    code, message = refusal(lambda: serving.api.create_model(**create, ExecutionRoleArn=role))
    assert (code, f'The execution role ARN "{role}" is invalid.' in message) == ("ValidationException", True)


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ({"Mode": "MultiModel"}, "multi-model"),
        ({"ImageConfig": {"RepositoryAccessMode": "Vpc"}}, "ImageConfig"),
        (
            {
                "ModelDataSource": {
                    "S3DataSource": {"S3Uri": "s3://b/k/", "S3DataType": "S3Prefix", "CompressionType": "None"}
                }
            },
            "one tar.gz",
        ),
    ],
)
def test_what_a_model_would_ignore_is_refused(serving: Serving, container: dict[str, Any], told: str) -> None:
    code, message = refusal(lambda: serving.model_of({"Image": serving.image, **container}))
    assert (code, told in message) == ("NotImplemented", True)


def test_an_inference_pipeline_is_refused(serving: Serving) -> None:
    containers = [{"Image": serving.image}, {"Image": serving.image}]
    create = {"ModelName": "several", "Containers": containers, "ExecutionRoleArn": serving.role}
    code, message = refusal(lambda: serving.api.create_model(**create))
    assert (code, "inference pipelines" in message) == ("NotImplemented", True)
    serving.api.create_model(**{**create, "Containers": containers[:1]})


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"Variant": {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}}, "ServerlessConfig"),
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://b/k"}}}, "AsyncInferenceConfig"),
        (
            {"ShadowProductionVariants": [{"VariantName": "S", "ModelName": "m", "InstanceType": "ml.m5.large"}]},
            "ShadowProductionVariants",
        ),
    ],
)
def test_what_a_configuration_would_ignore_is_refused(serving: Serving, request_: dict[str, Any], told: str) -> None:
    model = serving.model()
    code, message = refusal(lambda: serving.config(model, **request_))
    assert (code, told in message) == ("NotImplemented", True)


def test_names_are_checked_as_aws_does(serving: Serving, endpoint: str) -> None:
    api, arn = serving.api, f"arn:aws:sagemaker:us-east-1:{ACCOUNTS['development']}"
    found = api.describe_endpoint(EndpointName=endpoint)
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: api.describe_model(ModelName="absent"), f'Could not find model "{arn}:model/absent".'),
        (lambda: serving.config("absent"), f'Could not find model "{arn}:model/absent".'),
        (lambda: serving.begin("absent"), f'Could not find endpoint configuration "{arn}:endpoint-config/absent".'),
        (
            lambda: api.update_endpoint(EndpointName="absent", EndpointConfigName=found["EndpointConfigName"]),
            f'Could not find endpoint "{arn}:endpoint/absent".',
        ),
        (
            lambda: serving.begin(found["EndpointConfigName"], Name=endpoint),
            f'Cannot create already existing endpoint "{arn}:endpoint/{endpoint}".',
        ),
    ]
    for call, message in calls:
        assert refusal(call) == ("ValidationException", message)


def test_an_endpoint_in_progress_is_left_alone(serving: Serving) -> None:
    config = serving.config(serving.model(START="time.sleep(2)"))
    name = serving.begin(config)
    in_progress = "Cannot update in-progress endpoint"
    assert in_progress in refusal(lambda: serving.api.delete_endpoint(EndpointName=name))[1]
    update = {"EndpointName": name, "EndpointConfigName": config}
    assert in_progress in refusal(lambda: serving.api.update_endpoint(**update))[1]
    assert refusal(lambda: serving.invoke(name)) == (
        "ValidationError",
        f"Endpoint {name} of account {ACCOUNTS['development']} not found.",
    )
    assert serving.settled(name)["EndpointStatus"] == "InService"


def test_another_accounts_endpoint_is_not_found(serving: Serving, endpoint: str) -> None:
    runtime = serving.sandbox.client("sagemaker-runtime", "staging")
    code, message = refusal(lambda: runtime.invoke_endpoint(EndpointName=endpoint, Body=b"x"))
    assert (code, message) == ("ValidationError", f"Endpoint {endpoint} of account {ACCOUNTS['staging']} not found.")
