"""The network. It is yours to edit: it takes images as they are stored, and gives a score for each class."""

import torch
from torch import Tensor, nn

GROUPS = 8  # of channels that are normalised together


class Block(nn.Module):
    """Two convolutions beside a shortcut, at half the resolution. Groups are normalised, not batches.

    So a process that sees a part of the batch computes what one with the whole batch does.
    """

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(channels, out, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(GROUPS, out),
            nn.ReLU(),
            nn.Conv2d(out, out, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, out),
        )
        self.shortcut = nn.Conv2d(channels, out, 1, stride=2, bias=False)

    def forward(self, values: Tensor) -> Tensor:
        """Float [n, channels, height, width] to [n, out, height / 2, width / 2]."""
        return torch.relu(self.path(values) + self.shortcut(values))


class Network(nn.Module):
    """A small residual network, for images of 16 to some 128 pixels."""

    def __init__(self, channels: int, classes: int, width: int) -> None:
        super().__init__()
        width = -(-width // GROUPS) * GROUPS
        self.stem = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.blocks = nn.Sequential(Block(width, 2 * width), Block(2 * width, 4 * width), Block(4 * width, 4 * width))
        self.head = nn.Linear(4 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Uint8 [n, height, width, channels] to scores, float [n, classes]. Normalises, so that no client has to."""
        values = images.permute(0, 3, 1, 2).float() / 127.5 - 1
        scores: Tensor = self.head(self.blocks(self.stem(values)).mean(dim=(2, 3)))
        return scores
