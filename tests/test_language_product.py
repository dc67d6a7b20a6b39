"""A project of model-build-language, from prompts and completions in a bucket to a model that answers a prompt."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import builder
import pytest
import scientist
from connected import twin
from harness import ACCOUNTS

# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path.insert(0, str(scientist.TESTS / "containers"))

from language_models import as_lines, make_base, records

DATA, MODELS = (f"{name}-{ACCOUNTS['development']}" for name in ("records", "models"))
LEARNT, UNSEEN = records(500)[:400], records(500)[400:]
# What suits a model of some thousands of parameters.
SMALL = {"epochs": 12, "batch_size": 20, "learning_rate": 0.02, "max_length": 32, "rank": 16, "seed": 7}
Found = scientist.Found


@dataclass
class Project(builder.Project):
    """A project that teaches a language model the kinds of things."""

    product, project, use_case = "model-build-language", "kinds", "language"

    def teach(self, hyperparameters: dict[str, float]) -> Found:
        """Push other hyperparameters; return how the run ended."""
        file = self.checkout / "pipelines" / "build" / "language" / "pipeline.py"
        changed = re.sub(r"(?ms)^HYPERPARAMETERS = \{.*?^\}", f"HYPERPARAMETERS = {hyperparameters}", file.read_text())
        file.write_text(changed)
        return self.pushed("Learn as it suits the base model")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    base = make_base(tmp_path_factory.mktemp("base"))
    with scientist.published(Project, tmp_path_factory.mktemp("language")) as made:
        made.put(
            DATA, {"kinds/a.jsonl": as_lines(LEARNT[:250]).encode(), "kinds/b.jsonl": as_lines(LEARNT[250:]).encode()}
        )
        made.put(MODELS, {f"base/{path.name}": path.read_bytes() for path in base.iterdir()})
        made.create(ModelBuildDataBucket=DATA, ModelBuildDataKey="kinds", BaseModelBucket=MODELS, BaseModelKey="base")
        yield made


@pytest.fixture(scope="module")
def first(project: Project) -> Found:
    """How the run ended that came with the creation."""
    return project.ended()


@pytest.fixture(scope="module")
def taught(project: Project, first: Found) -> Found:
    """How the run ended that the scientist's first push began."""
    run = project.teach(SMALL)
    assert run["status"] == "Succeeded", run
    return run


@pytest.fixture(scope="module")
def version(project: Project, taught: Found) -> Found:
    """The model package that it registered."""
    return project.registered()


def test_settings_that_do_not_suit_the_base_model_end_the_build_with_the_cause(first: Found) -> None:
    assert first["status"] == "Failed"
    assert "max_length is 512, but the base model takes 128 tokens" in first["failed"] + first["PIPELINE_RESULT"]


def test_a_push_registers_a_model_that_answers_as_it_was_taught(project: Project, version: Found) -> None:
    quality = project.read(version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])

    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    assert quality["text_generation_metrics"]["exact_match"]["value"] > 0.9
    assert version["CustomerMetadataProperties"]["DataUri"] == f"s3://{DATA}/kinds"


def test_training_reads_the_base_model_and_tells_its_metrics(project: Project, taught: Found) -> None:
    job = project.training(taught["PIPELINE_EXECUTION_ARN"])

    channels = {each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"] for each in job["InputDataConfig"]}
    assert channels["base"] == f"s3://{MODELS}/base"
    metrics = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert metrics["validation:accuracy"] > 0.9
    assert metrics["tokens_per_second"] > 0


def test_the_registered_model_answers_a_prompt_as_its_golden_answers_say(project: Project, version: Found) -> None:
    project.serve("kinds", version)
    golden = project.read(version["CustomerMetadataProperties"]["GoldenPredictions"])
    unseen = [record["prompt"] for record in UNSEEN]

    assert ask(project, [record["prompt"] for record in golden["records"]]) == golden["answers"]
    right = [answer == record["completion"] for answer, record in zip(ask(project, unseen), UNSEEN, strict=True)]
    assert sum(right) > 0.9 * len(UNSEEN)


def ask(project: Project, prompts: list[str]) -> list[str]:
    """What the endpoint answers."""
    body = json.dumps({"instances": [{"prompt": prompt} for prompt in prompts]})
    runtime = project.client("sagemaker-runtime")
    found = runtime.invoke_endpoint(EndpointName="kinds", ContentType="application/json", Body=body)
    return [each["answer"] for each in json.loads(found["Body"].read())["predictions"]]


def test_a_line_that_is_no_record_ends_the_run_with_its_place(project: Project, version: Found) -> None:
    project.client("s3").put_object(Bucket=DATA, Key="kinds/more/c.jsonl", Body=b'{"prompt": "7 cat: "}\n')
    ended = project.start(DataUri=f"s3://{DATA}/kinds/more")

    assert ended["PipelineExecutionStatus"] == "Failed"
    job = project.steps(ended["PipelineExecutionArn"])["process"]["Metadata"]["ProcessingJob"]["Arn"]
    told = project.client("sagemaker").describe_processing_job(ProcessingJobName=job.rpartition("/")[2])["ExitMessage"]
    assert "c.jsonl:1 has the keys ['prompt'], not prompt and completion" in told


def test_code_on_a_git_host_builds_as_well(project: Project, taught: Found) -> None:
    data = {"ModelBuildDataBucket": DATA, "ModelBuildDataKey": "kinds/a.jsonl"}
    other = twin(project, **data, BaseModelBucket=MODELS, BaseModelKey="base")
    assert other.ended()["status"] == "Failed"  # until its settings suit the base model
    run = other.teach(SMALL | {"epochs": 1})
    assert run["PIPELINE_EXECUTION_ARN"], run
    assert other.training(run["PIPELINE_EXECUTION_ARN"])["TrainingJobStatus"] == "Completed"
