"""The network that says how many cells a small frame of a movie shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import interpolate, softplus

from fatescope.systems.populations.inference.output import N_BINS
from fatescope.train.networks import Residual, _convolution

if TYPE_CHECKING:
    from fatescope.systems.populations.training.settings import PopulationNetwork


class CountNetwork(nn.Module):  # type: ignore[misc] # torch is not followed
    """(B, 1, Y, X) to logits of the numbers of cells and of a neighbour, (B, N_BINS + 1).

    While it learns, it also draws where the nuclei of the embryo are, at a quarter of the
    resolution; the sum of that map is one of the things that the logits are made from.

    Parameters
    ----------
    settings : PopulationNetwork
    """

    def __init__(self, settings: PopulationNetwork) -> None:
        super().__init__()
        a, b, c, d = settings.widths
        self.stem = nn.Sequential(
            _convolution(1, a, size=6, stride=2), _convolution(a, b, stride=2), Residual(b)
        )
        self.middle = nn.Sequential(_convolution(b, c, stride=2), Residual(c), Residual(c))
        self.deep = nn.Sequential(_convolution(c, d, stride=2), Residual(d))
        self.from_deep, self.from_middle = nn.Conv2d(d, c, 1), nn.Conv2d(c, b, 1)
        self.draw = nn.Sequential(_convolution(b, b), nn.Conv2d(b, 1, 1))
        self.hidden = nn.Sequential(nn.Linear(2 * d + c + 2, settings.hidden), nn.ReLU())
        self.last = nn.Linear(settings.hidden, N_BINS + 1)

    def both(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits, and the map of nuclei, (B, 1, Y / 4, X / 4)."""
        fine = self.stem(x)
        middle = self.middle(fine)
        deep = self.deep(middle)
        up = middle + interpolate(self.from_deep(deep), scale_factor=2.0, mode="nearest")
        wider = interpolate(self.from_middle(up), scale_factor=2.0, mode="nearest")
        nuclei = softplus(self.draw(fine + wider) - 3)
        total = nuclei.sum(dim=(2, 3)) + 0.5
        parts = [
            deep.mean(dim=(2, 3)),
            deep.amax(dim=(2, 3)),
            up.mean(dim=(2, 3)),
            torch.log(total),
            torch.sqrt(total) / 10,
        ]
        return self.last(self.hidden(torch.cat(parts, dim=1))), nuclei

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits; what the exported graph computes."""
        return self.both(x)[0]
