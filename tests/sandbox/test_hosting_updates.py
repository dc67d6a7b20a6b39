"""Updates of endpoints: a new fleet takes over without a gap, or the old one stays."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from harness import eventually
from hosting_bench import Serving, blue_green
from test_events import Queue, rule
from workbench import Item, Workbench


@pytest.fixture(scope="module")
def serving(bench: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    return Serving(bench, tmp_path_factory.mktemp("server"))


@pytest.fixture
def endpoint(serving: Serving) -> str:
    return serving.endpoint(serving.config(serving.model("old")))


class Clients:
    """Clients that invoke an endpoint in a loop: which models answered, and how else it went."""

    def __init__(self, serving: Serving, endpoint: str) -> None:
        self.serving, self.endpoint = serving, endpoint
        self.answers: Counter[str] = Counter()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                self.answers[self.serving.tell(self.endpoint)["model"]] += 1
            except ClientError as error:
                self.answers[error.response["Error"]["Code"]] += 1

    def end(self) -> None:
        self._ended.set()


@contextmanager
def clients(serving: Serving, endpoint: str) -> Iterator[Clients]:
    """Run clients while the block runs."""
    made = Clients(serving, endpoint)
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(made.run) for _ in range(3)]
        try:
            yield made
        finally:
            made.end()
    for one in running:
        one.result()


def update(serving: Serving, endpoint: str, config: str, **request: Any) -> None:
    serving.api.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **request)


def test_an_update_under_load_has_no_error(serving: Serving, endpoint: str) -> None:
    before = Path(f"/proc/{serving.tell(endpoint)['pid']}")
    config = serving.config(serving.model("new"))
    with clients(serving, endpoint) as loop:
        eventually(lambda: loop.answers["old"] > 20)
        update(serving, endpoint, config)
        found = serving.settled(endpoint)
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", config)
        at_the_end = loop.answers["new"]
        eventually(lambda: loop.answers["new"] > at_the_end + 20)
    assert set(loop.answers) == {"old", "new"}
    assert serving.tell(endpoint)["model"] == "new"
    assert not before.exists()
    assert "PendingDeploymentSummary" not in found


def test_a_request_in_flight_ends_on_the_old_fleet(serving: Serving, endpoint: str) -> None:
    config = serving.config(serving.model("new"))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(serving.tell, endpoint, seconds=3)
        time.sleep(0.5)  # it is with the server by now
        update(serving, endpoint, config)
        eventually(lambda: serving.tell(endpoint)["model"] == "new")
        assert not slow.done()
        assert slow.result()["model"] == "old"
    assert serving.settled(endpoint)["EndpointConfigName"] == config


def test_a_canary_gets_its_share_while_it_is_watched(serving: Serving, endpoint: str) -> None:
    old, config = serving.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"], None
    config = serving.config(serving.model("new"))
    deployment = blue_green("CANARY", wait=4, bake=1, CanarySize=30)
    update(serving, endpoint, config, DeploymentConfig=deployment)

    def baking() -> Item | None:
        found: Item = serving.api.describe_endpoint(EndpointName=endpoint)
        [variant] = found["PendingDeploymentSummary"]["ProductionVariants"]
        return found if variant["VariantStatus"][0]["Status"] == "Baking" else None

    found = eventually(baking)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", old)
    assert found["PendingDeploymentSummary"]["EndpointConfigName"] == config
    [variant] = found["PendingDeploymentSummary"]["ProductionVariants"]
    assert variant["VariantStatus"][0]["StatusMessage"].startswith("Baking for 4 seconds (WaitIntervalInSeconds)")
    counted = Counter(serving.tell(endpoint)["model"] for _ in range(100))
    assert 10 < counted["new"] < 55  # 30 are to be expected: this is more than four standard deviations off
    found = serving.settled(endpoint)
    assert (found["EndpointConfigName"], found["LastDeploymentConfig"]) == (config, deployment)
    assert {serving.tell(endpoint)["model"] for _ in range(20)} == {"new"}


@pytest.mark.parametrize(
    "deployment",
    [
        blue_green("LINEAR", wait=1, LinearStepSize=40),
        {"RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 50}}},
    ],
)
def test_traffic_moves_in_steps(serving: Serving, endpoint: str, deployment: Item) -> None:
    if "RollingUpdatePolicy" in deployment:
        deployment["RollingUpdatePolicy"]["WaitIntervalInSeconds"] = 1
    config = serving.config(serving.model("new"))
    with clients(serving, endpoint) as loop:
        update(serving, endpoint, config, DeploymentConfig=deployment)
        began = time.monotonic()
        assert serving.settled(endpoint)["EndpointConfigName"] == config
    assert time.monotonic() - began > 2  # two steps of a second each, at the least
    assert set(loop.answers) == {"old", "new"}


def test_an_alarm_rolls_the_update_back_while_the_old_fleet_serves(serving: Serving, endpoint: str) -> None:
    old = serving.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    config, alarm = serving.config(serving.model("new")), serving.alarm(TreatMissingData="ignore")
    deployment = blue_green("CANARY", wait=60, CanarySize=50, alarm=alarm)
    with clients(serving, endpoint) as loop:
        update(serving, endpoint, config, DeploymentConfig=deployment)
        eventually(lambda: loop.answers["new"] > 20)
        serving.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
        eventually(lambda: serving.api.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] != "Updating")
        found = serving.settled(endpoint)
        after, new = loop.answers["old"], loop.answers["new"]
        eventually(lambda: loop.answers["old"] > after + 20)
        assert loop.answers["new"] - new <= 3  # those that were on their way, one a client
    assert set(loop.answers) == {"old", "new"}
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old)
    assert alarm in found["FailureReason"]
    assert old in found["FailureReason"]


def test_errors_of_the_new_fleet_roll_it_back_by_their_alarm(serving: Serving, endpoint: str) -> None:
    old = serving.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    alarm = serving.alarm(endpoint=endpoint)
    config = serving.config(serving.model("new", STATUS="500"))
    deployment = blue_green("CANARY", wait=60, CanarySize=50, alarm=alarm)
    with clients(serving, endpoint) as loop:
        update(serving, endpoint, config, DeploymentConfig=deployment)
        found = serving.settled(endpoint)
        before = loop.answers["old"]
        eventually(lambda: loop.answers["old"] > before + 20)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old)
    assert alarm in found["FailureReason"]
    assert set(loop.answers) == {"old", "ModelError"}
    good = serving.config(serving.model("good"))
    update(serving, endpoint, good)
    found = serving.settled(endpoint)
    assert found["EndpointConfigName"] == good
    assert "FailureReason" not in found


def test_a_fleet_that_never_is_healthy_leaves_the_old_one(serving: Serving, endpoint: str) -> None:
    old = serving.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    with clients(serving, endpoint) as loop:
        update(serving, endpoint, serving.config(serving.model("new", START="sys.exit('broken')")))
        found = serving.settled(endpoint)
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", old)
    assert "did not pass the ping health check" in found["FailureReason"]
    assert "broken" in found["FailureReason"]
    assert set(loop.answers) == {"old"}


def test_deployments_are_announced(serving: Serving, endpoint: str) -> None:
    queue = Queue(serving.sandbox)
    pattern = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint Deployment State Change"]}
    rule(serving.sandbox, {**pattern, "detail": {"EndpointName": [endpoint]}}, {"Arn": queue.arn})
    config = serving.config(serving.model("new"))
    update(serving, endpoint, config, DeploymentConfig=blue_green(bake=1))
    serving.settled(endpoint)
    heard = [event["detail"] for event in queue.bodies(3)]
    pending = [detail["PendingDeploymentSummary"] for detail in heard if "PendingDeploymentSummary" in detail]
    assert {summary["EndpointConfigName"] for summary in pending} == {config}
    assert all(detail["EndpointStatus"] == "UPDATING" for detail in heard if "PendingDeploymentSummary" in detail)
    statuses = [
        item["StatusMessage"] for summary in pending for item in summary["ProductionVariants"][0]["VariantStatus"]
    ]
    wanted = "Baking for 1 seconds (TerminationWaitInSeconds) with traffic enabled on full capacity of 1 instance(s)."
    assert wanted in statuses


def test_variant_properties_are_retained_when_asked(serving: Serving, endpoint: str) -> None:
    changes = [{"VariantName": "A", "DesiredWeight": 0.5, "DesiredInstanceCount": 3}]
    serving.api.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=changes)
    serving.settled(endpoint)
    config = serving.config(serving.model("new"))
    excluded = [{"VariantPropertyType": "DesiredWeight"}]
    retained = {"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": excluded}
    update(serving, endpoint, config, **retained)
    [variant] = serving.settled(endpoint)["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["DesiredInstanceCount"]) == (1.0, 3)


@pytest.mark.parametrize(
    ("deployment", "told"),
    [
        (blue_green("CANARY"), "needs CanarySize"),
        (blue_green("ALL_AT_ONCE", CanarySize=10), "has no CanarySize"),
        (blue_green("CANARY", CanarySize=60), "at most 50%"),
        (blue_green(alarm="absent"), "alarms that do not exist: absent"),
    ],
)
def test_a_deployment_that_cannot_work_is_refused(serving: Serving, endpoint: str, deployment: Item, told: str) -> None:
    config = serving.api.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    with pytest.raises(ClientError, match=told):
        update(serving, endpoint, config, DeploymentConfig=deployment)
    assert serving.api.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService"
