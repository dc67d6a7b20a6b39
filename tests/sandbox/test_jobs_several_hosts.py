"""Jobs of several instances: each host's files, names and share of the data, and what they end in together."""

from __future__ import annotations

import json
import re
import shutil
import socket
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import Sandbox, eventually
from workbench import CLUSTER, Workbench

pytestmark = pytest.mark.skipif(not shutil.which("bwrap"), reason="several instances need bubblewrap")
TWO = {**CLUSTER, "InstanceCount": 2}
# What each program begins with: its own name, and where it is to write.
ME = """
import json, os, pathlib, signal, socket, sys, time
ml = pathlib.Path("/opt/ml")
config = json.loads((ml / "input/config/resourceconfig.json").read_text())
me = config["current_host"]
"""
# A program on the command line may have 256 characters at most.
RUN = "import json; exec(json.load(open('/opt/ml/input/config/hyperparameters.json'))['code'])"
# algo-2 greets algo-1 by its name; both tell whether they reach the sandbox, which is outside.
GREET = """
port = int(os.environ["PORT"])
try:
    socket.create_connection(("127.0.0.1", int(os.environ["OUTSIDE"])), 2).close()
    print("reaches outside")
except OSError:
    print("is cut off")
if me == "algo-1":
    with socket.create_server((me, port)) as server:
        print(server.accept()[0].recv(99).decode())
else:
    while True:
        try:
            peer = socket.create_connection(("algo-1", port), source_address=(me, 0))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    peer.sendall(f"greetings from {socket.gethostname()}".encode())
"""


def training(bench: Workbench, code: str, **request: Any) -> dict[str, Any]:
    """Return a request for a training job that runs code on two hosts, unless told otherwise."""
    return bench.training(RUN, HyperParameters={"code": ME + code}, **{"ResourceConfig": TWO, **request})


def train(bench: Workbench, code: str, **request: Any) -> dict[str, Any]:
    """Run such a job to its end."""
    return bench.ended("Training", bench.start("Training", training(bench, code, **request)))


def streams(bench: Workbench, kind: str, name: str) -> dict[str, list[str]]:
    """Return what each host of a job has printed, by the log stream's host."""
    logs, group = bench.sandbox.client("logs"), f"/aws/sagemaker/{kind}Jobs"
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    printed = {}
    for stream in found:
        host = re.fullmatch(rf"{name}/(algo-\d+)-\d{{10}}", stream["logStreamName"])
        assert host
        events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
        printed[host[1]] = [event["message"].rstrip("\n") for event in events["events"]]
    return printed


def channel(bench: Workbench, name: str, key: str, **source: Any) -> dict[str, Any]:
    place = {"S3DataType": "S3Prefix", "S3Uri": bench.uri(key), **source}
    return {"ChannelName": name, "DataSource": {"S3DataSource": place}}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(("isolated", "outside"), [(True, "is cut off"), (False, "reaches outside")])
def test_hosts_find_each_other_by_name(bench: Workbench, isolated: bool, outside: str) -> None:
    ports = {"PORT": str(free_port()), "OUTSIDE": bench.sandbox.endpoint.rpartition(":")[2]}
    found = train(bench, GREET, Environment=ports, EnableNetworkIsolation=isolated)
    assert found["TrainingJobStatus"] == "Completed", found
    told = streams(bench, "Training", found["TrainingJobName"])
    assert told == {"algo-1": [outside, "greetings from algo-2"], "algo-2": [outside]}


def test_isolated_jobs_do_not_share_ports(bench: Workbench) -> None:
    code = "s = socket.create_server((me, 7007)); print('serves', flush=True); time.sleep(60)"
    names = [bench.start("Training", training(bench, code, EnableNetworkIsolation=True)) for _ in range(2)]
    for name in names:
        eventually(lambda name=name: bench.log("Training", name) == ["serves", "serves"])
        bench.api.stop_training_job(TrainingJobName=name)
        assert bench.ended("Training", name)["TrainingJobStatus"] == "Stopped"


