"""Scores on whole pictures while a network learns: the number that training is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from scipy import ndimage as ndi
from skimage.measure import label as components
from skimage.segmentation import watershed

from fatescope.prepare.store import read_pixels
from fatescope.train.networks import DIVISOR
from fatescope.train.pictures import normalise, unit_diameters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.prepare.store import Sample

THRESHOLDS = tuple(np.arange(0.5, 0.91, 0.05).round(2).tolist())


def score_network(
    network: torch.nn.Module, samples: Sequence[Sample], *, working_px: float
) -> dict[str, float]:
    """Score a network on whole pictures, at the working size by the true diameter of their unit.

    Returns
    -------
    dict
        ``ap50``, ``ap75`` and ``ap_mean`` (0.50 to 0.90), pooled over pictures, and
        ``ap_mean KIND`` for each kind.
    """
    counts: dict[str, FloatArray] = {}  # of each kind: matches at each threshold, then true + found
    for sample, diameter in zip(samples, unit_diameters(samples), strict=True):
        pixels, truth = read_pixels(sample.image), read_pixels(sample.labels).astype(np.int32)
        if not truth.any():
            continue
        maps = predict_maps(network, pixels, zoom=working_px / diameter)
        found = simple_instances(maps)
        found = cv2.resize(
            found.astype(np.float32), truth.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT
        ).astype(np.int32)
        n_objects = len(np.unique(truth)) + len(np.unique(found)) - 2
        row = np.append(matches(truth, found), n_objects)
        counts[sample.kind] = counts.get(sample.kind, 0) + row
    ap = _average_precision(sum(counts.values(), np.zeros(len(THRESHOLDS) + 1)))
    scores = {"ap50": float(ap[0]), "ap75": float(ap[5]), "ap_mean": float(ap.mean())}
    for kind, row in sorted(counts.items()):
        scores[f"ap_mean {kind}"] = float(_average_precision(row).mean())
    return scores


def _average_precision(counts: FloatArray) -> FloatArray:
    matched, n_objects = counts[:-1], counts[-1]
    return np.asarray(matched / np.maximum(n_objects - matched, 1))


def predict_maps(network: torch.nn.Module, pixels: np.ndarray, *, zoom: float) -> FloatArray:
    """Return foreground, distance and border of a plane at ``zoom`` times its size.

    Returns
    -------
    ndarray of float32, shape (3, round(Y * zoom), round(X * zoom))
    """
    scaled = resample(normalise(pixels), zoom)
    height, width = scaled.shape
    bottom, right = -height % DIVISOR, -width % DIVISOR
    padded = np.pad(scaled, ((0, bottom), (0, right)), mode="reflect")
    with torch.no_grad():
        maps = network(torch.from_numpy(padded)[None, None])[0].float().numpy()
    return np.asarray(maps[:, :height, :width])


def resample(pixels: FloatArray, zoom: float) -> FloatArray:
    """Resize a plane: linearly when it grows, by area when it shrinks."""
    size = max(1, round(pixels.shape[1] * zoom)), max(1, round(pixels.shape[0] * zoom))
    way = cv2.INTER_LINEAR if zoom >= 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, size, interpolation=way), np.float32)


def simple_instances(
    maps: FloatArray, *, foreground: float = 0.5, seed: float = 0.5, smallest_px: int = 20
) -> LabelImage:
    """Flood from peaks of the distance, inside the foreground."""
    inside = maps[0] > foreground
    height = ndi.gaussian_filter(maps[1] - 0.5 * maps[2], 1.0)
    seeds = components(height > seed)
    labels = watershed(-height, seeds, mask=inside)
    areas = np.bincount(labels.ravel())
    labels[areas[labels] < smallest_px] = 0
    return np.asarray(labels, np.int32)


def matches(truth: LabelImage, found: LabelImage) -> FloatArray:
    """Return true positives for each threshold of `THRESHOLDS`, matched one to one.

    Above an IoU of 0.5 no two pairs can share a nucleus, so counting pairs is exact.
    """
    n_found = int(found.max()) + 1
    pairs = np.bincount(truth.ravel().astype(np.int64) * n_found + found.ravel())
    pair = np.flatnonzero(pairs)
    area_true, area_found = np.bincount(truth.ravel()), np.bincount(found.ravel())
    t, f = pair // n_found, pair % n_found
    both = (t > 0) & (f > 0)
    t, f, overlap = t[both], f[both], pairs[pair][both]
    iou = overlap / (area_true[t] + area_found[f] - overlap)
    return np.array([np.count_nonzero(iou >= at) for at in THRESHOLDS], float)
