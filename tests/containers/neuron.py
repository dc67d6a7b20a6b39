"""Runs a script on the stand-in of a Trainium device that neuron_device/ holds, and reads what it did there."""

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("neuron_device")


def on_neuron(report: Path, *path: Path) -> dict[str, str]:
    """Variables under which a script finds the device; PYTHONPATH holds `path` as well."""
    places = os.pathsep.join(map(str, (FOLDER, *path)))
    return {"PYTHONPATH": places, "NEURON_REPORT": str(report), "ACCELERATOR": "trainium"}


@dataclass(frozen=True)
class Report:
    """What a process did on the device; neuron_stand_in/report.py tells what it holds."""

    content: dict[str, Any]

    @classmethod
    def read(cls, folder: Path, rank: int = 0) -> "Report":
        """Read the report of a process that has ended."""
        return cls(json.loads((folder / f"rank-{rank}.json").read_text()))

    @property
    def steps(self) -> int:
        """How often an optimizer stepped."""
        steps: int = self.content["steps"]
        return steps

    def waits(self, after: int = 0, but_every: int = 0) -> list[str]:
        """What the host waited for and where, from a step on, but right after every so-many-th, where it may."""
        waits = [wait for wait in self.content["to_host"] if wait["step"] >= after]
        return [f"{wait['op']} {wait['at']}" for wait in waits if not but_every or wait["step"] % but_every]

    def copies(self) -> Counter[int]:
        """Number of tensors that were copied to the device, by the steps that were done."""
        return Counter(copy["step"] for copy in self.content["to_device"])

    def operators(self, after: int = 0) -> set[str]:
        """Operators and their inputs' types and shapes, of those that first ran when so many steps were done."""
        told = self.content["operators"]
        return {f"{operator['op']}({operator['inputs']})" for operator in told if operator["step"] >= after}
