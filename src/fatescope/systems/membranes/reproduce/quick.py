"""The quick form: a rendered embryo, and the network that every arm of it begins with.

Forty steps from random weights draw nothing but a filled square, and hundreds by the Dice loss of
interiors a silhouette without walls. So the published network first sees another rendered embryo,
and its loss there counts walls too; from there a few steps are enough to tell the arms apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_labels, write_labels
from fatescope.base import Execution
from fatescope.evaluate import borders_of
from fatescope.simulate.embryo.settings import LineageSettings, VolumeSettings
from fatescope.systems.membranes.reproduce.arms import masked_planes, membrane_arms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.prepare import Volume
    from fatescope.prepare.splits import Split
    from fatescope.systems.membranes.training.published import WalledTask
    from fatescope.systems.reproduction.settings import MembranesRecipe

_VOXEL_UM = (0.4, 0.3, 0.3)
QUICK = {
    "epochs": 5,
    "batch": 4,
    "rate": 0.0003,
    "size_px": 96,
    "arm_steps": 12,
    "trials": 3,
    "corrected_steps": 40,
    "images": "images/{embryo}_t{frame}.tif",
    "labels": "truth/labels/membrane/{embryo}_t{frame}.tif",
    "spacing_um": _VOXEL_UM,
    "guard_frames": 0,
}
RENDERED = VolumeSettings(
    cells=(6, 7, 8, 10, 12),
    channels=("membrane",),
    planes=18,
    height=144,
    width=192,
    voxel_um=_VOXEL_UM,
)
"""One embryo at five stages, which stand in for frames."""
SEED, OTHER_SEED = 21, 22  # of the embryo of the arms, and of that of the start
START_STEPS, START_BATCH, START_RATE = 80, 8, 0.002
"""Of the start, by Adam; not measured."""


def render_embryo(folder: Path, *, seed: int) -> Path:
    """Render volumes with labels that leave the walls out, as those of 3DMMS do."""
    from fatescope.systems.simulation.embryo import write_embryo_volumes

    alone = Execution(workers=1)
    write_embryo_volumes(folder, RENDERED, LineageSettings(), seed=seed, execution=alone)
    for path in sorted((folder / "truth" / "labels" / "membrane").glob("*.tif")):
        labels = read_labels(path)
        cells = without_walls(labels.read())
        write_labels(
            path,
            cells,
            shape=cells.shape,
            axes="ZYX",
            dtype=cells.dtype,
            spacing=labels.spacing,
        )
    return folder


def without_walls(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels, shape (Z, Y, X), in whose planes two pixels between cells are 0."""
    from scipy.ndimage import binary_dilation

    borders = np.stack([borders_of(plane) for plane in labels])
    return np.where(binary_dilation(borders, np.ones((1, 2, 2), bool)), 0, labels)


def start_task(volumes: Sequence[Volume], recipe: MembranesRecipe) -> WalledTask:
    """Return the network of 2021 on all planes of another embryo, on lossless masks.

    Noise is that of 2021, which most arms add: without it their first steps would be lost on it.
    """
    from fatescope.systems.membranes.training.published import WalledTask

    splits: list[Split] = ["train" for _ in volumes]
    arms = {a.key: a for a in membrane_arms(volumes, splits)}
    arm, noise_mean = arms["list-2020"], arms["new"].noise_mean
    return WalledTask(
        [plane for volume in masked_planes(arm, volumes) for plane in volume],
        [],
        size_px=recipe.size_px,
        augmentation=arm.augmentation,
        noise_mean=noise_mean,
        is_eroded=True,
        seed=recipe.seed,
    )


def shipped_weights(network: Any) -> None:
    """Fill the corrected network with the weights of the shipped package."""
    from fatescope.models import find_package, read_package
    from fatescope.train.export import load_weights

    load_weights(network, read_package(find_package("membrane")).files["weights.safetensors"])
