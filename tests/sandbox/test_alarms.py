"""CloudWatch's alarms: evaluated as AWS documents, on metrics that somebody put."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from harness import Sandbox, eventually

PERIOD = 60
# Data points with the newest on the right, "Datapoints to Alarm" of 3 periods, and the state by the way of treating
# missing data. "keep" is the state that the alarm has.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
DOCUMENTED = [
    ("0 - X - X", 3, ("OK", "OK", "OK", "OK")),
    ("0 - - - -", 3, ("OK", "OK", "OK", "OK")),
    ("- - - - -", 3, ("INSUFFICIENT_DATA", "keep", "ALARM", "OK")),
    ("0 X X - X", 3, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("- - X - -", 3, ("ALARM", "keep", "ALARM", "OK")),
    ("0 - X - X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 0 X 0 X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 - X - -", 2, ("OK", "OK", "ALARM", "OK")),
    ("- - - - 0", 2, ("OK", "OK", "ALARM", "OK")),
    ("- - - X -", 2, ("ALARM", "keep", "ALARM", "OK")),
]


class Watched:
    """A metric of its own, and alarms on it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.api = sandbox.client("cloudwatch")
        self.name = f"metric-{uuid.uuid4().hex}"

    def put(self, *values: float, age: float = 0, dimensions: dict[str, str] | None = None) -> None:
        """Put values as of so many seconds ago."""
        when = datetime.now(timezone.utc) - timedelta(seconds=age)
        named = [{"Name": name, "Value": value} for name, value in (dimensions or {}).items()]
        data = [{"MetricName": self.name, "Value": value, "Timestamp": when, "Dimensions": named} for value in values]
        self.api.put_metric_data(Namespace="tests", MetricData=data)

    def alarm(self, **request: Any) -> str:
        """Create an alarm; return its name."""
        name = f"alarm-{uuid.uuid4().hex}"
        defaults = {
            "Namespace": "tests",
            "MetricName": self.name,
            "Period": PERIOD,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanThreshold",
        }
        statistic = {} if "ExtendedStatistic" in request else {"Statistic": "Sum"}
        self.api.put_metric_alarm(AlarmName=name, **{**defaults, **statistic, **request})
        return name

    def describe(self, alarm: str) -> dict[str, Any]:
        [found] = self.api.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return dict(found)

    def becomes(self, alarm: str, state: str) -> dict[str, Any]:
        """Wait for a state; return the alarm's description."""
        self.become({alarm: state})
        return self.describe(alarm)

    def become(self, states: dict[str, str]) -> None:
        """Wait until alarms have their states."""
        eventually(lambda: {name: self.describe(name)["StateValue"] for name in states} == states)


@pytest.fixture
def watched(sandbox: Sandbox) -> Watched:
    return Watched(sandbox)


@pytest.mark.parametrize(("points", "to_alarm", "states"), DOCUMENTED)
def test_missing_data_is_treated_as_documented(
    watched: Watched, points: str, to_alarm: int, states: tuple[str, ...]
) -> None:
    for age, point in enumerate(reversed(points.split())):
        if point != "-":
            watched.put({"0": 0.0, "X": 9.0}[point], age=(age + 0.5) * PERIOD)
    alarms = {
        watched.alarm(EvaluationPeriods=3, DatapointsToAlarm=to_alarm, TreatMissingData=treatment): state
        for treatment, state in zip(TREATMENTS, states, strict=True)
    }
    watched.become({name: "INSUFFICIENT_DATA" if state == "keep" else state for name, state in alarms.items()})
    for name in alarms:
        watched.api.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="by hand")
    watched.become({name: "OK" if state == "keep" else state for name, state in alarms.items()})


def test_a_threshold_that_is_crossed_tells_its_reason(watched: Watched) -> None:
    alarm = watched.alarm()
    assert "unknown" in watched.becomes(alarm, "INSUFFICIENT_DATA")["StateReason"]
    watched.put(2.0, 3.0)
    found = watched.becomes(alarm, "ALARM")
    assert found["StateReason"] == (
        "Threshold Crossed: 1 out of the last 1 datapoints [5.0] was greater than the threshold (1.0)."
    )
    assert json.loads(found["StateReasonData"])["recentDatapoints"] == [5.0]


@pytest.mark.parametrize(
    ("statistic", "threshold"),
    [
        ({"Statistic": "Average"}, 3.0),
        ({"Statistic": "Minimum"}, 1.0),
        ({"Statistic": "Maximum"}, 6.0),
        ({"Statistic": "SampleCount"}, 4.0),
        ({"Statistic": "Sum"}, 12.0),
        ({"ExtendedStatistic": "p50"}, 2.0),
        ({"ExtendedStatistic": "p99"}, 6.0),
    ],
)
def test_each_statistic_is_what_it_says(watched: Watched, statistic: dict[str, str], threshold: float) -> None:
    watched.put(1.0, 2.0, 3.0, 6.0)
    at_it = watched.alarm(Threshold=threshold, ComparisonOperator="GreaterThanOrEqualToThreshold", **statistic)
    above = watched.alarm(Threshold=threshold, **statistic)
    watched.becomes(at_it, "ALARM")
    watched.becomes(above, "OK")


def test_many_values_at_once_arrive(watched: Watched) -> None:
    alarm = watched.alarm(Threshold=999.0)
    watched.put(*[1.0] * 1000)  # boto3 compresses a request of this size
    watched.becomes(alarm, "ALARM")


def test_only_the_alarms_own_dimensions_count(watched: Watched) -> None:
    alarm = watched.alarm(Dimensions=[{"Name": "Size", "Value": "big"}], TreatMissingData="notBreaching")
    watched.put(9.0, dimensions={"Size": "small"})
    watched.put(9.0, dimensions={"Size": "big", "Colour": "red"})
    watched.put(9.0)
    other = watched.alarm()
    watched.becomes(other, "ALARM")
    assert watched.describe(alarm)["StateValue"] == "OK"
    watched.put(9.0, dimensions={"Size": "big"})
    watched.becomes(alarm, "ALARM")


def test_an_alarm_ends_when_its_data_is_good_again(watched: Watched) -> None:
    alarm = watched.alarm(Period=1, TreatMissingData="notBreaching")
    watched.put(9.0)
    watched.becomes(alarm, "ALARM")
    watched.becomes(alarm, "OK")


def test_a_state_set_by_hand_lasts_until_the_next_evaluation_finds_otherwise(watched: Watched) -> None:
    ignoring, good = watched.alarm(TreatMissingData="ignore"), watched.alarm(TreatMissingData="notBreaching")
    for alarm in (ignoring, good):
        watched.api.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="by hand")
    watched.becomes(good, "OK")
    assert (watched.describe(ignoring)["StateValue"], watched.describe(ignoring)["StateReason"]) == ("ALARM", "by hand")


def test_an_alarm_that_cannot_be_evaluated_says_so(watched: Watched) -> None:
    metric = {"Metric": {"Namespace": "tests", "MetricName": watched.name}, "Period": PERIOD, "Stat": "Sum"}
    queries = [
        {"Id": "m1", "MetricStat": metric, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 * 2", "ReturnData": True},
    ]
    name = f"alarm-{uuid.uuid4().hex}"
    watched.api.put_metric_alarm(
        AlarmName=name,
        Metrics=queries,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    assert "no metric math" in watched.becomes(name, "INSUFFICIENT_DATA")["StateReason"]
