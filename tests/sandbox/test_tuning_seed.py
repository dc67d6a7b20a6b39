"""The tabular seed's pipeline with its search turned on, by the role that its template makes, to a registered model."""

from __future__ import annotations

from pathlib import Path

from harness import Sandbox
from tabular_project import Item, TabularProject

EDITS = {
    "TUNING: dict[Algorithm, Tuning] | None = None": "TUNING: dict[Algorithm, Tuning] | None = SEARCH",
    "        max_jobs=12,": "        max_jobs=3,",
    "MARGIN = 0.0": "MARGIN = -1.0",
}


def test_a_search_ends_with_its_best_model_registered_and_is_not_repeated(sandbox: Sandbox, tmp_path: Path) -> None:
    project = TabularProject(sandbox, "tuned", tmp_path, "xgboost", EDITS)
    found = project.run()
    assert set(found) == {"process", "tune", "evaluate", "gate", "register"}
    best = best_training_job(sandbox, found["tune"]["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2], 3)
    assert best["EnableNetworkIsolation"] is True
    assert best["ResourceConfig"]["VolumeKmsKeyId"] == project.variables["KMS_KEY_ARN"]
    assert project.registered(found) == best["ModelArtifacts"]["S3ModelArtifacts"]
    again = project.run()
    assert {name for name, step in again.items() if "CacheHitResult" in step} == {"process", "tune", "evaluate"}
    assert project.registered(again) == best["ModelArtifacts"]["S3ModelArtifacts"]


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
