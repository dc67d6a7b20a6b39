"""What a script does on the device: written as JSON when its process ends, into the folder that NEURON_REPORT names.

rank-<RANK>.json holds
- `steps`: how often an optimizer has stepped; each of the following tells in `step` how often it had by then;
- `to_host`, `to_device`: copies, and whatever else the host waits for the device for (`.item()`, an output whose shape
  depends on values): `op`, and `at`, the script's file and line, empty in the backward pass;
- `operators`: each operator with other inputs than before, which a compiler would compile: `op`, `inputs`.
"""

import atexit
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

VARIABLE = "NEURON_REPORT"
WAITS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
HIDDEN = (str(Path(__file__).parent), str(Path(torch.__file__).parent))

steps = 0
to_host: list[dict[str, Any]] = []
to_device: list[dict[str, Any]] = []
operators: dict[tuple[str, str], int] = {}


def start() -> None:
    """Count from now on, if somebody wants to know."""
    if VARIABLE in os.environ:
        register_optimizer_step_post_hook(stepped)
        atexit.register(write, Path(os.environ[VARIABLE]))


def stepped(*_: Any) -> None:
    """Note that an optimizer has stepped."""
    global steps  # noqa: PLW0603  # one device, one count
    steps += 1


def ran(op: Any, inputs: list[torch.Tensor]) -> None:
    """Note an operator that runs on the device."""
    kinds = ", ".join(f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}" for tensor in inputs)
    operators.setdefault((str(op), kinds), steps)
    if WAITS.intersection(op.tags):
        waited(str(op))


def copied(source: torch.Tensor, target: torch.Tensor) -> None:
    """Note a copy."""
    if target.device.type == "cpu":
        waited("copy")
    elif source.device.type == "cpu":
        to_device.append({"op": "copy", "step": steps, "at": place()})


def waited(what: str) -> None:
    """Note that the host waits for the device."""
    to_host.append({"op": what, "step": steps, "at": place()})


def place() -> str:
    """Return the file and line of the script that is being run."""
    frame = sys._getframe()
    while frame and frame.f_code.co_filename.startswith(HIDDEN):
        frame = frame.f_back  # type: ignore[assignment]
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else ""


def write(folder: Path) -> None:
    """Write the report, unless the process had nothing to do with the device."""
    if not operators:
        return
    folder.mkdir(parents=True, exist_ok=True)
    compiled = [{"op": op, "inputs": inputs, "step": step} for (op, inputs), step in operators.items()]
    content = {"steps": steps, "to_host": to_host, "to_device": to_device, "operators": compiled}
    path = folder / f"rank-{os.environ.get('RANK', '0')}.json"
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
