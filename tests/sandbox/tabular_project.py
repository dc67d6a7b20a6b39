"""What a project of the tabular seed has, made without its stack: role as its template makes it, data, image, build."""

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

ACCOUNT = ACCOUNTS["development"]
Item = dict[str, Any]


class TabularProject:
    """A project that learns by an algorithm, in a sandbox; its repository is a folder."""

    def __init__(self, sandbox: Sandbox, name: str, folder: Path, algorithm: str, edits: dict[str, str]) -> None:
        """Make what the project's stack makes, with its data and its image; `edits` are its user's of pipeline.py."""
        self.sandbox, self.name, self.id, self.folder = sandbox, name, f"p-{name}0001", folder
        self.bucket, self.group = f"artifacts-{self.id}", f"sagemaker-{name}-{self.id}"
        s3 = sandbox.client("s3")
        s3.create_bucket(Bucket=self.bucket)
        s3.put_object(Bucket=self.bucket, Key="data/customers.csv", Body=customers().to_csv(index=False).encode())
        key = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
        sandbox.client("sagemaker").create_model_package_group(ModelPackageGroupName=self.group)
        policies = [json.dumps(item) for item in self.permissions(key)]
        role = sandbox.role(f"sagemaker-{self.id}-execution", "sagemaker.amazonaws.com", policies=policies)
        image = self.push(algorithm)
        self.variables = {
            "SAGEMAKER_PROJECT_NAME": name,
            "SAGEMAKER_PROJECT_ID": self.id,
            "AWS_REGION": "us-east-1",
            "ARTIFACT_BUCKET": self.bucket,
            "KMS_KEY_ARN": key,
            "PIPELINE_ROLE_ARN": role,
            "MODEL_PACKAGE_GROUP_NAME": self.group,
            "IMAGE_REPOSITORY_URI": image.partition("@")[0],
            "DATA_URI": f"s3://{self.bucket}/data/customers.csv",
            "TARGET_COLUMN": "left",
            "PROBLEM_TYPE": "binary_classification",
            "ALGORITHM": algorithm,
            "ACCELERATOR": "cpu",
            "IMAGE_URI": image,
            "INFERENCE_IMAGE_URI": image,  # nothing is served here
        }
        self.write(edits)

    def permissions(self, key: str) -> list[Item]:
        """Return the policies of the execution role, as the template makes them for this project."""
        template = load(ROOT / "project_templates/model-build/template.yaml")
        values = {
            "SageMakerProjectName": self.name,
            "SageMakerProjectId": self.id,
            "AWS::Partition": "aws",
            "AWS::Region": "us-east-1",
            "AWS::AccountId": ACCOUNT,
            "ModelBuildDataBucket": self.bucket,
            "ModelBuildDataKey": "data/customers.csv",
            "ArtifactBucket.Arn": f"arn:aws:s3:::{self.bucket}",
            "ArtifactsKey.Arn": key,
            "ImagesRepository.Arn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/{self.group}",
            "ModelRegistryGroup.ModelPackageGroupArn": (
                f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/{self.group}"
            ),
        }
        own = resources(template, "AWS::IAM::Role")["ExecutionRole"]["Policies"]
        data = resources(template, "AWS::IAM::Policy")["ExecutionDataPolicy"]
        return [rendered(policy["PolicyDocument"], values) for policy in (*own, data)]

    def push(self, algorithm: str) -> str:
        """Build the training image and push it; return its URI by digest."""
        ecr, tagged = self.sandbox.client("ecr"), f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/{self.group}:one"
        ecr.create_repository(repositoryName=self.group)
        environment = self.sandbox.environment() | {"SMPROJECT_IMAGES": str(self.sandbox.home / "images")}
        folder = ROOT / "containers/training"
        shared = [word for name in ("entry", "tabular") for word in ("--build-context", f"{name}={folder / name}")]
        for words in (["build", "--tag", tagged, *shared, str(folder / algorithm)], ["push", tagged]):
            command = [sys.executable, "-m", "smproject.sandbox.docker", *words]
            subprocess.run(command, env=environment, check=True, capture_output=True)
        (image,) = ecr.describe_images(repositoryName=self.group)["imageDetails"]
        return f"{tagged.removesuffix(':one')}@{image['imageDigest']}"

    def write(self, edits: dict[str, str]) -> None:
        """Write the pipelines into the folder, edited as their user would."""
        shutil.copytree(ROOT / "pipelines", self.folder / "pipelines")
        file = self.folder / "pipelines/build/tabular/pipeline.py"
        text = file.read_text()
        for before, after in edits.items():
            assert f"\n{before}\n" in text, before
            text = text.replace(f"\n{before}\n", f"\n{after}\n")
        file.write_text(text)

    def run(self) -> dict[str, Item]:
        """Run the pipeline to its end, as a build does; return its steps by name."""
        command = [sys.executable, "-m", "pipelines.run", "run", "--pipeline", "build.tabular", "--wait"]
        environment = self.sandbox.environment() | self.variables
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        execution = (self.folder / "pipeline-execution-arn.txt").read_text().strip()
        listed = self.sandbox.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=execution)
        return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}

    def registered(self, found: dict[str, Item]) -> str:
        """Return the S3 URI of the model that an execution has registered."""
        version = found["register"]["Metadata"]["RegisterModel"]["Arn"]
        package = self.sandbox.client("sagemaker").describe_model_package(ModelPackageName=version)
        return str(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])


def customers() -> pd.DataFrame:
    """Customers of whom those who call often leave."""
    random = np.random.default_rng(3)
    calls, age = random.poisson(2, 600), random.integers(18, 80, 600)
    left = np.where(random.random(600) < 1 / (1 + np.exp(4 - 1.8 * calls)), "yes", "no")
    return pd.DataFrame({"calls": calls, "age": age, "minutes": random.gamma(2, 60, 600).round(2), "left": left})


def rendered(value: Any, values: dict[str, str]) -> Any:
    """Return a policy as CloudFormation would make it for a project that has nothing on condition."""
    if isinstance(value, list):
        return [rendered(item, values) for item in value if not (isinstance(item, dict) and "Fn::If" in item)]
    if not isinstance(value, dict):
        return value
    if set(value) <= {"Ref", "Fn::Sub", "Fn::GetAtt"}:
        text = render(value, values)
        assert "${" not in text, text
        return text
    return {key: rendered(item, values) for key, item in value.items()}
