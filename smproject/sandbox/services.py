"""The services that the sandbox answers itself; everything else is moto's."""

from __future__ import annotations

from smproject.sandbox.autoscaling import AutoScalingService
from smproject.sandbox.cloudformation.service import CloudFormation
from smproject.sandbox.cloudfront import CloudFront
from smproject.sandbox.codebuild.service import CodeBuildService
from smproject.sandbox.codecommit import CodeCommitService
from smproject.sandbox.codeconnections import CodeConnections, CodeStarConnections
from smproject.sandbox.codepipeline import CodePipelineService
from smproject.sandbox.ecr import EcrService
from smproject.sandbox.events import EventsService
from smproject.sandbox.functions.service import LambdaService
from smproject.sandbox.log_queries import LogsService
from smproject.sandbox.sagemaker.service import SageMaker
from smproject.sandbox.service import Service
from smproject.sandbox.servicecatalog.service import ServiceCatalog
from smproject.sandbox.stepfunctions import StepFunctions
from smproject.sandbox.sts import Sts
from smproject.sandbox.world import World


def build(world: World) -> dict[str, Service]:
    """Return our services by signing name."""
    made: list[Service] = [
        CloudFormation(world),
        SageMaker(world),
        ServiceCatalog(world),
        Sts(world),
        CloudFront(world),
        CodeBuildService(world),
        CodeCommitService(world),
        CodeConnections(world),
        CodeStarConnections(world),
        CodePipelineService(world),
        EcrService(world),
        EventsService(world),
        AutoScalingService(world),
        LambdaService(world),
        LogsService(world),
        StepFunctions(world),
    ]
    return {service.signing_name or service.name: service for service in made}
