"""The training jobs of a tuning job: what they are created with.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTrainingJobDefinition.html
"""

from __future__ import annotations

import secrets

from smproject.sandbox.sagemaker.jobs import Jobs
from smproject.sandbox.sagemaker.tuning.tuning_job import Trial, TuningJob
from smproject.sandbox.service import Request

_OBJECTIVE = "_tuning_objective_metric"  # the hyperparameter by which SageMaker tells a program what is tuned
_OTHERWISE = ("DefinitionName", "HyperParameterTuningResourceConfig", "StaticHyperParameters")


def start(jobs: Jobs, tuning: TuningJob, values: dict[str, str]) -> Trial:
    """Start the next training job of a tuning job; raises ServiceError when it can't be started."""
    request = training_request(tuning, values)
    arn = jobs.create_training_job(tuning.caller, request)["TrainingJobArn"]
    definition = tuning.request["TrainingJobDefinition"].get("DefinitionName", "")
    return Trial(values, jobs.jobs[arn], request["HyperParameters"][_OBJECTIVE], definition)


def training_request(tuning: TuningJob, values: dict[str, str]) -> Request:
    """Return the CreateTrainingJob request for hyperparameters, with what its description tells of the tuning job."""
    definition = tuning.request["TrainingJobDefinition"]
    metric = tuning.request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
    flexible = definition.get("HyperParameterTuningResourceConfig")
    return {
        **{key: value for key, value in definition.items() if key not in _OTHERWISE},
        **({"ResourceConfig": _resources(flexible)} if flexible else {}),
        "TrainingJobName": f"{tuning.name}-{len(tuning.trials) + 1:03d}-{secrets.token_hex(4)}",
        "HyperParameters": {**definition.get("StaticHyperParameters", {}), **values, _OBJECTIVE: metric},
        "TuningJobArn": tuning.arn,
        "Tags": tuning.request.get("Tags", []),
    }


def _resources(config: Request) -> Request:
    """Return the resources of the first choice: here there is always capacity for it."""
    first: Request = next(iter(config.get("InstanceConfigs", [])), {})
    choice = ("AllocationStrategy", "InstanceConfigs")
    return {key: value for key, value in {**config, **first}.items() if key not in choice}
