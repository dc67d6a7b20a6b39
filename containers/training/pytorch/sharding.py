"""A network whose weights, gradients and optimizer's state are divided among the processes.

https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html
"""

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard


def shard(network: nn.Module, device: torch.device) -> None:
    """Divide a network; each element of its lists, a transformer's layers, is gathered when its turn comes."""
    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    for modules in [module for module in network.modules() if isinstance(module, nn.ModuleList)]:
        for module in modules:
            fully_shard(module, mesh=mesh)
    fully_shard(network, mesh=mesh)
