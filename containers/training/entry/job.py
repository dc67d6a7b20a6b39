"""What SageMaker tells a training job, and where its files lie.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entry.errors import TrainingError


def base_folder() -> Path:
    """Return /opt/ml, or what SAGEMAKER_BASE_DIR names instead."""
    return Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))


class Stop:
    """Whether the job was told to end. No threading.Event: a signal's handler that sets it can wait for itself."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        """Tell the script to end; handles a signal."""
        self.asked = True


@dataclass(frozen=True)
class Job:
    """A training job as one of its hosts sees it; `stop.asked` turns True when it is told to end."""

    base: Path
    channels: tuple[str, ...]
    host: str
    hosts: tuple[str, ...]
    interface: str = "eth0"  # network interface that leads to the other hosts
    stop: Stop = field(default_factory=Stop)

    @classmethod
    def read(cls, base: Path) -> "Job":
        """Read the configuration below `base`; a file that is absent stands for one host and no channel."""
        resources = read_config(base, "resourceconfig")
        hosts = tuple(resources.get("hosts", ["algo-1"]))
        channels = tuple(read_config(base, "inputdataconfig"))
        interface = resources.get("network_interface_name", cls.interface)
        return cls(base, channels, resources.get("current_host", hosts[0]), hosts, interface)

    @property
    def model(self) -> Path:
        """Folder whose content becomes model.tar.gz."""
        return self.base / "model"

    @property
    def data(self) -> Path:
        """Folder whose content becomes output.tar.gz, beside the model."""
        return self.base / "output" / "data"

    @property
    def checkpoints(self) -> Path:
        """Folder that SageMaker keeps in S3 and restores when it restarts a job on spot instances."""
        return self.base / "checkpoints"

    def channel(self, name: str) -> Path:
        """Folder of an input channel, which may be absent."""
        return self.base / "input" / "data" / name

    def files(self, channel: str, pattern: str) -> list[Path]:
        """Files of a channel at any depth, sorted; raises TrainingError when there is none."""
        files = sorted(self.channel(channel).rglob(pattern))
        if files:
            return files
        found = f"no {pattern} file under {self.channel(channel)}"
        if channel in self.channels:
            raise TrainingError(f"Channel {channel!r} is empty: {found}. Look at its S3Uri in InputDataConfig.")
        raise TrainingError(f"Channel {channel!r} is missing: {found}. Add it to InputDataConfig.")


def read_config(base: Path, name: str) -> Mapping[str, Any]:
    """Read one of the files that SageMaker writes; empty when there is none."""
    path = base / "input" / "config" / f"{name}.json"
    content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return content