def test_each_host_knows_itself_and_the_others(bench: Workbench) -> None:
    found = train(bench, "print(json.dumps(config))")
    told = streams(bench, "Training", found["TrainingJobName"])
    configs = {host: json.loads(lines[-1]) for host, lines in told.items()}
    assert {host: config["current_host"] for host, config in configs.items()} == {
        "algo-1": "algo-1",
        "algo-2": "algo-2",
    }
    group = {"instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large", "hosts": ["algo-1", "algo-2"]}
    for config in configs.values():
        assert config["hosts"] == ["algo-1", "algo-2"]
        assert config["instance_groups"] == [group]


def test_a_sharded_channel_gives_each_host_its_share(bench: Workbench) -> None:
    objects = [f"part-{number}" for number in range(3)]
    for name in objects:
        bench.put(f"shares/{name}", name)
    code = "print(json.dumps({d.name: sorted(f.name for f in d.iterdir()) for d in (ml / 'input/data').iterdir()}))"
    data = [
        channel(bench, "shared", "shares", S3DataDistributionType="ShardedByS3Key"),
        channel(bench, "whole", "shares", S3DataDistributionType="FullyReplicated"),
    ]
    found = train(bench, code, InputDataConfig=data)
    told = streams(bench, "Training", found["TrainingJobName"])
    one, two = (json.loads(told[host][-1]) for host in ("algo-1", "algo-2"))
    assert one["whole"] == two["whole"] == objects
    assert sorted(one["shared"] + two["shared"]) == objects
    assert one["shared"] and two["shared"]


def test_groups_have_their_own_instances_and_channels(bench: Workbench) -> None:
    bench.put("grouped/a", "a")
    groups = [
        {"InstanceGroupName": "readers", "InstanceType": "ml.m5.large", "InstanceCount": 1},
        {"InstanceGroupName": "trainers", "InstanceType": "ml.c5.xlarge", "InstanceCount": 2},
    ]
    code = "print(config['current_group_name'], config['current_instance_type'], *os.listdir('/opt/ml/input/data'))"
    found = train(
        bench,
        code,
        ResourceConfig={"InstanceGroups": groups, "VolumeSizeInGB": 1},
        InputDataConfig=[channel(bench, "raw", "grouped", InstanceGroupNames=["readers"])],
    )
    assert found["TrainingJobStatus"] == "Completed", found
    trains = ["trainers ml.c5.xlarge"]
    told = streams(bench, "Training", found["TrainingJobName"])
    assert told == {"algo-1": ["readers ml.m5.large raw"], "algo-2": trains, "algo-3": trains}


def test_a_host_that_fails_ends_the_job_with_its_reason(bench: Workbench) -> None:
    code = """
def stop(*_):
    print("told to stop", flush=True)
    sys.exit(0)
if me == "algo-1":
    signal.signal(signal.SIGTERM, stop)
    with socket.create_server((me, int(os.environ["PORT"]))) as server:
        server.accept()
    time.sleep(60)
while True:
    try:
        socket.create_connection(("algo-1", int(os.environ["PORT"])))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
(ml / "output/failure").write_text("lost my share")
sys.exit(3)
"""
    found = train(bench, code, Environment={"PORT": str(free_port())})
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"] == "AlgorithmError: lost my share, exit code: 3"
    assert streams(bench, "Training", found["TrainingJobName"])["algo-1"] == ["told to stop"]


def test_the_model_has_the_files_of_all_hosts(bench: Workbench) -> None:
    code = """
for folder in ("model", "output/data"):
    (ml / folder / "deep").mkdir()
    (ml / folder / "deep" / me).write_text(me)
    (ml / folder / "same").write_text(me)
"""
    found = train(bench, code)
    model = found["ModelArtifacts"]["S3ModelArtifacts"]
    files = {"deep/algo-1": "algo-1", "deep/algo-2": "algo-2", "same": "algo-1"}
    assert bench.archive(model) == files
    assert bench.archive(model.replace("model.tar.gz", "output.tar.gz")) == files


