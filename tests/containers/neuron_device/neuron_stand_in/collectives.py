"""Collectives on the device, by gloo, over the host's bytes."""

import warnings
from functools import partial

import torch.distributed as dist

from neuron_stand_in.tensors import DEVICE, find, open_library, operators, run


def register() -> None:
    """Make gloo the device's default backend, and run each collective that CPU has as CPU does."""
    dist.Backend.default_device_backend_map[DEVICE] = dist.Backend.GLOO
    library = open_library("c10d", "PrivateUse1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they replace kernels that look for a vendor's backend
        for name in operators("c10d", "CPU"):
            library.impl(name, partial(run, find(name)), allow_override=True)
