"""What the registry knows of the demonstration's models, and whether it is true."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xgboost as xgb
from sklearn.metrics import roc_auc_score
from visitor import Found, Visitor


@pytest.fixture(params=[1, 2])
def package(visitor: Visitor, request: pytest.FixtureRequest) -> Found:
    arn = f"{visitor.outputs['ModelRegistryGroupArn']}/{request.param}".replace("-package-group/", "-package/")
    found: Found = visitor.client("sagemaker").describe_model_package(ModelPackageName=arn)
    return found


@pytest.fixture
def evaluation(visitor: Visitor, package: Found) -> Any:
    return json.loads(visitor.get(package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])["Body"])


def output(job: Found, name: str) -> str:
    """Return the S3 URI of a processing job's output."""
    outputs = job["ProcessingOutputConfig"]["Outputs"]
    return next(str(item["S3Output"]["S3Uri"]) for item in outputs if item["OutputName"] == name)


def test_the_command_line_lists_two_versions_of_which_the_second_is_approved(visitor: Visitor) -> None:
    listed = visitor.aws(
        *("--profile", "development", "sagemaker", "list-model-packages"),
        *("--model-package-group-name", visitor.outputs["ModelRegistryGroupName"]),
    )["ModelPackageSummaryList"]
    assert [item["ModelPackageVersion"] for item in listed] == [1, 2]
    assert [item["ModelApprovalStatus"] for item in listed] == ["PendingManualApproval", "Approved"]


def test_model_metrics_and_report_lie_encrypted_in_the_project_s_bucket(visitor: Visitor, package: Found) -> None:
    uris = [
        package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
        package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"],
        package["CustomerMetadataProperties"]["EvaluationReport"],
    ]
    assert [uri.rpartition("/")[2] for uri in uris] == ["model.tar.gz", "evaluation.json", "evaluation.html"]
    for uri in uris:
        assert uri.startswith(f"s3://{visitor.outputs['ArtifactBucketName']}/")
        assert visitor.get(uri)["SSEKMSKeyId"] == visitor.outputs["ArtifactsKeyArn"]


def test_the_report_is_a_page_with_plots(visitor: Visitor, package: Found) -> None:
    page = visitor.get(package["CustomerMetadataProperties"]["EvaluationReport"])["Body"].decode()
    assert page.startswith("<!doctype html>") and "<svg" in page


def test_the_image_is_named_by_the_digest_that_ecr_holds(visitor: Visitor, package: Found) -> None:
    (container,) = package["InferenceSpecification"]["Containers"]
    uri, _, digest = container["Image"].partition("@")
    found = visitor.client("ecr").describe_images(repositoryName=visitor.name, imageIds=[{"imageDigest": digest}])
    assert uri == visitor.outputs["ImagesRepositoryUri"]
    assert found["imageDetails"][0]["imageDigest"] == container["ImageDigest"] == digest
    # The image that trained is another one of the same repository.
    assert package["CustomerMetadataProperties"]["ImageUri"].startswith(f"{uri}@sha256:")
    assert package["CustomerMetadataProperties"]["ImageUri"] != container["Image"]


def test_the_commit_is_one_of_the_repository(visitor: Visitor, package: Found, tmp_path: Path) -> None:
    history = visitor.git(visitor.clone(tmp_path), "log", "--reverse", "--format=%H %s").splitlines()
    commits = [line.partition(" ")[0] for line in history]
    commit = package["CustomerMetadataProperties"]["GitCommit"]
    assert commits.index(commit) == package["ModelPackageVersion"] - 1
    assert package["MetadataProperties"]["CommitId"] == commit


def test_the_data_are_named_by_their_hash(visitor: Visitor, package: Found) -> None:
    properties = package["CustomerMetadataProperties"]
    assert properties["DataSha256"] == hashlib.sha256(visitor.get(properties["DataUri"])["Body"]).hexdigest()


def test_the_execution_that_made_it_is_one_of_the_pipeline_s(visitor: Visitor, package: Found) -> None:
    made = package["CustomerMetadataProperties"]["PipelineExecutionArn"]
    assert visitor.steps(made)["register"]["Metadata"]["RegisterModel"]["Arn"] == package["ModelPackageArn"]
    assert package["MetadataProperties"]["GeneratedBy"] == made


def test_the_metrics_have_sagemaker_s_shape_and_the_model_is_good(evaluation: Any) -> None:
    metrics = evaluation["binary_classification_metrics"]
    for name in ("auc", "accuracy", "precision", "recall", "f1"):
        assert 0 < metrics[name]["value"] <= 1 and metrics[name]["standard_deviation"] > 0, name
    assert 0.85 < metrics["auc"]["value"] < 1
    matrix = metrics["confusion_matrix"]
    assert sum(matrix[real][guess] for real in "01" for guess in "01") == evaluation["dataset"]["item_count"]
    curve = metrics["receiver_operating_characteristic_curve"]
    assert len(curve["false_positive_rates"]) == len(curve["true_positive_rates"]) > 10


def test_the_model_predicts_the_test_set_as_well_as_its_metrics_say(
    visitor: Visitor, package: Found, evaluation: Any, tmp_path: Path
) -> None:
    archive = visitor.get(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])["Body"]
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        tar.extractall(tmp_path, filter="data")
    process = visitor.steps(package["CustomerMetadataProperties"]["PipelineExecutionArn"])["process"]
    table = pd.read_csv(
        io.BytesIO(visitor.get(f"{output(visitor.job(process, 'Processing'), 'test')}/test.csv")["Body"])
    )

    features = table[json.loads((tmp_path / "features.json").read_text())["features"]]
    scores = xgb.Booster(model_file=tmp_path / "model.ubj").predict(xgb.DMatrix(features))
    measured = evaluation["binary_classification_metrics"]["auc"]["value"]
    assert roc_auc_score(table.iloc[:, 0], scores) == pytest.approx(measured, abs=1e-6)
