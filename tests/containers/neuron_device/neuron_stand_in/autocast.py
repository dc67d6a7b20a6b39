"""Autocast on the device, by the CPU's lists of operators."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from neuron_stand_in.tensors import DEVICE, find, is_tensor, open_library, operators

KEYS = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)

# These run in the lower precision, those in the widest of their inputs' types, and all others of the CPU in float32.
# https://docs.pytorch.org/docs/stable/amp.html#cpu-op-specific-behavior
# fmt: off
LOWER = {
    "conv1d", "conv1d.padding", "conv2d", "conv2d.padding", "conv3d", "conv3d.padding", "conv_tbc",
    "conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input", "_convolution.deprecated", "mm", "bmm",
    "addmm", "_addmm_activation", "addbmm", "baddbmm", "matmul", "linear", "linalg_vecdot", "prelu",
    "mkldnn_rnn_layer", "scaled_dot_product_attention", "_native_multi_head_attention",
}
# fmt: on
WIDEST = {"cat", "stack", "index_copy"}


def register() -> None:
    """Cast the inputs of each operator that autocast knows on CPU."""
    library = open_library("aten", "AutocastPrivateUse1")
    for name in operators("aten", "AutocastCPU"):
        library.impl(name, partial(run, find(name), precision(name.removeprefix("aten::"))))
    open_library("_", "AutocastPrivateUse1").fallback(torch.library.fallthrough_kernel)


def precision(name: str) -> Callable[[list[torch.dtype]], torch.dtype]:
    """Return what chooses an operator's type, given the types of its inputs."""
    if name in LOWER:
        return lambda _: torch.get_autocast_dtype(DEVICE)
    if name in WIDEST:
        return lambda types: torch.float32 if torch.float32 in types else torch.get_autocast_dtype(DEVICE)
    return lambda _: torch.float32


def run(op: Any, choose: Callable[[list[torch.dtype]], torch.dtype], *args: Any, **kwargs: Any) -> Any:
    """Run an operator on inputs of the chosen type, and what it is composed of without further casts."""
    types = [value.dtype for value in tree_leaves((args, kwargs)) if is_eligible(value)]
    kind = choose(types)
    args, kwargs = tree_map(lambda value: value.to(kind) if is_eligible(value) else value, (args, kwargs))
    with torch._C._ExcludeDispatchKeyGuard(KEYS):
        return op(*args, **kwargs)


def is_eligible(value: Any) -> bool:
    """Tell whether autocast may cast it."""
    return is_tensor(value, DEVICE) and value.is_floating_point() and value.dtype != torch.float64
