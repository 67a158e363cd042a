"""Design b: at each place 32 distances to the border of its nucleus, and how central it is.

As in StarDist (Schmidt et al., Cell detection with star-convex polygons, MICCAI 2018), at half
resolution, as its model for fluorescence draws them. Polygons are drawn in the order of
probability; one that lies too much on those before it is suppressed.
"""

from __future__ import annotations

import cv2
import fastremap
import numpy as np
import torch
from benchmarks.targets.design import (
    RADIUS_PX,
    Design,
    LabelledCrop,
    Thresholds,
    drop_small,
    weights,
)
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import pixel_unshuffle

from fatescope.prepare.targets import nucleus_targets
from fatescope.train.crops import MARGIN_PX
from fatescope.train.networks import SmallUNet, build_network
from fatescope.train.settings import CropSettings, LossSettings, NetworkSettings

N_RAYS = 32
GRID = 2
UNKNOWN = -1.0
"""The length of a ray that leaves the crop before it leaves the nucleus."""

_TURN = 2 * np.pi * np.arange(N_RAYS) / N_RAYS
DIRECTIONS = np.stack([np.sin(_TURN), np.cos(_TURN)]).astype(np.float32)  # y, x
_HIDDEN = 32


class RaysUNet(nn.Module):
    """The body of `SmallUNet`, whose head draws 1 + 32 maps at half resolution.

    A convolution of 3 x 3 stands before the last layer: 32 rays cannot be drawn from 16 channels.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.body = build_network(NetworkSettings(), seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            width = self.body.head.in_channels
            self.body.head = nn.Sequential(
                nn.Conv2d(width, _HIDDEN, 3, padding=1, bias=False),
                nn.BatchNorm2d(_HIDDEN),
                nn.ReLU(),
                nn.Conv2d(_HIDDEN, 4 * -(-(1 + N_RAYS) // 4), 1),
            )

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, 33, Y / 2, X / 2)."""
        return pixel_unshuffle(self.body.logits(x), GRID)[:, : 1 + N_RAYS]


def network(seed: int) -> SmallUNet:
    return RaysUNet(seed)


def target(crop: LabelledCrop) -> np.ndarray:
    """Return centrality, near a border, two weights, and 32 rays in `RADIUS_PX`, at half size."""
    targets = nucleus_targets(crop.labels, border_px=CropSettings().border_px)
    first = crop.inner(np.stack([targets.distance, targets.border]))
    flat = np.concatenate([first, weights(crop)])[:, ::GRID, ::GRID]
    rays = ray_lengths(crop.labels, margin=MARGIN_PX)
    return np.concatenate([flat, rays]).astype(np.float32)


def ray_lengths(labels: np.ndarray, *, margin: int) -> np.ndarray:
    """Walk from every second pixel along each direction, a pixel at a time, as far as the nucleus.

    All walks of a direction take a step at once: the labels are compared with themselves, moved.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
    margin : int
        No walk begins closer than this to the edge.

    Returns
    -------
    ndarray of float32, shape (32, y, x)
        In `RADIUS_PX`, to the centre of the last pixel inside; 0 outside nuclei, `UNKNOWN` in one
        that touches the edge of the array.
    """
    cut = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    small, _ = fastremap.renumber(np.ascontiguousarray(labels), preserve_zero=True)
    begin = slice(margin, -margin, GRID)
    own, inside = np.ascontiguousarray(small[begin, begin]), labels[begin, begin] > 0
    pad = max(labels.shape) // 2
    around = np.pad(small, pad)
    # Every second pixel, in memory of its own: comparing these is four times as fast.
    phases = [[np.ascontiguousarray(around[i::GRID, j::GRID]) for j in (0, 1)] for i in (0, 1)]
    steps = np.zeros((N_RAYS, *own.shape), np.uint8)
    same = np.empty(own.shape, bool)
    for ray, (down, right) in enumerate(DIRECTIONS.T.tolist()):
        alive = inside.astype(np.uint8)
        for step in range(1, pad):
            y, x = pad + margin + round(step * down), pad + margin + round(step * right)
            row, column = y // GRID, x // GRID
            moved = phases[y % GRID][x % GRID]
            moved = moved[row : row + own.shape[0], column : column + own.shape[1]]
            np.equal(moved, own, out=same)
            alive &= same.view(np.uint8)
            if step % 4 == 0 and not alive.any():
                break
            steps[ray] += alive
    lengths = steps / np.float32(RADIUS_PX)
    lengths[:, inside & np.isin(labels[begin, begin], cut)] = UNKNOWN
    return lengths


def loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of centrality; absolute error of rays, heavier where it is central.

    Weights near a touching border, and of lengths beside probabilities, are those of design a.
    """
    settings = LossSettings()
    central, border, counts, counts_instances = truth[:, :4].unbind(1)
    near = 1 + settings.near_border * border
    entropy = cross_entropy(logits[:, 0], central, reduction="none")
    weight = counts * near
    probability = (entropy * weight).sum() / weight.sum().clamp(min=1.0)
    rays = truth[:, 4:]
    known = (counts_instances * near * central)[:, None] * (rays >= 0)
    lengths = ((logits[:, 1:] - rays).abs() * known).sum() / known.sum().clamp(min=1.0)
    return probability + settings.distance * lengths


def maps(logits: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.sigmoid(logits[:, :1]), torch.relu(logits[:, 1:])], dim=1)


def decode(maps: np.ndarray, shape: tuple[int, int], thresholds: Thresholds) -> np.ndarray:
    """Draw polygons, the most probable first, where others leave enough room.

    A place that is covered already is not drawn at all: its polygon would be that of the nucleus
    that covers it. So few more polygons are drawn than there are nuclei.
    """
    labels = np.zeros(shape, np.int32)
    y, x = np.nonzero(maps[0] >= thresholds["probability"])
    order = np.argsort(-maps[0][y, x], kind="stable")
    y, x = y[order], x[order]
    inside = (GRID * y < shape[0]) & (GRID * x < shape[1])
    y, x = y[inside], x[inside]
    n = 0
    for row, column in zip(y.tolist(), x.tolist(), strict=True):
        if labels[GRID * row, GRID * column]:
            continue
        length = maps[1:, row, column].astype(np.float32) * RADIUS_PX
        points = DIRECTIONS * length + np.array([[GRID * row], [GRID * column]], np.float32)
        n += _draw(points, labels, n + 1, overlap=thresholds["overlap"])
    return drop_small(labels, thresholds["min_area_px"])


def _draw(points: np.ndarray, labels: np.ndarray, number: int, *, overlap: float) -> bool:
    """Draw a polygon (2, n) on free pixels, unless others hold more than ``overlap`` of it."""
    low = np.maximum(np.floor(points.min(axis=1)), 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=1)) + 1, labels.shape).astype(int)
    if (high <= low).any():
        return False
    window = labels[low[0] : high[0], low[1] : high[1]]
    drawn = np.zeros(window.shape, np.uint8)
    corners = np.rint((points - low[:, None])[::-1].T * 16).astype(np.int32)
    cv2.fillPoly(drawn, [corners], 1, shift=4)
    free = (window == 0) & (drawn > 0)
    area, left = np.count_nonzero(drawn), np.count_nonzero(free)
    if left < (1 - overlap) * area or not left:
        return False
    window[free] = number
    return True


DESIGN = Design(
    name="rays",
    title="32 star-convex rays",
    network=network,
    target=target,
    loss=loss,
    maps=maps,
    decode=decode,
    start={"probability": 0.5, "overlap": 0.4, "min_area_px": 20},
    grids=(
        ("probability", (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)),
        ("overlap", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),
        ("min_area_px", (10, 20, 30, 40, 60)),
    ),
)
