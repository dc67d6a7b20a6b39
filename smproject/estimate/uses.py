"""What a template's project uses in a month, as far as it costs something: by assumptions where use is charged."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from smproject.catalog import Template
from smproject.estimate.conditions import made, met
from smproject.looking.pipelines import Action, Delivery, deliveries, sagemaker_pipelines
from smproject.looking.reading import parse, read, written
from smproject.seeds import seed_files

# By name: how much, and of what. They are guesses of a small project; `--assume` replaces them.
ASSUMPTIONS: dict[str, tuple[float, str]] = {
    "hours": (730, "hours for which an endpoint serves"),
    "pushes": (20, "pushes to main, each of which builds"),
    "scorings": (30, "runs of batch scoring in each stage"),
    "deployments": (4, "model versions deployed"),
    "build-minutes": (10, "minutes of a build"),
    "job-minutes": (10, "minutes of a job of a SageMaker pipeline"),
    "storage-gb": (10, "GB in each bucket"),
    "image-gb": (5, "GB of images in each repository"),
    "log-gb": (0.5, "GB of new logs in each log group"),
    "users": (5, "users of CodeCommit, roles included; the first five of an account are free"),
    "invocations": (1000, "invocations of each function"),
    "function-seconds": (1, "seconds of an invocation"),
}
FREE_USERS = 5
# No charge of their own: what they stand for is counted where it is used. Events of AWS services are free.
FREE = {
    *("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::Role", "AWS::KMS::Alias", "AWS::S3::BucketPolicy"),
    *("AWS::Events::Rule", "AWS::Lambda::Permission", "AWS::SSM::Parameter", "AWS::CodePipeline::Pipeline"),
    *("AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupEgress", "AWS::EC2::SecurityGroupIngress"),
}
JOBS = {"Processing": "processing", "Training": "training", "Transform": "transform"}


@dataclass(frozen=True)
class Use:
    """So much of what has a price, by the key of the price; `what` says for what."""

    key: str
    quantity: float
    what: str


@dataclass(frozen=True)
class Project:
    """A template with the parameters that it is given and what is assumed of its use."""

    template: Template
    parameters: Mapping[str, str]
    assumed: Mapping[str, float]

    def uses(self) -> Iterator[Use]:
        """Yield all that is used, whether or not it has a price."""
        resources = self.resources()
        for key, each in resources.items():
            yield from self._resource(key, each)
        are_met = met(read(self.template.path), self.parameters)
        for delivery in deliveries(resources):
            if all(are_met[name] == so for name, so in delivery.when.items()):
                yield from self._delivery(delivery, resources)
        yield from self._jobs()

    def resources(self) -> dict[str, Any]:
        """Resources that are made with these parameters."""
        return made(read(self.template.path), self.parameters)

    def unknown(self) -> list[str]:
        """Types of resources of which nothing is known: neither a price nor that they are free."""
        types = {each["Type"] for each in self.resources().values()}
        known = FREE | {"AWS::CodeBuild::Project", "AWS::Lambda::Function", *self._simple()}
        return sorted(types - known)

    def _simple(self) -> dict[str, tuple[str, float]]:
        """By type: the price's key, and how much of it one resource uses."""
        a = self.assumed
        return {
            "AWS::CloudWatch::Alarm": ("alarm", 1),
            "AWS::CodeCommit::Repository": ("codecommit-user", max(0, a["users"] - FREE_USERS)),
            "AWS::ECR::Repository": ("ecr-storage", a["image-gb"]),
            "AWS::KMS::Key": ("kms-key", 1),
            "AWS::Logs::LogGroup": ("logs-ingestion", a["log-gb"]),
            "AWS::S3::Bucket": ("s3-storage", a["storage-gb"]),
            "AWS::SecretsManager::Secret": ("secret", 1),
        }

    def _resource(self, key: str, resource: Mapping[str, Any]) -> Iterator[Use]:
        if simple := self._simple().get(resource["Type"]):
            yield Use(*simple, key)
        if resource["Type"] == "AWS::Lambda::Function":
            memory = float(resource["Properties"].get("MemorySize", 128)) / 1024
            calls = self.assumed["invocations"]
            yield Use("lambda-request", calls, key)
            yield Use("lambda-duration", calls * memory * self.assumed["function-seconds"], key)

    def _delivery(self, delivery: Delivery, resources: Mapping[str, Any]) -> Iterator[Use]:
        deploys = any(action.provider == "CloudFormation" for action in delivery.actions)
        runs = self.assumed["deployments" if deploys else "pushes"]
        minutes = 0.0
        for action in delivery.actions:
            builds = action.project in resources
            # An action of CodePipeline is charged by the minute begun, approvals are free.
            minutes += self.assumed["build-minutes"] if builds else float(action.provider != "Manual")
            if builds:
                environment = resources[action.project]["Properties"]["Environment"]
                size = written(environment["ComputeType"]).rsplit("_", 1)[-1].lower()
                told = f"{delivery.id}: {action.stage} {action.name}"
                yield Use(f"codebuild-{size}", runs * self.assumed["build-minutes"], told)
            if action.stack:
                yield from self._deployed(action)
        yield Use("codepipeline-action", runs * minutes, delivery.id)

    def _deployed(self, action: Action) -> Iterator[Use]:
        """Yield what an action's stage runs, by the stage's file and the template beside it in the seed."""
        for seed in self.template.seeds:
            files = seed_files(self.template, seed)
            for path in files:
                if re.fullmatch(rf"pipelines/deploy/[^/]+/stages/{action.stage.lower()}\.yml", path):
                    mode = path.split("/stages/")[0]
                    stage = yaml.safe_load(files[path].content)
                    for each in (name for name in files if re.fullmatch(rf"{mode}/[^/]+\.yaml", name)):
                        yield from self._stage(action.stage, stage, parse(files[each].content.decode())["Resources"])

    def _stage(self, name: str, stage: Mapping[str, Any], resources: Mapping[str, Any]) -> Iterator[Use]:
        """Yield what the template of a stage makes: an endpoint serves all the time, a pipeline scores now and then."""
        types = {each["Type"] for each in resources.values()}
        kind, count = stage.get("instance_type"), int(stage.get("instance_count", 1))
        if kind and "AWS::SageMaker::Endpoint" in types:
            yield Use(f"sagemaker-host-{kind}", self.assumed["hours"] * count, f"endpoint of {name}")
        elif kind:
            hours = self.assumed["scorings"] * count * self.assumed["job-minutes"] / 60
            yield Use(f"sagemaker-transform-{kind}", hours, f"scoring of {name}")
        for key, each in resources.items():
            yield from self._resource(f"{name} {key}", each)

    def _jobs(self) -> Iterator[Use]:
        for pipeline in sagemaker_pipelines(self.template, self.parameters):
            for step in pipeline.steps:
                if step.type in JOBS and step.instances:
                    kind = self.parameters.get(step.instance_parameter, step.instance_type)
                    hours = self.assumed["pushes"] * step.instances * self.assumed["job-minutes"] / 60
                    yield Use(f"sagemaker-{JOBS[step.type]}-{kind}", hours, f"{pipeline.name}: {step.name}")
