"""A device named `neuron` for PyTorch's CPU build: it computes what the CPU computes, and tells what would be slow.

With the folder above on PYTHONPATH, `import torch` loads it as it loads a vendor's device (entry point group
`torch.backends`), so a script that asks `torch.accelerator` for its device runs on it unmodified:
https://docs.pytorch.org/docs/stable/accelerator/index.html

As on a real device, tensors of two devices don't mix, and a tensor on it can't be pickled. What it can't show:
- whether Neuron's compiler accepts an operator, its numerics, collectives (here they are gloo's), memory and speed;
- that each process has a device of its own: there are as many as processes, and each process holds number 0;
- what PyTorch computes differently on CPU and accelerators: dropout draws other numbers, attention takes another path,
  and a weight that is used twice under autocast is cast twice, so that its gradients are added in float32.
"""

import os

import torch
from torch.utils.backend_registration import _DummyBackendModule, _setup_privateuseone_for_python_backend

from neuron_stand_in import autocast, autograd, collectives, report, tensors

__all__ = ["load"]


class Module(_DummyBackendModule):
    """What `torch.neuron` offers."""

    def device_count(self) -> int:
        """Return the number of processes on this host."""
        return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        """Return the lower precisions that autocast may choose."""
        return [torch.bfloat16]


def load() -> None:
    """Register the device; `import torch` calls it."""
    module = Module()
    _setup_privateuseone_for_python_backend(tensors.DEVICE, module)
    # A device written in Python can't tell these to PyTorch's own functions.
    torch.accelerator.device_count = module.device_count
    torch.accelerator.synchronize = lambda device=None, /: report.waited("synchronize")
    tensors.register()
    autograd.register()
    autocast.register()
    collectives.register()
    report.start()
