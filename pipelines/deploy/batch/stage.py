"""Settings of scoring in one stage: stages/<name>.yml, validated whole, frozen."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.deploy.realtime import stage_file
from pipelines.deploy.realtime.stage_file import OFF, Part, form

FOLDER = Path(__file__).parent / "stages"

# Types with EBS volumes only: local NVMe disks have their own key, so SageMaker refuses ours on them. The image is
# x86, without a GPU.
INSTANCE_TYPE = r"ml\.(c5|c6i|c7i|m5|m6i|m7i|r5|r6i|r7i)\.(\d+)?x?large"
EXPRESSION = r"(rate\(\d+ (minute|hour|day)s?\)|cron\([^()]+\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\))"
PATH = r"\$[\w.,:*'\[\] -]{0,62}"
JOINABLE = ("text/csv", "application/json", "application/jsonlines")
LONGEST_PAYLOAD = 100  # MB of all requests at a time, says CreateTransformJob

MediaType = Annotated[str, form(r"[\w.+-]+/[\w.+-]+", "a media type such as text/csv")]
Path63 = Annotated[str, form(PATH, "a JSONPath of at most 63 characters, such as $[1:]")]


class Schedule(Part):
    """When all input is scored."""

    expression: Annotated[str, form(EXPRESSION, "rate(...), cron(...) or at(...), as EventBridge Scheduler has them")]
    timezone: Annotated[str, form(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", "a time zone such as UTC or Europe/Paris")]


class Records(Part):
    """How input is cut into requests, and what of it is kept beside the predictions."""

    content_type: MediaType
    accept: MediaType | None = None  # None: as content_type
    split: Literal["line", "none"]
    strategy: Literal["multi_record", "single_record"]
    max_payload_mb: Annotated[int, Field(ge=1, le=100)]
    max_concurrent: Annotated[int, Field(ge=1, le=100)]
    input_filter: Path63 = "$"
    join_input: bool
    output_filter: Path63 = "$"


class Stage(Part):
    """One stage file."""

    instance_type: Annotated[str, form(INSTANCE_TYPE, "an x86 type with EBS volumes only, such as ml.m5.large")]
    instance_count: Annotated[int, Field(ge=1, le=100)]
    on_new_data: bool
    schedule: Annotated[Schedule | None, OFF]
    records: Records
    tags: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def fits_together(self) -> "Stage":
        """Refuse what SageMaker would refuse only when it scores."""
        records, problems = self.records, []
        if records.strategy == "single_record" and records.split == "none":
            problems.append("records.strategy single_record needs records.split line")
        payload = records.max_payload_mb * records.max_concurrent
        if payload > LONGEST_PAYLOAD:
            found = f"records.max_payload_mb times records.max_concurrent is {payload}"
            problems.append(f"{found}; at most {LONGEST_PAYLOAD} is possible")
        processed = records.join_input or (records.input_filter, records.output_filter) != ("$", "$")
        if processed and records.content_type not in JOINABLE:
            problems.append(f"records.join_input and filters need a content_type of {', '.join(JOINABLE)}")
        if processed and records.accept not in (None, records.content_type):
            problems.append("records.join_input and filters need records.accept to be as records.content_type")
        problems += stage_file.reserved(self.tags)
        if problems:
            raise ValueError("\n".join(problems))
        return self


def read_stage(name: str, folder: Path = FOLDER) -> Stage:
    """Read the file of a stage; DeployError tells what is wrong with it."""
    return stage_file.read(folder / f"{name}.yml", Stage)
