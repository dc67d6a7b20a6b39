"""How the jobs of a build run: where, for how long, encrypted and isolated how, cached and retried when."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sagemaker.core.network import NetworkConfig
from sagemaker.core.processing import Processor
from sagemaker.core.shapes import ProcessingInput, ProcessingOutput, ProcessingS3Input, ProcessingS3Output, Tag
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, Networking, OutputDataConfig, StoppingCondition

from pipelines.session import ProjectSession
from pipelines.settings import Settings

# Types with EBS volumes only: local NVMe disks have their own key, so SageMaker refuses ours on them.
SIZES = ("large", "xlarge", "2xlarge", "4xlarge")
INSTANCE_TYPES = [f"ml.{family}.{size}" for family in ("m5", "m6i", "m7i", "r5") for size in SIZES]
# What an endpoint may run on: a model of trees needs little memory.
REALTIME_INSTANCE_TYPES = [
    f"ml.{family}.{size}" for family in ("c5", "c6i", "c7i", "m5", "m6i", "m7i") for size in SIZES
]

MAX_RUNTIME_SECONDS = 3600
JOB_FOLDER = "/opt/ml/processing"
MESSAGE_FILE = "/opt/ml/output/message"  # what a job leaves here is its ExitMessage
CACHE = CacheConfig(enable_caching=True, expire_after="P30D")
STEP_RETRY = StepRetryPolicy(
    exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
    interval_seconds=5,
    max_attempts=5,
)
JOB_RETRY = SageMakerJobStepRetryPolicy(
    exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR, SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
    interval_seconds=60,
    max_attempts=5,
)


def output_uri(settings: Settings, pipeline_name: str, *parts: str) -> Join:
    """S3 URI under a prefix of the execution's own, so that no run overwrites another's results."""
    root = f"s3://{settings.bucket}/{pipeline_name}"
    return Join(on="/", values=[root, ExecutionVariables.PIPELINE_EXECUTION_ID, *parts])


def output_of(step: ProcessingStep, name: str) -> Any:
    """S3 URI of a step's output; that of the earlier run when the step was a cache hit."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def scripts(folder: Path, *names: str) -> list[Path]:
    """Scripts of a use case, by the names of their modules."""
    return [folder / f"{name}.py" for name in names]


def shared(*names: str) -> list[Path]:
    """Scripts that those of several use cases import; in a job all lie side by side."""
    return scripts(Path(__file__).parent / "scripts", *names)


def processor(
    settings: Settings, session: ProjectSession, image_uri: Any, instance_type: Any, script: str
) -> Processor:
    """Return what runs a script of the input `code`: encrypted, with no network, on one instance."""
    return Processor(
        role=settings.role_arn,
        image_uri=image_uri,
        instance_type=instance_type,
        instance_count=1,
        entrypoint=["python", f"{JOB_FOLDER}/input/code/{script}"],
        volume_kms_key=settings.kms_key_arn,
        output_kms_key=settings.kms_key_arn,
        max_runtime_in_seconds=MAX_RUNTIME_SECONDS,
        network_config=NetworkConfig(enable_network_isolation=True),
        tags=settings.tags,
        sagemaker_session=session,
    )


def trainer(session: ProjectSession, name: str, image_uri: Any, compute: Compute, output: Any) -> ModelTrainer:
    """Return what runs an image that trains: with no network; its model goes below `output`, encrypted."""
    settings = session.project
    return ModelTrainer(
        training_image=image_uri,
        role=settings.role_arn,
        base_job_name=name,
        compute=compute,
        networking=Networking(enable_network_isolation=True),
        output_data_config=OutputDataConfig(s3_output_path=output, kms_key_id=settings.kms_key_arn),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=MAX_RUNTIME_SECONDS),
        tags=[Tag(key=tag["Key"], value=tag["Value"]) for tag in settings.tags],
        sagemaker_session=session,
    )


def inputs(session: ProjectSession, code: Iterable[Path], data: Mapping[str, Any]) -> list[ProcessingInput]:
    """Code as the input `code`, and data; each becomes the folder JOB_FOLDER/input/<name>."""
    return [_input(name, uri) for name, uri in {"code": session.upload_code(code), **data}.items()]


def outputs(uris: Mapping[str, Any]) -> list[ProcessingOutput]:
    """Outputs; each is the folder JOB_FOLDER/output/<name>."""
    return [_output(name, uri) for name, uri in uris.items()]


def _input(name: str, uri: Any) -> ProcessingInput:
    source = ProcessingS3Input(
        s3_uri=uri, local_path=f"{JOB_FOLDER}/input/{name}", s3_data_type="S3Prefix", s3_input_mode="File"
    )
    return ProcessingInput(input_name=name, s3_input=source)


def _output(name: str, uri: Any) -> ProcessingOutput:
    target = ProcessingS3Output(s3_uri=uri, local_path=f"{JOB_FOLDER}/output/{name}", s3_upload_mode="EndOfJob")
    return ProcessingOutput(output_name=name, s3_output=target)
