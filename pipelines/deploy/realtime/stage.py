"""Settings of an endpoint in one stage: stages/<name>.yml, validated whole, frozen."""

import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from pipelines.deploy.realtime.errors import DeployError

FOLDER = Path(__file__).parent / "stages"
NAMES = ("staging", "production")

# Types with EBS volumes only: local NVMe disks have their own key, so SageMaker refuses ours on them. The image is
# x86, without a GPU.
INSTANCE_TYPE = r"ml\.(c5|c6i|c7i|m5|m6i|m7i|r5|r6i|r7i)\.(\d+)?x?large"
LONGEST_ROLLOUT = 28_800  # seconds that SageMaker gives a deployment at the most
STARTING_SECONDS = 3600  # of them for what is no waiting: starting instances, and stopping them
# Keys of AWS's own, and of the projects.
RESERVED_TAG = re.compile(r"(aws|sagemaker):", re.IGNORECASE)


def form(pattern: str, words: str) -> AfterValidator:
    """A text of a pattern, and that pattern in words for who reads the error."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"expected {words}")
        return text

    return AfterValidator(check)


def at_most(number: int) -> AfterValidator:
    """A list of one item or more, up to a number."""

    def check(items: tuple[str, ...]) -> tuple[str, ...]:
        if not 1 <= len(items) <= number:
            raise ValueError(f"expected 1 to {number} items")
        return items

    return AfterValidator(check)


# YAML reads a bare `off` as false.
OFF = BeforeValidator(lambda value: None if value is False else value)
Seconds = Annotated[int, Field(ge=0, le=3600)]
Instances = Annotated[int, Field(ge=1, le=100)]
SubnetId = Annotated[str, form(r"subnet-[0-9a-f]{8,17}", "the id of a subnet, such as subnet-0123456789abcdef0")]
GroupId = Annotated[str, form(r"sg-[0-9a-f]{8,17}", "the id of a security group, such as sg-0123456789abcdef0")]


class Part(BaseModel):
    """Part of a stage file: no unknown keys, no guessed types, no change later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


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
    tags: dict[str, str] = {}

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
        problems += [f"tags.{key} is a reserved name; choose another" for key in self.tags if RESERVED_TAG.match(key)]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def read_stage(name: str, folder: Path = FOLDER) -> Stage:
    """Read a stage file; DeployError lists every wrong key with what was found and expected."""
    path = folder / f"{name}.yml"
    try:
        return Stage.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DeployError(f"There is no {path}. Restore it: each stage has a file.") from error
    except yaml.YAMLError as error:
        raise DeployError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise DeployError("\n".join(_problem(path, each) for each in error.errors())) from error


def _problem(path: Path, error: Any) -> str:
    keys = [str(part) for part in error["loc"]]
    if keys[:1] == ["rollout"] and keys[1:2] in (["all_at_once"], ["canary"], ["linear"]):
        del keys[1]  # pydantic names the chosen kind as if it were a key
    if not keys and error["type"] == "value_error":
        return "\n".join(f"{path}: {line}" for line in str(error["ctx"]["error"]).splitlines())
    found = "nothing" if error["type"] == "missing" else repr(error["input"])
    return f"{path}: {'.'.join(keys) or 'the file'}: found {found}, {_expected(error)}"


def _expected(error: Any) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "union_tag_invalid":
        return f"expected a type of {error['ctx']['expected_tags']}"
    if error["type"].endswith("_type") and "class_name" in error.get("ctx", {}):
        return "expected keys and values"
    told = {"missing": "expected a value", "extra_forbidden": "expected no such key"}
    return told.get(error["type"]) or str(error["msg"]).replace("Input should be", "expected")
