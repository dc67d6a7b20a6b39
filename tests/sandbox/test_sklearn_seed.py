"""The tabular seed's pipeline with scikit-learn, in that image, by the role that its template makes."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from harness import Sandbox
from tabular_project import TabularProject


def test_a_forest_is_trained_measured_and_registered(sandbox: Sandbox, tmp_path: Path) -> None:
    project = TabularProject(sandbox, "forest", tmp_path, "sklearn", edits={})
    found = project.run()
    assert set(found) == {"process", "train", "evaluate", "gate", "register"}
    name = found["train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    job = sandbox.client("sagemaker").describe_training_job(TrainingJobName=name)
    metrics = {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]}
    assert metrics["train:auc"] > metrics["validation:auc"] > 0.7
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert project.registered(found) == model
    bucket, _, key = model.removeprefix("s3://").partition("/")
    archive = sandbox.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        names = {member.name.removeprefix("./") for member in files if member.isfile()}
    assert names == {"model.onnx", "features.json", "manifest.json"}
