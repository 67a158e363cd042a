"""A small network that proposes a box at every fourth pixel: is a cell here, how large, which."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import nn

from fatescope.train.networks import Residual, convolution, down_and_up

if TYPE_CHECKING:
    from fatescope.systems.live_dead.training.settings import BoxNetworkSettings

STRIDE_PX = 4
REACH_PX = 12.0
"""Distance from a point to a side of its box where the network's number is 0."""


class BoxUNet(nn.Module):  # type: ignore[misc] # torch is not followed
    """Cells network: (B, 1, Y, X) to one box at each point, (B, Y / 4 * X / 4, 7).

    Encoder and decoder are those of `SmallUNet` without its finest level: cells are found from
    their surroundings, and their outline is not drawn.

    Parameters
    ----------
    settings : BoxNetworkSettings
    """

    def __init__(self, settings: BoxNetworkSettings) -> None:
        super().__init__()
        width = settings.widths
        pairs = list(itertools.pairwise(width))
        self.stem = convolution(1, width[0], size=6, stride=2)
        self.encoder = nn.ModuleList(
            nn.Sequential(*[Residual(w) for _ in range(n)])
            for w, n in zip(width, settings.blocks, strict=True)
        )
        self.down = nn.ModuleList(convolution(a, b, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs[1:])
        self.decoder = nn.ModuleList(convolution(a, a) for a, _ in pairs[1:])
        self.neck = convolution(width[1], settings.head)
        self.head = nn.Conv2d(settings.head, 6, 1)
        nn.init.constant_(self.head.bias[0], -4.0)  # most points are no centre

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 6, Y / 4, X / 4): centre, log of four distances / `REACH_PX`, class."""
        x = down_and_up(self, x, left_out=1)
        return self.head(self.neck(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return corners, score and the probability of both classes; the exported graph."""
        found = self.logits(x)
        corners = corners_of(found[:, 1:5])
        score, second = torch.sigmoid(found[:, :1]), torch.sigmoid(found[:, 5:])
        return torch.cat([corners, score, 1 - second, second], dim=1).flatten(2).transpose(1, 2)


def corners_of(distances: torch.Tensor) -> torch.Tensor:
    """Return y0, x0, y1, x1 in pixels, (B, 4, Y, X), of logarithms of distances in that order."""
    ones = torch.ones_like(distances[:, :1])
    y = (torch.cumsum(ones, dim=2) - 0.5) * STRIDE_PX
    x = (torch.cumsum(ones, dim=3) - 0.5) * STRIDE_PX
    away = torch.exp(distances.clamp(-4.0, 3.0)) * REACH_PX
    return torch.cat(
        [y - away[:, 0:1], x - away[:, 1:2], y + away[:, 2:3], x + away[:, 3:4]], dim=1
    )


def build_box_network(settings: BoxNetworkSettings, *, seed: int) -> BoxUNet:
    """Build a network with random weights that ``seed`` alone decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BoxUNet(settings)
