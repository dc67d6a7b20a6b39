"""What each accelerator needs of a training job: known instance types with their devices, and settings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".json")
NAMES = ("cpu", "gpu", "trainium")


@dataclass(frozen=True)
class Accelerator:
    """One of the choices; processes are those of an instance, one a device.

    Instances with disks of their own encrypt these by keys of their own: SageMaker takes no KMS key for them.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
    """

    name: str
    instance_types: dict[str, int]
    own_disks: bool
    precision: str
    environment: dict[str, str]

    @property
    def instance_type(self) -> str:
        """The type unless another is chosen."""
        return next(iter(self.instance_types))

    @property
    def processes(self) -> int:
        """Processes on that type."""
        return self.instance_types[self.instance_type]


def find(name: str) -> Accelerator:
    """Read one of NAMES."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))[name]
    del found["source"]  # for the reader of the file
    return Accelerator(name, **found)
