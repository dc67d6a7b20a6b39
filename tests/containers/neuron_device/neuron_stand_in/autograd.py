"""The one gradient of a network whose formula in PyTorch gives up the memory layout unless the device is the CPU.

In another layout sums are made in another order, so that their last digits would not be the CPU's.
"""

from typing import Any

import torch
from torch._prims_common import suggest_memory_format

from neuron_stand_in.tensors import open_library

Found = tuple[torch.Tensor | None, ...]


def register() -> None:
    """Replace the formula of native_group_norm."""
    open_library("aten", "AutogradPrivateUse1").impl("native_group_norm", GroupNorm.apply)


class GroupNorm(torch.autograd.Function):
    """Normalises groups of channels; the layout of the input is also that of its gradient."""

    @staticmethod
    def forward(context: Any, values: torch.Tensor, weight: Any, bias: Any, *sizes: Any) -> Found:
        """Run the operator, whose arguments these are."""
        with torch._C._AutoDispatchBelowAutograd():
            result: Found = torch.ops.aten.native_group_norm(values, weight, bias, *sizes)
        context.save_for_backward(values, *result[1:], weight)
        context.sizes = sizes[:-1]
        return result

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor, *_: Any) -> Found:
        """Return the gradients of values, weight and bias."""
        values, *saved = context.saved_tensors
        gradient = gradient.contiguous(memory_format=suggest_memory_format(values))
        mask = context.needs_input_grad[:3]
        found: Found = torch.ops.aten.native_group_norm_backward(gradient, values, *saved, *context.sizes, mask)
        return *found, *(None for _ in range(5))
