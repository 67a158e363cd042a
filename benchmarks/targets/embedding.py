"""Design c: at each pixel the way to the centre of its nucleus; pixels vote for centres.

The idea of Neven et al. (Instance segmentation by jointly optimizing spatial embeddings, CVPR
2019), with offsets that are learnt directly and one width of a cluster for all.
"""

from __future__ import annotations

import cv2
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
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from fatescope.prepare.targets import nucleus_targets
from fatescope.train.networks import SmallUNet, build_network
from fatescope.train.settings import CropSettings, LossSettings, NetworkSettings


def network(seed: int) -> SmallUNet:
    return build_network(NetworkSettings(n_outputs=3), seed=seed)


def target(crop: LabelledCrop) -> np.ndarray:
    """Return foreground, near a border, two weights, and offsets (y, x) in `RADIUS_PX`.

    Offsets of a nucleus that the crop cuts are not learnt: its centre is not known.
    """
    targets = nucleus_targets(crop.labels, border_px=CropSettings().border_px)
    offset, whole = offsets(crop.labels)
    flat = np.concatenate([np.stack([targets.foreground, targets.border]), offset, whole[None]])
    foreground, border, dy, dx, inside = crop.inner(flat)
    counts, counts_instances = weights(crop)
    rows = [foreground, border, counts, counts_instances * inside, dy, dx]
    return np.stack(rows).astype(np.float32)


def offsets(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the way to the centroid (2, Y, X) in `RADIUS_PX`, and 1 where it is known.

    It is not known of a nucleus that touches the edge of the array, nor of background.
    """
    flat = labels.ravel()
    area = np.bincount(flat).clip(min=1)
    grids = np.indices(labels.shape, np.float32)
    centres = [np.bincount(flat, weights=g.ravel()) / area for g in grids]
    offset = np.stack([c[labels] - g for c, g in zip(centres, grids, strict=True)])
    whole = np.ones(len(area), np.float32)
    whole[0] = 0
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        whole[edge] = 0
    return (offset * (labels > 0) / RADIUS_PX).astype(np.float32), whole[labels]


def loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Foreground as in design a; absolute error of offsets inside nuclei, with its weights."""
    settings = LossSettings()
    foreground, border, counts, counts_offsets = truth[:, :4].unbind(1)
    near = 1 + settings.near_border * border
    entropy = cross_entropy(logits[:, 0], foreground, reduction="none")
    weight = counts * near
    cross = (entropy * weight).sum() / weight.sum().clamp(min=1.0)
    probability = torch.sigmoid(logits[:, 0]) * counts
    both, total = (probability * foreground).sum(), probability.sum() + (foreground * counts).sum()
    dice = 1 - (2 * both + 1) / (total + 1)
    known = (counts_offsets * near * foreground)[:, None].expand(-1, 2, -1, -1)
    way = ((logits[:, 1:] - truth[:, 4:]).abs() * known).sum() / known.sum().clamp(min=1.0)
    return cross + settings.dice * dice + settings.distance * way


def maps(logits: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.sigmoid(logits[:, :1]), logits[:, 1:]], dim=1)


def decode(maps: np.ndarray, shape: tuple[int, int], thresholds: Thresholds) -> np.ndarray:
    """Let pixels vote, find the peaks of the votes, and give each pixel to the peak it meant."""
    foreground, dy, dx = maps[:, : shape[0], : shape[1]].astype(np.float32)
    y, x = np.nonzero(foreground >= thresholds["foreground"])
    labels = np.zeros(shape, np.int32)
    if not len(y):
        return labels
    to_y = np.clip(np.rint(y + RADIUS_PX * dy[y, x]), 0, shape[0] - 1).astype(np.intp)
    to_x = np.clip(np.rint(x + RADIUS_PX * dx[y, x]), 0, shape[1] - 1).astype(np.intp)
    place = to_y * shape[1] + to_x
    votes = np.bincount(place, minlength=labels.size).reshape(shape).astype(np.float32)
    votes = cv2.GaussianBlur(votes, (0, 0), thresholds["blur_px"])
    reach = 2 * int(thresholds["apart_px"]) + 1
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    peaks = (votes >= cv2.dilate(votes, near)) & (votes >= thresholds["votes"])
    if not peaks.any():
        return labels
    _, nearest = cv2.distanceTransformWithLabels(
        (~peaks).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )
    labels[y, x] = nearest.ravel()[place]
    area = np.bincount(labels.ravel())
    shade = np.bincount(labels.ravel(), weights=foreground.ravel(), minlength=len(area))
    labels[(shade < thresholds["min_score"] * area)[labels]] = 0
    return drop_small(labels, thresholds["min_area_px"])


DESIGN = Design(
    name="embedding",
    title="offsets to the centre",
    network=network,
    target=target,
    loss=loss,
    maps=maps,
    decode=decode,
    start={
        "foreground": 0.5,
        "blur_px": 1.5,
        "apart_px": 4,
        "votes": 3.0,
        "min_area_px": 20,
        "min_score": 0.0,
    },
    grids=(
        ("votes", (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)),
        ("blur_px", (0.7, 1.0, 1.5, 2.0, 2.5, 3.0)),
        ("foreground", (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)),
        ("apart_px", (2, 3, 4, 5, 6, 8)),
        ("min_area_px", (10, 20, 30, 40, 60)),
        ("min_score", (0.0, 0.5, 0.6, 0.7, 0.75, 0.8)),
    ),
)
