"""Slices put back together: the volume that a plane of training was cut out of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.prepare.pixels import read_label_plane, read_plane
from fatescope.prepare.slices import plane_name_parts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.prepare.store import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceVolume:
    """A volume, its labels, and which of its planes are samples.

    Parameters
    ----------
    pixels : ndarray, shape (Z, Y, X)
    labels : ndarray of int32, the same shape
    planes : tuple of int
        Indices of the samples, in their order.
    samples : tuple of Sample
    """

    pixels: NDArray[Any]
    labels: NDArray[np.int32]
    planes: tuple[int, ...]
    samples: tuple[Sample, ...]

    @property
    def unit(self) -> str:
        """Embryo and time, or the unit of a single plane."""
        first = self.samples[0]
        return first.unit if first.frame is None else f"{first.unit}@{first.frame}"


def group_slices(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Return the samples of each volume together, in order; a plane of no volume stays alone."""
    volumes: dict[Any, list[Sample]] = {}
    for i, s in enumerate(samples):
        key = i if s.plane is None else (s.image.parent, s.embryo, s.time)
        volumes.setdefault(key, []).append(s)
    return list(volumes.values())


def read_slice_volume(samples: Sequence[Sample]) -> SliceVolume:
    """Read the volume of some slices, with its planes that are no samples.

    Parameters
    ----------
    samples : sequence of Sample
        Of one volume, as `group_slices` gives them. Its other planes lie beside them, under the
        names that `prepare slices` gives; those that lack are not missed.

    Raises
    ------
    InputError
        If planes differ in shape.
    """
    first = samples[0]
    if first.plane is None:
        return SliceVolume(
            pixels=read_plane(first.image)[None],
            labels=read_label_plane(first.labels)[None],
            planes=(0,),
            samples=tuple(samples),
        )
    files = _planes_beside(first)
    order = sorted(files)
    pixels = [read_plane(files[z][0]) for z in order]
    labels = [read_label_plane(files[z][1]) for z in order]
    if len({p.shape for p in (*pixels, *labels)}) > 1:
        raise InputError(f"{first.image.parent}: its planes differ in size. Cut them again.")
    return SliceVolume(
        pixels=np.stack(pixels),
        labels=np.stack(labels),
        planes=tuple(order.index(s.plane) for s in samples if s.plane is not None),
        samples=tuple(samples),
    )


def _planes_beside(sample: Sample) -> dict[int, tuple[Path, Path]]:
    """Return image and labels by plane, of the volume to which a sample belongs."""
    files: dict[int, tuple[Path, Path]] = {}
    for image in sorted(sample.image.parent.glob(f"*{sample.image.suffix}")):
        name = plane_name_parts(image.stem)
        labels = sample.labels.parent / f"{image.stem}{sample.labels.suffix}"
        if name is not None and name[:2] == (sample.embryo, sample.time) and labels.is_file():
            files[name[2]] = image, labels
    if sample.plane is not None:
        files[sample.plane] = sample.image, sample.labels
    return files