def test_a_stop_reaches_every_host(bench: Workbench) -> None:
    code = """
def stop(*_):
    (ml / "model" / me).write_text("saved")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("waiting", flush=True)
time.sleep(60)
"""
    name = bench.start("Training", training(bench, code))
    eventually(lambda: bench.log("Training", name) == ["waiting", "waiting"])
    bench.api.stop_training_job(TrainingJobName=name)
    found = bench.ended("Training", name)
    assert found["TrainingJobStatus"] == "Stopped"
    assert bench.archive(found["ModelArtifacts"]["S3ModelArtifacts"]) == {"algo-1": "saved", "algo-2": "saved"}


def test_a_metric_may_be_printed_by_any_host(bench: Workbench) -> None:
    code = "print('loss=0.5' if me == 'algo-1' else 'loss=0.7 accuracy=0.9')"
    metrics = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}, {"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"}]
    found = train(bench, code, AlgorithmSpecification={"MetricDefinitions": metrics})
    values = {item["MetricName"]: round(item["Value"], 3) for item in found["FinalMetricDataList"]}
    assert values == {"loss": 0.5, "accuracy": 0.9}


def test_a_processing_job_shares_its_input_and_collects_its_output(bench: Workbench) -> None:
    for number in range(3):
        bench.put(f"rows/{number}", f"{number}")
    data = {"S3Uri": bench.uri("rows"), "LocalPath": "/opt/ml/processing/in", "S3DataType": "S3Prefix"}
    data |= {"S3InputMode": "File", "S3DataDistributionType": "ShardedByS3Key"}
    target = {"S3Uri": bench.uri("rows-out"), "LocalPath": "/opt/ml/processing/out", "S3UploadMode": "EndOfJob"}
    code = """
    import json, pathlib
    ml = pathlib.Path("/opt/ml")
    me = json.loads((ml / "config/resourceconfig.json").read_text())["current_host"]
    for f in (ml / "processing/in").iterdir():
        (ml / "processing/out" / f"{f.name}-{me}").touch()
    """
    found = bench.process(
        code,
        ProcessingResources={"ClusterConfig": TWO},
        ProcessingInputs=[{"InputName": "data", "S3Input": data}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "data", "S3Output": target}]},
    )
    assert found["ProcessingJobStatus"] == "Completed", found
    made = [key.rpartition("/")[2].partition("-") for key in bench.keys("rows-out/")]
    assert sorted(number for number, _, _ in made) == ["0", "1", "2"]
    assert {host for _, _, host in made} == {"algo-1", "algo-2"}


GROUP = {"InstanceGroupName": "one", "InstanceType": "ml.m5.large", "InstanceCount": 1}


@pytest.mark.parametrize(
    ("resources", "code", "message"),
    [
        ({**CLUSTER, "InstanceCount": 0}, "ValidationException", "InstanceCount"),
        ({**CLUSTER, "InstanceCount": 21}, "ResourceLimitExceeded", "is 20 Instances"),
        ({"VolumeSizeInGB": 1}, "ValidationException", "InstanceType and InstanceCount, or InstanceGroups"),
        ({**CLUSTER, "InstanceGroups": [GROUP]}, "ValidationException", "InstanceType can't be specified"),
        ({"InstanceGroups": [GROUP, GROUP]}, "ValidationException", "must be unique"),
    ],
)
def test_resources_that_make_no_cluster_are_refused(
    bench: Workbench, resources: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message) as refused:
        bench.start("Training", bench.training("pass", ResourceConfig=resources))
    assert refused.value.response["Error"]["Code"] == code


def test_a_channel_for_an_unknown_group_is_refused(bench: Workbench) -> None:
    data = [channel(bench, "raw", "grouped", InstanceGroupNames=["absent"])]
    with pytest.raises(ClientError, match="Channel raw names the unknown group absent"):
        bench.start("Training", bench.training("pass", InputDataConfig=data))


def test_plain_processes_refuse_several_hosts(process_sandbox: Sandbox, bench: Workbench) -> None:
    role = process_sandbox.role("job-role", "sagemaker.amazonaws.com")
    request = bench.training("pass", ResourceConfig=TWO, RoleArn=role)
    with pytest.raises(ClientError, match="install the package bubblewrap") as refused:
        process_sandbox.client("sagemaker").create_training_job(TrainingJobName="several", **request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
