"""The SageMaker API."""

from __future__ import annotations

from smproject.sandbox.calls import Call, Environ
from smproject.sandbox.replies import Reply
from smproject.sandbox.sagemaker.feature_groups import FeatureGroups
from smproject.sandbox.sagemaker.hosting.service import Hosting
from smproject.sandbox.sagemaker.jobs import Jobs
from smproject.sandbox.sagemaker.mlflow import MlflowApps, TrackingServers
from smproject.sandbox.sagemaker.pipelines import Pipelines
from smproject.sandbox.sagemaker.projects import Projects
from smproject.sandbox.sagemaker.registry import Registry
from smproject.sandbox.sagemaker.repositories import Repositories
from smproject.sandbox.sagemaker.studio import Domains, Studio
from smproject.sandbox.sagemaker.studio_access import StudioAccess, StudioCatalog
from smproject.sandbox.sagemaker.studio_images import StudioImages
from smproject.sandbox.sagemaker.studio_users import Spaces, UserProfiles
from smproject.sandbox.sagemaker.tags import Tags
from smproject.sandbox.sagemaker.tuning.tuning_jobs import TuningJobs
from smproject.sandbox.service import Caller, Handler, Service
from smproject.sandbox.world import World


class SageMaker(Service):
    """All of SageMaker that the sandbox has; what it lacks is refused, never pretended."""

    name = "sagemaker"
    unsupported = frozenset(
        f"{side}{bound}" for side in ("CreationTime", "LastModifiedTime", "Created") for bound in ("After", "Before")
    ) | {
        "CreateHyperParameterTuningJob.TrainingJobDefinitions",
        "CrossAccountFilterOption",
        "ListCodeRepositories.NameContains",
        "ListModelPackages.NameContains",
        "ManagedBy",
        "PipelineVersionAlias",
        "PipelineVersionId",
        "SelectiveExecutionConfig",
        "TrainingPlanArnEquals",
        "WarmPoolStatusEquals",
    }

    def __init__(self, world: World) -> None:
        super().__init__(world)
        tags, studio = Tags(), Studio()
        registry = Registry(world, tags)
        self.hosting = Hosting(world, registry, tags)
        jobs = Jobs(world, tags, self.hosting.models)
        self.parts = [
            Projects(world, tags),
            jobs,
            TuningJobs(world, tags, jobs),
            Pipelines(world, tags),
            registry,
            Repositories(tags),
            Domains(world, tags, studio),
            UserProfiles(tags, studio),
            Spaces(tags, studio),
            StudioAccess(studio),
            StudioCatalog(),
            StudioImages(world, tags),
            FeatureGroups(tags),
            TrackingServers(tags),
            MlflowApps(tags),
            *self.hosting.parts,
            tags,
        ]

    def handler(self, operation: str) -> Handler | None:
        """Find the operation among the parts."""
        return self.first_handler(self.parts, operation)

    def http(self, caller: Caller, call: Call, environ: Environ) -> Reply | None:
        """Answer InvokeEndpoint, the one REST call that is signed for SageMaker here."""
        return self.hosting.invocations.answer(caller, call, environ) if call.operation == "InvokeEndpoint" else None
