"""Arms of ``reproduce membranes-2021``: what differs between them, and the rows of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire import read_image, read_labels
from fatescope.base import Table, WorkUnit
from fatescope.pages.images import display_limits, to_grey
from fatescope.prepare import labels_on_grid
from fatescope.prepare.published_slices import (
    kept_planes,
    mask_of_2020,
    mask_of_2021,
    published_rows,
    squeezed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.prepare import Volume
    from fatescope.prepare.splits import Split
    from fatescope.systems.membranes.training.published import MaskedPlane

POSITION = 10
"""In the list of files: the volume that was cut again and again in 2021."""
_ROWS_HELD = 0.1  # random rows that validate, as in 2021


@dataclass(frozen=True, slots=True, kw_only=True)
class MembraneArm(WorkUnit):
    """What differs from arm to arm.

    Parameters
    ----------
    key, words : str
    one_volume : bool
        Every file name gets the slices of one volume, as published.
    split : {"rows", "time"}
        Random rows, as published, or blocks of time.
    masks : {"2020", "2021"}
        JPEG, closing and opening; or lossless labels, eroded.
    planes : {"counted", "physical"}
        Label planes by rounded steps of counting, or by the positions of voxel centres.
    augmentation : {"2020", "2021"}
    noise_mean : float
    is_full : bool
        Trained for all epochs; other arms for the steps of the ablation.
    is_ours : bool
        The corrected network, whatever else is said here.
    volumes : tuple of Volume
    splits : tuple of str
        Of the volumes: blocks of time.
    """

    key: str
    words: str
    one_volume: bool = True
    split: Literal["rows", "time"] = "rows"
    masks: Literal["2020", "2021"] = "2021"
    planes: Literal["counted", "physical"] = "counted"
    augmentation: Literal["2020", "2021"] = "2021"
    noise_mean: float = 0.5
    is_full: bool = False
    is_ours: bool = False
    volumes: tuple[Volume, ...] = ()
    splits: tuple[Split, ...] = ()

    @property
    def paths(self) -> list[Path]:
        """The files that decide what comes out."""
        return [p for v in self.volumes for p in v.paths]

    def of(self, split: Split) -> list[Volume]:
        """Return the volumes of one block of time."""
        return [v for v, s in zip(self.volumes, self.splits, strict=True) if s == split]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """Volumes of one embryo, and the block of time of each."""

    folder: Path
    source: str
    volumes: list[Volume]
    splits: list[Split]


def membrane_arms(volumes: Sequence[Volume], splits: Sequence[Split]) -> list[MembraneArm]:
    """Return the published arm, the steps of correction one after the other, and the final one."""
    data: dict[str, Any] = {"volumes": tuple(volumes), "splits": tuple(splits)}
    frames: dict[str, Any] = {**data, "one_volume": False}
    timed: dict[str, Any] = {**frames, "split": "time"}
    grid: dict[str, Any] = {**timed, "planes": "physical"}
    return [
        MembraneArm(
            key="published", words="as published in 2021, all epochs", is_full=True, **data
        ),
        MembraneArm(
            key="old",
            words="the preparation of 2020: JPEG masks, closing, opening; list of 2020, no noise",
            masks="2020",
            augmentation="2020",
            noise_mean=0.0,
            **data,
        ),
        MembraneArm(key="new", words="the preparation of 2021: PNG masks; list of 2021", **data),
        MembraneArm(key="frames", words="and each file has its own volume", **frames),
        MembraneArm(key="time", words="and sets are blocks of time", **timed),
        MembraneArm(key="grid", words="and label planes lie where they belong", **grid),
        MembraneArm(key="noise", words="and noise has a mean of 0", noise_mean=0.0, **grid),
        MembraneArm(
            key="list-2020",
            words="the same with the augmentation list of 2020",
            noise_mean=0.0,
            augmentation="2020",
            **grid,
        ),
        MembraneArm(
            key="corrected",
            words="walls and insides by the network of this house, cells by watershed",
            is_full=True,
            is_ours=True,
            **timed,
        ),
    ]


def read_volume(volume: Volume) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return the pixels of a volume, and its labels on their own grid."""
    pixels, labels = read_image(volume.image).read(), read_labels(volume.labels).read()
    if pixels.dtype != np.uint8:  # rendered ones have 16 bits
        low, high = display_limits(pixels)
        pixels = to_grey(pixels, limits=(low, high))
    return pixels, labels.astype(np.int32)


def on_grid(labels: NDArray[np.int32], shape: Sequence[int]) -> NDArray[np.int32]:
    """Take labels over to another grid; see `labels_on_grid`."""
    return np.asarray(labels_on_grid(labels, shape), np.int32)


def masked_planes(arm: MembraneArm, volumes: Sequence[Volume]) -> list[list[MaskedPlane]]:
    """Return the rows of each volume as an arm prepares them."""
    from fatescope.systems.membranes.training.published import MaskedPlane

    mask_of = mask_of_2020 if arm.masks == "2020" else mask_of_2021
    found = []
    for volume in volumes:
        pixels, labels = read_volume(volume)
        if arm.planes == "physical":
            labels = on_grid(labels, (len(pixels), *labels.shape[1:]))
            pairs = [(z, z) for z in kept_planes(len(pixels))]
        else:
            pairs = published_rows(labels, len(pixels))
        found.append(
            [
                MaskedPlane(image=pixels[z], mask=squeezed(mask_of(labels[k]), pixels[z].shape))
                for z, k in pairs
            ]
        )
    return found


def planes_of_arm(arm: MembraneArm, *, seed: int) -> tuple[list[MaskedPlane], list[MaskedPlane]]:
    """Return the training and the validation rows of an arm; test volumes are not opened."""
    if arm.split == "time":
        training, validation = (masked_planes(arm, arm.of(s)) for s in ("train", "validation"))
        return _joined(training), _joined(validation)
    known = [v for v, s in zip(arm.volumes, arm.splits, strict=True) if s != "test"]
    if arm.one_volume:
        again = masked_planes(arm, [known[min(POSITION, len(known) - 1)]])
        rows = _joined(again * len(known))
    else:
        rows = _joined(masked_planes(arm, known))
    order = np.random.default_rng(seed).permutation(len(rows))
    n = max(1, round(_ROWS_HELD * len(rows)))
    return [rows[i] for i in order[n:]], [rows[i] for i in order[:n]]


def _joined(groups: Sequence[Sequence[MaskedPlane]]) -> list[MaskedPlane]:
    return [plane for group in groups for plane in group]


def typed_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return rows of one kind as a table."""
    names = list(rows[0])
    kind = {n: object if isinstance(rows[0][n], str) else None for n in names}
    return Table({n: np.array([r[n] for r in rows], dtype=kind[n]) for n in names})
