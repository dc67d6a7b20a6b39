"""Settings of an endpoint in one stage: stages/<name>.yml, validated whole, frozen."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from pipelines.deploy.realtime import stage_file
from pipelines.deploy.realtime.stage_file import OFF, Part, form

NAMES = stage_file.NAMES
FOLDER = Path(__file__).parent / "stages"

# Types with EBS volumes only: local NVMe disks have their own key, so SageMaker refuses ours on them. The image is
# x86, without a GPU.
INSTANCE_TYPE = r"ml\.(c5|c6i|c7i|m5|m6i|m7i|r5|r6i|r7i)\.(\d+)?x?large"
LONGEST_ROLLOUT = 28_800  # seconds that SageMaker gives a deployment at the most
STARTING_SECONDS = 3600  # of them for what is no waiting: starting instances, and stopping them


def at_most(number: int) -> AfterValidator:
    """A list of one item or more, up to a number."""

    def check(items: tuple[str, ...]) -> tuple[str, ...]:
        if not 1 <= len(items) <= number:
            raise ValueError(f"expected 1 to {number} items")
        return items

    return AfterValidator(check)


Seconds = Annotated[int, Field(ge=0, le=3600)]
Instances = Annotated[int, Field(ge=1, le=100)]
SubnetId = Annotated[str, form(r"subnet-[0-9a-f]{8,17}", "the id of a subnet, such as subnet-0123456789abcdef0")]
GroupId = Annotated[str, form(r"sg-[0-9a-f]{8,17}", "the id of a security group, such as sg-0123456789abcdef0")]


class Autoscaling(Part):
    """How many instances serve, by their load."""

    min: Instances
    max: Instances
    invocations_per_instance: Annotated[int, Field(ge=1)]


class Vpc(Part):
    """Where in a VPC the model runs."""

    subnet_ids: Annotated[tuple[SubnetId, ...], Field(strict=False), at_most(16)]
    security_group_ids: Annotated[tuple[GroupId, ...], Field(strict=False), at_most(5)]


class AllAtOnce(Part):
    """All traffic moves at once; the old fleet stands by for a while."""

    type: Literal["all_at_once"]
    bake_seconds: Seconds

    @property
    def waits(self) -> int:
        """Seconds for which the alarms watch, in all."""
        return self.bake_seconds


class Gradual(Part):
    """Traffic moves in two steps (canary) or in equal ones (linear); the old fleet stands by for a while."""

    type: Literal["canary", "linear"]
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TrafficRoutingConfig.html
    step_percent: Annotated[int, Field(ge=10, le=50)]
    wait_seconds: Seconds
    bake_seconds: Seconds

    @property
    def waits(self) -> int:
        """Seconds for which the alarms watch, in all."""
        steps = 1 if self.type == "canary" else math.ceil(100 / self.step_percent) - 1
        return steps * self.wait_seconds + self.bake_seconds


class Alarms(Part):
    """What rolls a deployment back."""

    error_count: Annotated[int, Field(ge=1)]
    model_latency_ms: Annotated[int, Field(ge=1, le=60_000)]


class Limits(Part):
    """What the test of the endpoint measures."""

    latency_requests: Annotated[int, Field(ge=20, le=10_000)]
    latency_budget_ms: Annotated[int, Field(ge=1, le=60_000)]


class Stage(Part):
    """One stage file."""

    instance_type: Annotated[str, form(INSTANCE_TYPE, "an x86 type with EBS volumes only, such as ml.m5.large")]
    instance_count: Instances
    autoscaling: Annotated[Autoscaling | None, OFF]
    data_capture_percent: Annotated[int, Field(ge=0, le=100)]
    vpc: Annotated[Vpc | None, OFF]
    kms_key: Annotated[str, form(r"[a-zA-Z0-9:/_-]{1,2048}", "a key's alias, id or ARN")] | None = None
    rollout: Annotated[AllAtOnce | Gradual, Field(discriminator="type")]
    alarms: Alarms
    tests: Limits
    tags: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def fits_together(self) -> "Stage":
        """Refuse what SageMaker would refuse only at the deployment."""
        problems = []
        scaling = self.autoscaling
        if scaling and not scaling.min <= self.instance_count <= scaling.max:
            problems.append(f"instance_count {self.instance_count} is not within autoscaling.min and max")
        if isinstance(self.rollout, Gradual) and self.instance_count < 2:
            problems.append(f"rollout.type {self.rollout.type} needs an instance_count of 2 or more to move in steps")
        if self.rollout.waits + STARTING_SECONDS > LONGEST_ROLLOUT:
            longest = LONGEST_ROLLOUT - STARTING_SECONDS
            problems.append(f"rollout waits {self.rollout.waits} seconds in all; at most {longest} are possible")
        problems += stage_file.reserved(self.tags)
        if problems:
            raise ValueError("\n".join(problems))
        return self


def read_stage(name: str, folder: Path = FOLDER) -> Stage:
    """Read the file of a stage; DeployError tells what is wrong with it."""
    return stage_file.read(folder / f"{name}.yml", Stage)
