"""The tabular seed's pipeline with its search turned on, by the role that its template makes, to a registered model."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from harness import ACCOUNTS, Sandbox

TESTS = Path(__file__).resolve().parents[1]
# pytest puts the folder of a test on the path, not those whose helpers it shares.
sys.path.insert(0, str(TESTS))

from policies import ROOT, load, render, resources  # noqa: E402

ACCOUNT, NAME, ID = ACCOUNTS["development"], "tuned", "p-tuned0001"
BUCKET, REPOSITORY, GROUP = f"artifacts-{ID}", f"sagemaker-{NAME}-{ID}", f"sagemaker-{NAME}-{ID}"
EDITS = {
    "TUNING: Tuning | None = None": "TUNING: Tuning | None = SEARCH",
    "    max_jobs=12,": "    max_jobs=3,",
    "MARGIN = 0.0": "MARGIN = -1.0",
}
Item = dict[str, Any]


def test_a_search_ends_with_its_best_model_registered_and_is_not_repeated(sandbox: Sandbox, tmp_path: Path) -> None:
    variables = prepare(sandbox)
    execution = run(sandbox, seed(tmp_path), variables)
    found = steps(sandbox, execution)
    assert set(found) == {"process", "tune", "evaluate", "gate", "register"}
    best = best_training_job(sandbox, found["tune"]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2], 3)
    assert best["EnableNetworkIsolation"] is True
    assert best["ResourceConfig"]["VolumeKmsKeyId"] == variables["KMS_KEY_ARN"]
    assert registered(sandbox, found) == best["ModelArtifacts"]["S3ModelArtifacts"]
    again = steps(sandbox, run(sandbox, tmp_path, variables))
    assert {name for name, step in again.items() if "CacheHitResult" in step} == {"process", "tune", "evaluate"}
    assert registered(sandbox, again) == best["ModelArtifacts"]["S3ModelArtifacts"]


def prepare(sandbox: Sandbox) -> dict[str, str]:
    """Make what the project's stack makes, with its data and its image; return the variables of its build."""
    s3, kms = sandbox.client("s3"), sandbox.client("kms")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="data/customers.csv", Body=customers().to_csv(index=False).encode())
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    policies = [json.dumps(item) for item in permissions(key)]
    role = sandbox.role(f"sagemaker-{ID}-execution", "sagemaker.amazonaws.com", policies=policies)
    image = push(sandbox)
    return {
        "SAGEMAKER_PROJECT_NAME": NAME,
        "SAGEMAKER_PROJECT_ID": ID,
        "AWS_REGION": "us-east-1",
        "ARTIFACT_BUCKET": BUCKET,
        "KMS_KEY_ARN": key,
        "PIPELINE_ROLE_ARN": role,
        "MODEL_PACKAGE_GROUP_NAME": GROUP,
        "IMAGE_REPOSITORY_URI": image.partition("@")[0],
        "DATA_URI": f"s3://{BUCKET}/data/customers.csv",
        "TARGET_COLUMN": "left",
        "PROBLEM_TYPE": "binary_classification",
        "ACCELERATOR": "cpu",
        "IMAGE_URI": image,
        "INFERENCE_IMAGE_URI": image,  # nothing is served here
    }


def customers() -> pd.DataFrame:
    """Customers of whom those who call often leave."""
    random = np.random.default_rng(3)
    calls, age = random.poisson(2, 600), random.integers(18, 80, 600)
    left = np.where(random.random(600) < 1 / (1 + np.exp(4 - 1.8 * calls)), "yes", "no")
    return pd.DataFrame({"calls": calls, "age": age, "minutes": random.gamma(2, 60, 600).round(2), "left": left})


