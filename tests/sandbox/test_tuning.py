"""Hyperparameter tuning jobs: what they try, how they end, and what they tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from durable import Durable
from harness import eventually
from persons import Person, denial
from tunings import HANGS, SQUARE, Tunings, categories, continuous, value, x_in
from workbench import Workbench

CREATED = "arn:aws:sagemaker:us-east-1:222222222222:hyper-parameter-tuning-job"


@pytest.fixture(scope="module")
def tunings(bench: Workbench) -> Tunings:
    return Tunings(bench)


@pytest.mark.parametrize(
    ("strategy", "kind", "best"),
    [("Random", "Minimize", min), ("Bayesian", "Minimize", min), ("Bayesian", "Maximize", max)],
)
def test_the_best_of_what_was_tried_is_the_best_training_job(
    tunings: Tunings, strategy: str, kind: str, best: Any
) -> None:
    found = tunings.run(Strategy=strategy, jobs=6, Objective={"Type": kind, "MetricName": "loss"})
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    jobs = tunings.jobs(found["HyperParameterTuningJobName"])
    losses = [(float(job["TunedHyperParameters"]["x"]) - 3) ** 2 for job in jobs]
    assert [value(job) for job in jobs] == pytest.approx(losses, rel=1e-5)
    assert len(set(losses)) == 6
    assert found["BestTrainingJob"] == jobs[losses.index(best(losses))]
    counters = found["TrainingJobStatusCounters"]
    assert counters == {"Completed": 6, "InProgress": 0, "RetryableError": 0, "NonRetryableError": 0, "Stopped": 0}
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}


def test_training_jobs_get_hyperparameters_and_tags_of_the_tuning_job(tunings: Tunings) -> None:
    tags = [{"Key": "team", "Value": "red"}]
    found = tunings.run("tell(1.0); print(json.dumps(p))", jobs=1, Tags=tags)
    name, arn = found["HyperParameterTuningJobName"], found["HyperParameterTuningJobArn"]
    [job] = tunings.jobs(name)
    assert re.fullmatch(f"{name}-001-[0-9a-f]{{8}}", job["TrainingJobName"])
    described = tunings.bench.describe("Training", job["TrainingJobName"])
    assert described["HyperParameters"] == {
        "fixed": "7",
        "x": job["TunedHyperParameters"]["x"],
        "_tuning_objective_metric": "loss",
    }
    assert tunings.bench.report("Training", job["TrainingJobName"]) == described["HyperParameters"]
    assert described["TuningJobArn"] == arn == f"{CREATED}/{name}"
    for made in (arn, job["TrainingJobArn"]):
        assert tunings.api.list_tags(ResourceArn=made)["Tags"] == tags


def test_the_first_choice_of_instances_is_had(tunings: Tunings) -> None:
    request = tunings.request(jobs=1)
    definition = request["TrainingJobDefinition"] | {"DefinitionName": "flexible"}
    choices = [
        {"InstanceType": kind, "InstanceCount": 1, "VolumeSizeInGB": 2} for kind in ("ml.c5.xlarge", "ml.m5.large")
    ]
    del definition["ResourceConfig"]
    flexible = {"AllocationStrategy": "Prioritized", "InstanceConfigs": choices}
    request["TrainingJobDefinition"] = definition | {"HyperParameterTuningResourceConfig": flexible}
    tunings.api.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="flexible", **request)
    best = tunings.ended("flexible")["BestTrainingJob"]
    assert best["TrainingJobDefinitionName"] == "flexible"
    assert tunings.bench.describe("Training", best["TrainingJobName"])["ResourceConfig"] == choices[0]


def test_no_more_jobs_run_than_may_and_a_stop_ends_them(tunings: Tunings) -> None:
    name = tunings.start(HANGS, parallel=2, jobs=5)
    eventually(lambda: tunings.describe(name)["TrainingJobStatusCounters"]["InProgress"] == 2)
    running = [job["TrainingJobName"] for job in tunings.jobs(name)]
    assert len(running) == 2
    eventually(lambda: all(tunings.bench.log("Training", job)[-1:] == ["hangs"] for job in running))
    assert tunings.describe(name)["ObjectiveStatusCounters"] == {"Succeeded": 0, "Pending": 2, "Failed": 0}
    tunings.api.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    found = tunings.ended(name)
    assert found["HyperParameterTuningJobStatus"] == "Stopped"
    assert [job["TrainingJobStatus"] for job in tunings.jobs(name)] == ["Stopped", "Stopped"]
    with pytest.raises(ClientError, match="is in status Stopped"):
        tunings.api.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


@pytest.mark.parametrize(("strategy", "parallel", "jobs"), [("Random", 2, 3), ("Bayesian", 1, 6)])
def test_the_same_seed_tries_the_same(tunings: Tunings, strategy: str, parallel: int, jobs: int) -> None:
    tried = []
    for seed in (1, 1, 2):
        found = tunings.run(Strategy=strategy, parallel=parallel, jobs=jobs, RandomSeed=seed)
        tried.append(tunings.tried(found["HyperParameterTuningJobName"]))
    assert tried[0] == tried[1]
    assert tried[0] != tried[2]


def test_a_grid_covers_all_combinations_once(tunings: Tunings) -> None:
    ranges = {"CategoricalParameterRanges": [categories("x", 1, 4), categories("y", "a", "b, c")]}
    found = tunings.run(ranges=ranges, Strategy="Grid", jobs=None)
    tried = tunings.tried(found["HyperParameterTuningJobName"])
    assert sorted((item["x"], item["y"]) for item in tried) == [("1", "a"), ("1", "b, c"), ("4", "a"), ("4", "b, c")]
    assert found["BestTrainingJob"]["TunedHyperParameters"]["x"] == "4"


def test_scales_say_where_values_lie(tunings: Tunings) -> None:
    ranges = {
        "ContinuousParameterRanges": [
            continuous("log", 1e-6, 1, "Logarithmic"),
            continuous("reverse", 0, 0.999999, "ReverseLogarithmic"),
            continuous("auto", 1e-6, 1, "Auto"),
        ],
        "IntegerParameterRanges": [continuous("whole", -2, 2)],
        "AutoParameters": [{"Name": "depth", "ValueHint": "6"}, {"Name": "kind", "ValueHint": "tree"}],
    }
    found = tunings.run("tell(1)", ranges, jobs=8, RandomSeed=5, Autotune={"Mode": "Enabled"})
    tried = tunings.tried(found["HyperParameterTuningJobName"])
    for name, small in (("log", lambda v: v), ("auto", lambda v: v), ("reverse", lambda v: 1 - v)):
        values = [small(float(item[name])) for item in tried]
        assert all(9e-7 <= number <= 1 for number in values)
        assert sum(number < 0.03 for number in values) >= 4, name
    assert {item["whole"] for item in tried} <= {"-2", "-1", "0", "1", "2"}
    assert all(1 <= int(item["depth"]) <= 60 for item in tried)
    assert {item["kind"] for item in tried} == {"tree"}


def test_jobs_without_success_fail_the_tuning_job_after_five_at_the_most(tunings: Tunings) -> None:
    found = tunings.run("raise SystemExit(3)", parallel=1, jobs=8)
    assert found["HyperParameterTuningJobStatus"] == "Failed"
    more = "Please take a look at the training job failures to get more details."
    assert found["FailureReason"] == f"No training job succeeded after 5 attempts. {more}"
    assert found["TrainingJobStatusCounters"]["NonRetryableError"] == 5
    assert "BestTrainingJob" not in found
    assert tunings.run("raise SystemExit(3)", jobs=2)["FailureReason"].startswith("No training job succeeded after 2")


def test_jobs_without_an_objective_fail_the_tuning_job(tunings: Tunings) -> None:
    found = tunings.run("print('nothing')", jobs=2)
    assert (found["HyperParameterTuningJobStatus"], found["ObjectiveStatusCounters"]["Failed"]) == ("Failed", 2)
    assert found["FailureReason"].startswith("No objective metrics found after running 2 training jobs.")


def test_some_failures_do_not_fail_the_tuning_job(tunings: Tunings) -> None:
    code = "tell(float(p['x'])) if p['x'] != '0' else exit(3)"
    found = tunings.run(code, x_in(0, 1, 2), Strategy="Grid", jobs=3)
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    assert found["BestTrainingJob"]["TunedHyperParameters"] == {"x": "1"}
    name = found["HyperParameterTuningJobName"]
    [failed] = tunings.jobs(name, StatusEquals="Failed")
    assert (failed["ObjectiveStatus"], "exit code: 3" in failed["FailureReason"]) == ("Failed", True)
    by_value = {"SortBy": "FinalObjectiveMetricValue", "SortOrder": "Descending"}
    assert [value(job) for job in tunings.jobs(name, **by_value)] == [2.0, 1.0]


def test_a_job_worse_than_the_median_is_stopped_early(tunings: Tunings) -> None:
    code = """
    tell(float(p['x'])); tell(float(p['x']))
    time.sleep({'5': 0, '1': 3, '9': 300}[p['x']])
    """
    found = tunings.run(code, x_in(5, 1, 9), Strategy="Grid", jobs=3, parallel=1, TrainingJobEarlyStoppingType="Auto")
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    jobs = tunings.jobs(found["HyperParameterTuningJobName"])
    assert [job["TrainingJobStatus"] for job in jobs] == ["Completed", "Completed", "Stopped"]
    assert [value(job) for job in jobs] == [5.0, 1.0, 9.0]
    assert found["TrainingJobStatusCounters"]["Stopped"] == 1
    assert found["BestTrainingJob"]["TunedHyperParameters"] == {"x": "1"}


def test_hyperband_stops_jobs_at_the_latest_after_the_most_epochs(tunings: Tunings) -> None:
    code = """
    for epoch in range(9): tell(float(p['x']))
    time.sleep(300)
    """
    most = {"HyperbandStrategyConfig": {"MaxResource": 9}}
    found = tunings.run(code, jobs=3, parallel=3, Strategy="Hyperband", StrategyConfig=most)
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    assert found["TrainingJobStatusCounters"]["Stopped"] == 3
    assert value(found["BestTrainingJob"]) == min(map(value, tunings.jobs(found["HyperParameterTuningJobName"])))


@pytest.mark.parametrize(
    ("criteria", "tried"),
    [
        ({"TargetObjectiveMetricValue": 0.5}, ["9", "3"]),
        ({"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}, ["9", "3", "7", "6", "5"]),
    ],
)
def test_completion_criteria_end_a_tuning_job(tunings: Tunings, criteria: dict[str, Any], tried: list[str]) -> None:
    ranges = x_in(9, 3, 7, 6, 5, 4)
    found = tunings.run(SQUARE, ranges, Strategy="Grid", jobs=6, parallel=1, TuningJobCompletionCriteria=criteria)
    assert found["HyperParameterTuningJobStatus"] == "Completed", found
    assert [item["x"] for item in tunings.tried(found["HyperParameterTuningJobName"])] == tried
    failed = found["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"]
    assert failed == len(tried) - 2


LOG = {"ContinuousParameterRanges": [continuous("x", 0, 1, "Logarithmic")]}
REVERSED = {"ContinuousParameterRanges": [continuous("x", 0, 1, "ReverseLogarithmic")]}
HINTS = {"AutoParameters": [{"Name": "x", "ValueHint": "1"}]}
CONVERGED = {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"ranges": {"ContinuousParameterRanges": [continuous("x", 2, 1)]}}, r"The MinValue \[2\] of x is greater"),
        ({"ranges": {"IntegerParameterRanges": [continuous("x", 0.5, 1)]}}, "'0.5' is no integer value"),
        ({"ranges": LOG}, "Logarithmic scaling works only for ranges that have only values greater than 0"),
        ({"ranges": REVERSED}, "entirely within the range 0<=x<1.0"),
        ({"ranges": {"IntegerParameterRanges": []}}, "at least one hyperparameter range"),
        ({"ranges": {"CategoricalParameterRanges": [categories("x", 1), categories("x", 2)]}}, "more than one range"),
        ({"ranges": {"CategoricalParameterRanges": [categories("fixed", 1, 2)]}, "jobs": 2}, "both static and in a ra"),
        (
            {"ranges": x_in(1, 2, 3), "jobs": 10},
            r"You don't have enough combinations of hyperparameter ranges.*\[3.0\]",
        ),
        ({"ranges": HINTS}, "with Autotune only"),
        ({"Strategy": "Grid"}, "Only categorical parameters are supported"),
        ({"Strategy": "Grid", "ranges": x_in(1, 2, 3), "jobs": 2}, "distinct categorical combinations"),
        ({"Strategy": "Hyperband"}, "Hyperband needs MaxResource"),
        ({"StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 3}}}, "only if Hyperband"),
        ({"Objective": {"Type": "Minimize", "MetricName": "gain"}}, "Provide a metric in the metric definitions"),
        ({"jobs": None}, "needs MaxNumberOfTrainingJobs"),
        ({"TuningJobCompletionCriteria": CONVERGED}, "does not implement CompleteOnConvergence"),
    ],
)
def test_what_can_not_be_tuned_is_refused(tunings: Tunings, members: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=message):
        tunings.start(Name="refused", **members)
    with pytest.raises(ClientError, match="not found"):
        tunings.describe("refused")


def warm(name: str, kind: str = "IdenticalDataAndAlgorithm") -> dict[str, Any]:
    return {"ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": name}], "WarmStartType": kind}


def test_a_warm_start_knows_what_its_parents_found(tunings: Tunings) -> None:
    parent = tunings.run(ranges=x_in(3, 9), Strategy="Grid", jobs=2)
    name = parent["HyperParameterTuningJobName"]
    found = tunings.run(jobs=1, WarmStartConfig=warm(name), ranges={"IntegerParameterRanges": [continuous("x", 5, 6)]})
    assert value(found["BestTrainingJob"]) > 0
    assert found["OverallBestTrainingJob"] == parent["BestTrainingJob"] | {"TuningJobName": name}
    transfer = tunings.run(jobs=1, Strategy="Bayesian", WarmStartConfig=warm(name, "TransferLearning"))
    assert "OverallBestTrainingJob" not in transfer


def test_a_bayesian_warm_start_is_nearer_to_the_best_than_a_cold_one(tunings: Tunings) -> None:
    code, ranges = "tell(abs(float(p['x']) - 500))", {"ContinuousParameterRanges": [continuous("x", -1000, 1000)]}
    parent = tunings.run(code, x_in(-900, -500, -100, 100, 498, 500, 502, 900), Strategy="Grid", jobs=8)
    same = {"jobs": 5, "parallel": 1, "Strategy": "Bayesian", "RandomSeed": 3}
    cold = tunings.run(code, ranges, **same)
    warmed = tunings.run(code, ranges, **same, WarmStartConfig=warm(parent["HyperParameterTuningJobName"]))
    assert value(warmed["BestTrainingJob"]) < value(cold["BestTrainingJob"]) / 2


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"Objective": {"Type": "Maximize", "MetricName": "loss"}}, "The objective metric must be the same"),
        ({"ranges": {"CategoricalParameterRanges": [categories("x", 1), categories("y", 1)]}}, "it is 3, and 2 in"),
        ({"WarmStartConfig": warm("nobody")}, "nobody does not exist"),
    ],
)
def test_a_warm_start_needs_a_parent_like_itself(tunings: Tunings, members: dict[str, Any], message: str) -> None:
    parent = tunings.run(jobs=1)["HyperParameterTuningJobName"]
    with pytest.raises(ClientError, match=message):
        tunings.start(**{"jobs": 1, "WarmStartConfig": warm(parent), **members})


def test_several_training_job_definitions_are_refused(tunings: Tunings) -> None:
    request = tunings.request()
    request["TrainingJobDefinitions"] = [request.pop("TrainingJobDefinition")]
    with pytest.raises(ClientError, match="does not implement TrainingJobDefinitions"):
        tunings.api.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="several", **request)


def test_tuning_jobs_are_listed_and_deleted(tunings: Tunings) -> None:
    names = [tunings.run(jobs=1, Name=name)["HyperParameterTuningJobName"] for name in ("listed-b", "listed-a")]
    api = tunings.api
    found = api.list_hyper_parameter_tuning_jobs(NameContains="listed", StatusEquals="Completed", MaxResults=1)
    assert [item["HyperParameterTuningJobName"] for item in found["HyperParameterTuningJobSummaries"]] == ["listed-a"]
    pages = api.get_paginator("list_hyper_parameter_tuning_jobs").paginate(NameContains="listed", SortBy="CreationTime")
    listed = [item for page in pages for item in page["HyperParameterTuningJobSummaries"]]
    assert [item["HyperParameterTuningJobName"] for item in listed] == names
    assert listed[0]["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 2}
    with pytest.raises(ClientError, match="exists already"):
        tunings.start(Name="listed-a")
    [job] = tunings.jobs("listed-a")
    api.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="listed-a")
    with pytest.raises(api.exceptions.ResourceNotFound):
        tunings.describe("listed-a")
    assert tunings.bench.describe("Training", job["TrainingJobName"])["TrainingJobStatus"] == "Completed"


def test_each_state_is_told_to_eventbridge(tunings: Tunings) -> None:
    sandbox, name = tunings.bench.sandbox, "tuning-told"
    sqs, events = sandbox.client("sqs"), sandbox.client("events")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    kind = "SageMaker HyperParameter Tuning Job State Change"
    pattern = {"detail-type": [kind], "detail": {"HyperParameterTuningJobName": [name]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    tunings.run(jobs=1, Name=name)
    told: list[str] = []

    def statuses() -> bool:
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            told.append(json.loads(message["Body"])["detail"]["HyperParameterTuningJobStatus"])
        return sorted(told) == ["Completed", "InProgress"]

    eventually(statuses)


def test_a_policy_names_the_tuning_jobs_and_the_role_that_it_passes(tunings: Tunings) -> None:
    person = Person(tunings.bench.sandbox, "development")
    person.allow("sagemaker:CreateHyperParameterTuningJob", f"{CREATED}/mine-*")
    api, request = person.client("sagemaker"), tunings.request(jobs=1)

    def create(name: str) -> Any:
        return api.create_hyper_parameter_tuning_job(HyperParameterTuningJobName=name, **request)

    assert "sagemaker:CreateHyperParameterTuningJob" in denial(lambda: create("other"))
    assert "iam:PassRole" in denial(lambda: create("mine-1"))
    person.allow("iam:PassRole", tunings.bench.role)
    create("mine-1")
    assert tunings.ended("mine-1")["HyperParameterTuningJobStatus"] == "Completed"


def test_training_jobs_that_could_not_be_made_are_refused_at_once(tunings: Tunings) -> None:
    request = tunings.request()
    request["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"][0]["Regex"] = "loss=("
    with pytest.raises(ClientError, match="Regex of loss is not valid"):
        tunings.api.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="no-regex", **request)


def test_a_role_that_does_not_trust_sagemaker_is_refused(tunings: Tunings) -> None:
    role = tunings.bench.sandbox.role("not-for-tuning", "lambda.amazonaws.com")
    request = tunings.request()
    request["TrainingJobDefinition"]["RoleArn"] = role
    with pytest.raises(ClientError, match="not-for-tuning"):
        tunings.api.create_hyper_parameter_tuning_job(HyperParameterTuningJobName="untrusted", **request)


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Durable]:
    made = Durable(tmp_path / "home")
    made.up()
    yield made
    made.kill()


def test_a_tuning_job_that_was_cut_off_has_failed_and_the_ended_are_kept(durable: Durable, tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    tunings = Tunings(Workbench(durable.sandbox, tmp_path / "image"))
    done = tunings.run(jobs=2)
    name = tunings.start(HANGS, jobs=2)
    eventually(lambda: len(tunings.jobs(name)) == 2)
    durable.saved()
    durable.kill()
    durable.up()
    found = tunings.describe(name)
    assert (found["HyperParameterTuningJobStatus"], "stopped" in found["FailureReason"]) == ("Failed", True)
    assert found["TrainingJobStatusCounters"]["InProgress"] == 0
    kept = tunings.describe(done["HyperParameterTuningJobName"])
    assert (kept["BestTrainingJob"], kept["ConsumedResources"]) == (done["BestTrainingJob"], done["ConsumedResources"])
    assert tunings.run(jobs=1)["HyperParameterTuningJobStatus"] == "Completed"
