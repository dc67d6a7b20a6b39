"""Tensors on the device, and how an operator runs on them.

Their storages have a size and no memory; a storage's attribute `host` is a CPU storage with the bytes. An operator runs
by the CPU's kernel on CPU tensors over these bytes. What it returns over the same bytes is a view here too.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from neuron_stand_in import report

DEVICE = "neuron"
META = torch._C.DispatchKeySet(torch._C.DispatchKey.Meta)

# They have one kernel for all devices, which would choose among the kernels of devices that it knows.
CHOOSING = {"aten::convolution", "aten::convolution_backward"}

libraries: list[torch.library.Library] = []  # one that is collected takes its kernels with it


def register() -> None:
    """Have each operator that CPU implements run as CPU does, and not by a kernel composed of others."""
    library = open_library("aten", "PrivateUse1")
    for name in operators("aten", "CPU") | CHOOSING:
        library.impl(name, partial(run, find(name)))
    library.impl("_copy_from", copy)
    open_library("_", "PrivateUse1").fallback(run)


def open_library(namespace: str, key: str) -> torch.library.Library:
    """Return where kernels of a dispatch key are registered, for as long as the process lives."""
    libraries.append(torch.library.Library(namespace, "IMPL", key))
    return libraries[-1]


def operators(namespace: str, key: str) -> set[str]:
    """Names of a namespace's operators that have a kernel of their own for a dispatch key."""
    names = [name for name in torch._C._dispatch_get_all_op_names() if name.startswith(f"{namespace}::")]
    return {name for name in names if torch._C._dispatch_has_kernel_for_dispatch_key(name, key)}


def find(name: str) -> Any:
    """Return the operator of a name such as aten::add.Tensor."""
    namespace, name = name.split("::")
    packet, _, overload = name.partition(".")
    return getattr(getattr(getattr(torch.ops, namespace), packet), overload or "default")


def run(op: Any, *args: Any, **kwargs: Any) -> Any:
    """Run an operator on the host's bytes; tensors of several devices don't mix, but for numbers in tensors."""
    given, structure = tree_flatten((args, kwargs))
    if strangers := [value for value in given if is_tensor(value, "cpu") and value.dim()]:
        raise RuntimeError(f"{op} is given tensors on {DEVICE} and a tensor of {tuple(strangers[0].shape)} on cpu.")
    mine = [value for value in given if is_tensor(value, DEVICE)]
    report.ran(op, mine)
    hosts = [host(value) for value in given]
    host_args, host_kwargs = tree_unflatten(hosts, structure)
    result = op(*host_args, **host_kwargs)
    pairs = [(there, value) for there, value in zip(hosts, given, strict=True) if is_tensor(value, DEVICE)]
    for there, value in pairs:
        if there.shape != value.shape or there.stride() != value.stride():  # it was written to, and resized
            place(value, value.untyped_storage(), there)
    return tree_map(lambda value: device(value, pairs), result)


def copy(source: torch.Tensor, target: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    """Copy between devices, or on this one."""
    report.copied(source, target)
    host(target).copy_(host(source))
    return target


def is_tensor(value: Any, kind: str) -> bool:
    """Tell whether it is a tensor on a kind of device."""
    return isinstance(value, torch.Tensor) and value.device.type == kind


def host(value: Any) -> Any:
    """Return the CPU for the device, and a CPU tensor over the bytes of a tensor on it; anything else as it is."""
    if isinstance(value, torch.device) and value.type == DEVICE:
        return torch.device("cpu")
    if not is_tensor(value, DEVICE):
        return value
    shape = value.storage_offset(), value.size(), value.stride()
    return torch.empty(0, dtype=value.dtype).set_(value.untyped_storage().host, *shape)


def device(value: Any, pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> Any:
    """Return the tensor on the device for what an operator returned; `pairs` are its inputs there and here."""
    if not isinstance(value, torch.Tensor):
        return value
    for there, here in pairs:
        if value is there:
            return here
    empty = torch._C._acc.create_empty_tensor([0], value.dtype)
    for there, here in pairs:
        if value.untyped_storage()._cdata == there.untyped_storage()._cdata:
            return place(empty, here.untyped_storage(), value)
    storage = empty.untyped_storage()
    storage.host = value.untyped_storage()
    return place(empty, storage, value)


def place(tensor: torch.Tensor, storage: torch.UntypedStorage, like: torch.Tensor) -> torch.Tensor:
    """Let a tensor be a window of a storage, which grows as needed; no memory is touched by the kernel of `meta`."""
    shape = like.storage_offset(), list(like.size()), list(like.stride())
    set_ = torch.ops.aten.set_.source_Storage_storage_offset
    placed: torch.Tensor = set_.redispatch(META, tensor, storage, *shape)
    return placed
