"""Design a, which ships: foreground, normalised distance, touching border; pixels climb."""

from __future__ import annotations

import numpy as np
import torch
from benchmarks.targets.design import Design, LabelledCrop, Thresholds, weights

from fatescope.models.description import DISTANCE_MAPS
from fatescope.models.description import Thresholds as ShippedThresholds
from fatescope.predict import RegionSums, add_part, find_regions, join_regions, quantise
from fatescope.prepare.targets import centre_offsets, nucleus_targets
from fatescope.train.losses import nucleus_loss
from fatescope.train.networks import SmallUNet, build_network
from fatescope.train.scoring import GRIDS
from fatescope.train.settings import CropSettings, LossSettings, NetworkSettings

BORDER_PX = CropSettings().border_px


def network(seed: int) -> SmallUNet:
    return build_network(NetworkSettings(n_outputs=3), seed=seed)


def target(crop: LabelledCrop) -> np.ndarray:
    """Return what training has; the network of this design does not draw the offsets."""
    maps = nucleus_targets(crop.labels, border_px=BORDER_PX).stack()
    offsets, whole = centre_offsets(crop.labels)
    counts, counts_instances = weights(crop)
    rows = [counts, counts_instances, counts_instances * crop.inner(whole)]
    drawn = crop.inner(np.concatenate([maps, offsets]))
    return np.concatenate([drawn, np.stack(rows)]).astype(np.float32)


def loss(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    return nucleus_loss(logits, truth, settings=LossSettings())["loss"]


def decode(maps: np.ndarray, shape: tuple[int, int], thresholds: Thresholds) -> np.ndarray:
    """Decode as the engine does a plane that is one part."""
    settings = ShippedThresholds.from_values(
        {**thresholds, "min_area_px": int(thresholds["min_area_px"])}
    )
    maps = quantise(maps[:, : shape[0], : shape[1]].astype(np.float32))
    sums = RegionSums()
    regions = find_regions(maps, settings, outputs=DISTANCE_MAPS)
    stored = add_part(sums, regions, maps, own=slice(0, shape[0]), offset=0)
    return join_regions(sums, settings).label_of[stored].astype(np.int32)


DESIGN = Design(
    name="distance",
    title="distance and touching border",
    network=network,
    target=target,
    loss=loss,
    maps=torch.sigmoid,
    decode=decode,
    start=ShippedThresholds().model_dump(),
    grids=GRIDS[DISTANCE_MAPS],
)
