"""A small U-Net made for processors: half resolution inside, full resolution outside."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import interpolate, pixel_shuffle

from fatescope.models.outputs import DISTANCE_MAPS, OFFSET_MAPS
from fatescope.prepare.targets import DRAWN
from fatescope.train.network_settings import LibraryNetwork

if TYPE_CHECKING:
    from fatescope.train.settings import NetworkSettings

DIVISOR = 16
"""Rows and columns of an input must be multiples of this."""


def convolution(n_in: int, n_out: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    """Return a convolution without bias, its normalisation and ReLU."""
    padding = (size - stride + 1) // 2 if stride == 2 else size // 2
    layer = nn.Conv2d(n_in, n_out, size, stride, padding, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(n_out), nn.ReLU())


class Residual(nn.Module):  # type: ignore[misc] # torch is not followed
    """Two convolutions of 3 x 3 and their input, added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, C, Y, X) to the same shape."""
        return torch.relu(x + self.second(self.first(x)))


def down_and_up(network: nn.Module, x: torch.Tensor, *, left_out: int = 0) -> torch.Tensor:
    """Lead an input through the levels of a U-Net; the finest ones may be left out on the way up.

    Skip connections are added, not concatenated.
    """
    x = network.stem(x)
    skips: list[torch.Tensor] = []
    for level, block in enumerate(network.encoder):
        x = block(x)
        if level < len(network.down):
            skips.append(x)
            x = network.down[level](x)
    for level in reversed(range(len(network.up))):
        wider = interpolate(network.up[level](x), scale_factor=2.0, mode="nearest")
        x = network.decoder[level](wider + skips[level + left_out])
    return x


class SmallUNet(nn.Module):  # type: ignore[misc] # torch is not followed
    """Small U-Net: (B, n, Y, X) to maps in 0..1, for nuclei those of `prepare.targets.DRAWN`.

    The first layer (6 x 6, stride 2) halves the resolution, where nearly all the time of a U-Net
    is spent; the last one predicts four pixels at each place and sorts them to full resolution.

    Parameters
    ----------
    settings : NetworkSettings
        Channels of the four levels and residual blocks in each.
    n_inputs : int
        Channels of the input.
    """

    def __init__(self, settings: NetworkSettings, *, n_inputs: int = 1) -> None:
        super().__init__()
        width, blocks = settings.widths, settings.blocks
        pairs = list(itertools.pairwise(width))
        self.stem = convolution(n_inputs, width[0], size=6, stride=2)
        self.encoder = nn.ModuleList(
            nn.Sequential(*[Residual(w) for _ in range(n)])
            for w, n in zip(width, blocks, strict=True)
        )
        self.down = nn.ModuleList(convolution(a, b, stride=2) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.decoder = nn.ModuleList(convolution(a, a) for a, _ in pairs)
        self.head = nn.Conv2d(width[0], 4 * n_maps(settings), 1)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs before the sigmoid, at full resolution."""
        x = down_and_up(self, x)
        return pixel_shuffle(self.head(x), 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return probabilities; what the exported graph computes."""
        return torch.sigmoid(self.logits(x))


class ClassUNet(SmallUNet):
    """The same network for classes: (B, 1, Y, X) to their probabilities, which sum to 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return probabilities; what the exported graph computes."""
        return torch.softmax(self.logits(x), dim=1)


def n_maps(settings: NetworkSettings | LibraryNetwork) -> int:
    """Return how many maps a network draws while it learns."""
    return settings.n_outputs or len(DRAWN)


def shipped_maps(n_outputs: int) -> tuple[str, ...]:
    """Return the maps of a package: of a network that draws offsets only what votes."""
    return OFFSET_MAPS if n_outputs == len(DRAWN) else DISTANCE_MAPS


def build_network(
    settings: NetworkSettings | LibraryNetwork, *, seed: int, n_inputs: int = 1
) -> SmallUNet:
    """Build a network with random weights that ``seed`` alone decides.

    A network by name has the same two methods as `SmallUNet`; its encoder may hold weights that
    were trained elsewhere.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(settings, LibraryNetwork):
            from fatescope.train.library_networks import build_named

            named: SmallUNet = build_named(settings, n_inputs=n_inputs)
            return named
        return SmallUNet(settings, n_inputs=n_inputs)


def build_class_network(settings: NetworkSettings, *, seed: int) -> ClassUNet:
    """Build a network for ``settings.n_outputs`` classes; ``seed`` decides its weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ClassUNet(settings)