def permissions(key: str) -> list[Item]:
    """Return the policies of the execution role, as the template makes them for this project."""
    template = load(ROOT / "project_templates/model-build/template.yaml")
    values = {
        "SageMakerProjectName": NAME,
        "SageMakerProjectId": ID,
        "AWS::Partition": "aws",
        "AWS::Region": "us-east-1",
        "AWS::AccountId": ACCOUNT,
        "ModelBuildDataBucket": BUCKET,
        "ModelBuildDataKey": "data/customers.csv",
        "ArtifactBucket.Arn": f"arn:aws:s3:::{BUCKET}",
        "ArtifactsKey.Arn": key,
        "ImagesRepository.Arn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{REPOSITORY}",
        "ModelRegistryGroup.ModelPackageGroupArn": f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/{GROUP}",
    }
    own = resources(template, "AWS::IAM::Role")["ExecutionRole"]["Policies"]
    data = resources(template, "AWS::IAM::Policy")["ExecutionDataPolicy"]
    return [rendered(policy["PolicyDocument"], values) for policy in (*own, data)]


def rendered(value: Any, values: dict[str, str]) -> Any:
    """Return a policy as CloudFormation would make it."""
    if isinstance(value, list):
        return [rendered(item, values) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) <= {"Ref", "Fn::Sub", "Fn::GetAtt"}:
        text = render(value, values)
        assert "${" not in text, text
        return text
    return {key: rendered(item, values) for key, item in value.items()}


def push(sandbox: Sandbox) -> str:
    """Build the training image and push it; return its URI by digest."""
    ecr, tagged = sandbox.client("ecr"), f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}:one"
    ecr.create_repository(repositoryName=REPOSITORY)
    environment = sandbox.environment() | {"SMPROJECT_IMAGES": str(sandbox.home / "images")}
    folder = ROOT / "containers/training"
    shared = [word for name in ("entry", "tabular") for word in ("--build-context", f"{name}={folder / name}")]
    build = ["build", "--tag", tagged, *shared, str(folder / "xgboost")]
    for words in (build, ["push", tagged]):
        command = [sys.executable, "-m", "smproject.sandbox.docker", *words]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    (image,) = ecr.describe_images(repositoryName=REPOSITORY)["imageDetails"]
    return f"{tagged.removesuffix(':one')}@{image['imageDigest']}"


def seed(folder: Path) -> Path:
    """Write the pipelines into a folder, edited as their user would."""
    shutil.copytree(ROOT / "pipelines", folder / "pipelines")
    file = folder / "pipelines/build/tabular/pipeline.py"
    text = file.read_text()
    for before, after in EDITS.items():
        assert text.count(f"\n{before}\n") == 1, before
        text = text.replace(f"\n{before}\n", f"\n{after}\n")
    file.write_text(text)
    return folder


def run(sandbox: Sandbox, folder: Path, variables: dict[str, str]) -> str:
    """Run the pipeline to its end, as a build does; return the execution's ARN."""
    command = [sys.executable, "-m", "pipelines.run", "run", "--pipeline", "build.tabular", "--wait"]
    environment = sandbox.environment() | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return (folder / "pipeline-execution-arn.txt").read_text().strip()


def steps(sandbox: Sandbox, execution: str) -> dict[str, Item]:
    """Return the steps of an execution by name."""
    listed = sandbox.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=execution)
    return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}


def best_training_job(sandbox: Sandbox, search: str, count: int) -> Item:
    """Return the training job with the largest objective of so many."""
    sagemaker = sandbox.client("sagemaker")
    tried = sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName=search)
    objectives = {
        job["TrainingJobName"]: job["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for job in tried["TrainingJobSummaries"]
    }
    assert len(objectives) == count
    best = max(objectives, key=lambda name: objectives[name])
    found: Item = sagemaker.describe_training_job(TrainingJobName=best)
    return found


def registered(sandbox: Sandbox, found: dict[str, Item]) -> str:
    """Return the S3 URI of the model that an execution has registered."""
    version = found["register"]["Metadata"]["RegisterModel"]["Arn"]
    package = sandbox.client("sagemaker").describe_model_package(ModelPackageName=version)
    return str(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
