"""A small U-Net of volumes: half resolution inside, full resolution outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import interpolate, max_pool3d

from fatescope.models.outputs import PLANE_MAPS, SOLID_MAPS

if TYPE_CHECKING:
    from fatescope.systems.nuclei.training.solid.settings import SolidNetworkSettings

_FINE = 2  # pixels of a voxel of the finest level along Y and X; its planes are as far apart


def _layer(n_in: int, n_out: int) -> nn.Sequential:
    """Return a convolution of 3 x 3 x 3 voxels of its level, its normalisation and ReLU."""
    layer = nn.Conv3d(n_in, n_out, 3, padding=1, bias=False)
    return nn.Sequential(layer, nn.BatchNorm3d(n_out), nn.ReLU())


def _block(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(_layer(n_in, n_out), _layer(n_out, n_out))


class SolidUNet(nn.Module):  # type: ignore[misc] # torch is not followed
    """U-Net of volumes: `PLANE_MAPS` (B, 3, Z, Y, X) to `SOLID_MAPS` (B, 2, Z, Y, X) in 0..1.

    Its planes lie as far apart as two of its pixels. So four pixels become one voxel with four
    times the maps, as long along each axis, which saves three quarters of the time; the last layer
    predicts four pixels at each place and sorts them to full resolution.

    Parameters
    ----------
    settings : SolidNetworkSettings
        Channels of the three levels.
    """

    def __init__(self, settings: SolidNetworkSettings) -> None:
        super().__init__()
        fine, middle, coarse = settings.widths
        self.encoder = nn.ModuleList(
            [_block(_FINE**2 * len(PLANE_MAPS), fine), _block(fine, middle), _block(middle, coarse)]
        )
        self.decoder = nn.ModuleList([_block(middle + fine, fine), _block(coarse + middle, middle)])
        self.head = nn.Conv3d(fine, _FINE**2 * len(SOLID_MAPS), 1)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs before the sigmoid, at full resolution."""
        x = _folded(x)
        skips: list[torch.Tensor] = []
        for level, block in enumerate(self.encoder):
            x = block(max_pool3d(x, 2) if level else x)
            skips.append(x)
        for level in (1, 0):
            wider = interpolate(x, scale_factor=2.0, mode="nearest")
            x = self.decoder[level](torch.cat([wider, skips[level]], dim=1))
        return _sorted(self.head(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return probabilities; what the exported graph computes."""
        return torch.sigmoid(self.logits(x))


def _folded(x: torch.Tensor) -> torch.Tensor:
    """Make four pixels of a plane into maps of one place, as `pixel_unshuffle` does in planes."""
    batch, maps, planes, rows, columns = x.shape
    rows, columns = rows // _FINE, columns // _FINE
    x = x.reshape(batch, maps, planes, rows, _FINE, columns, _FINE)
    x = x.permute(0, 1, 4, 6, 2, 3, 5)
    return x.reshape(batch, maps * _FINE**2, planes, rows, columns)


def _sorted(x: torch.Tensor) -> torch.Tensor:
    """Sort four pixels of each place into rows and columns, as `pixel_shuffle` does in planes."""
    batch, maps, planes, rows, columns = x.shape
    maps = maps // _FINE**2
    x = x.reshape(batch, maps, _FINE, _FINE, planes, rows, columns)
    x = x.permute(0, 1, 4, 5, 2, 6, 3)
    return x.reshape(batch, maps, planes, _FINE * rows, _FINE * columns)


def build_solid_network(settings: SolidNetworkSettings, *, seed: int) -> SolidUNet:
    """Build a network with random weights that ``seed`` alone decides."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SolidUNet(settings)
