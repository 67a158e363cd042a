"""The outer surface of an embryo: where brightness begins, closed; then the ridge near there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.systems.membranes.cells.settings import MembraneSettings

_DIMMEST = 0.3
"""A plane counts at least this share of the brightest: above and below the embryo is no signal."""
_SMOOTH_UM = 0.3
_SMOOTH_PLANES_UM = 0.9
_DIM = 0.1
"""Of the brightest voxels of the volume: what is dimmer does not count for a plane's level."""
_LEAST_VOXELS = 200
_SURFACE_SMOOTH_UM = 0.6
_INSIDE_SMOOTH_UM = 0.3
_HALF = 0.5
_BAND_UM = 2.0
_AGREED_UM = 1.0
_Z_COUNTS = 0.6
"""A wall that faces Z is blurred to twice the width, so the surface lies deeper there."""
_ANOTHER = 0.05
"""A bright region of this share of the largest is another embryo, or a part of one: in seven
volumes of one embryo the second region has 0.0002 of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterShape:
    """What the outer surface of a frame encloses.

    Parameters
    ----------
    bodies : int
        Regions that lie apart, of at least a twentieth of the largest: their cells are found.
    ellipse_fill : float
        Share of its own ellipse or ellipsoid that a single one fills; NaN where there are several,
        or the side of the image cuts it.
    """

    bodies: int
    ellipse_fill: float


def outer_shape(inside: NDArray[np.bool_], spacing: Sequence[float]) -> OuterShape:
    """Measure what an outer surface encloses: how many bodies, and whether one is waisted.

    Parameters
    ----------
    inside : ndarray of bool, shape (Y, X) or (Z, Y, X)
    spacing : sequence of float
        In µm.
    """
    from scipy.ndimage import label

    pieces, _ = label(inside)
    sizes = np.bincount(pieces.ravel())[1:]
    bodies = int(np.count_nonzero(sizes >= _ANOTHER * sizes.max(initial=0)))
    body = pieces == sizes.argmax() + 1 if bodies == 1 else np.zeros_like(inside)
    edges = [np.take(body, (0, -1), axis=axis).any() for axis in (-2, -1)]
    if bodies != 1 or any(edges):
        return OuterShape(bodies=bodies, ellipse_fill=np.nan)
    step = np.asarray(spacing, dtype=np.float64)
    spread = np.linalg.det(np.cov((np.argwhere(body) * step).T, bias=True))
    # A disc of variance 1 along each axis has the radius 2, a ball the root of 5.
    ellipse = {2: 4 * np.pi, 3: 4 / 3 * np.pi * 5**1.5}[inside.ndim] * np.sqrt(max(spread, 1e-12))
    return OuterShape(bodies=1, ellipse_fill=float(sizes.max() * step.prod() / ellipse))


def large_regions(bright: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected region and those that could be another embryo."""
    from scipy.ndimage import label

    pieces, _ = label(bright)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= max(1.0, _ANOTHER * sizes.max()))[pieces])


def plane_levels(values: NDArray[np.float32], spacing: Sequence[float]) -> NDArray[np.float32]:
    """Measure how bright each plane is: it falls with depth in every microscope.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X) or (Z, Y, X)
        0 and more; background is near 0.
    spacing : sequence of float
        In µm.

    Returns
    -------
    ndarray of float32, shape (Z,), one for a single plane
        The 95th percentile of what is not background in a plane, smoothed over neighbouring planes;
        infinite where no plane has anything.
    """
    from scipy.ndimage import gaussian_filter, gaussian_filter1d

    planes = values if values.ndim == 3 else values[None]
    in_plane = np.divide(_SMOOTH_UM, list(spacing)[-2:])
    smooth = gaussian_filter(planes, (0, *in_plane))
    least = _DIM * np.percentile(smooth, 99.5)
    level = np.zeros(len(planes))
    for z, plane in enumerate(smooth):
        seen = plane[plane > least]
        if len(seen) > min(_LEAST_VOXELS, plane.size // 20):
            level[z] = np.percentile(seen, 95)
    if not level.any():
        return np.full(len(planes), np.inf, np.float32)
    if len(level) > 1:
        highest = level.max()
        level = gaussian_filter1d(level, _SMOOTH_PLANES_UM / spacing[0])
        level = np.maximum(level, _DIMMEST * highest)
    return level.astype(np.float32)


def find_surface(
    levelled: NDArray[np.float32], spacing: Sequence[float], settings: MembraneSettings
) -> NDArray[np.float32]:
    """Find the embryo: how deep below its outer membrane each voxel lies.

    Parameters
    ----------
    levelled : ndarray of float32, shape (Y, X) or (Z, Y, X)
        From `LevelledImage.on_grid`.
    spacing : sequence of float
        In µm.
    settings : MembraneSettings
        The brightness at which the embryo begins, how far inside of that its membrane lies, and
        how large gaps are that are closed.

    Returns
    -------
    ndarray of float32, the same shape
        Depth in µm, positive inside, 0 or less outside. Where the image ends the embryo is taken
        to go on.

    Notes
    -----
    The largest connected bright region is the embryo, and so is another of a twentieth of its
    size. The holes of each plane are filled, and what lies outside is outside of a surface that a
    ball of ``closing_um`` rolls over.
    """
    import edt
    from scipy.ndimage import binary_fill_holes, gaussian_filter

    step = np.asarray(spacing, dtype=np.float64)
    embryo = large_regions(gaussian_filter(levelled, _SMOOTH_UM / step) > settings.surface)
    if not embryo.any():
        return np.full(levelled.shape, -1, dtype=np.float32)
    room = [(max(2, int(np.ceil(settings.closing_um / s)) + 2),) * 2 for s in step]
    padded = np.pad(embryo, room, mode="edge")
    near = edt.edt(~padded, anisotropy=tuple(step)) <= settings.closing_um
    closed = edt.edt(near, anisotropy=tuple(step)) > settings.closing_um
    filled = closed | padded
    # Each plane by itself: above a dark nucleus the membrane can be too dim to close a volume.
    for plane in filled if filled.ndim == 3 else filled[None]:
        plane[...] = binary_fill_holes(plane)
    inside = filled[tuple(slice(a, -b) for a, b in room)]
    deeper = step.copy()
    if len(step) == 3:
        deeper[0] *= _Z_COUNTS
    depth = edt.edt(np.ascontiguousarray(inside), anisotropy=tuple(deeper))
    depth = np.minimum(depth, np.float32(1e4))  # an image without an outside has no depth
    return np.asarray(depth - settings.surface_depth_um, dtype=np.float32)


def snap_surface(
    depth: NDArray[np.float32],
    ridges: NDArray[np.float32],
    spacing: Sequence[float],
    settings: MembraneSettings,
) -> NDArray[np.float32]:
    """Move a surface to the ridge of the outer membrane nearby, and smooth it.

    Parameters
    ----------
    depth : ndarray of float32, shape (Y, X) or (Z, Y, X)
        From `find_surface`.
    ridges : ndarray of float32, the same shape
        From `ridge_strength`.
    spacing : sequence of float
        In µm.
    settings : MembraneSettings
        How far from the surface a ridge is looked for, and how far inside of it cells end.

    Returns
    -------
    ndarray of float32, the same shape
        Depth in µm below the end of cells, at most 2 µm to both sides of it.

    Notes
    -----
    A watershed of the ridges between what is surely inside and what is surely outside: where the
    membrane is dim, it stays within ``search_um`` of the closed surface.
    """
    import edt
    from scipy.ndimage import gaussian_filter
    from skimage.segmentation import watershed

    sides = np.where(depth > settings.search_um, 1, np.where(depth < -settings.search_um, 2, 0))
    inside = watershed(ridges, sides.astype(np.int32)) == 1
    if inside.all() or not inside.any():
        return depth
    step = tuple(spacing)
    signed = edt.edt(inside, anisotropy=step) - edt.edt(~inside, anisotropy=step)
    signed = np.clip(signed, -_BAND_UM, _BAND_UM).astype(np.float32)
    smooth = gaussian_filter(signed, np.divide(_SURFACE_SMOOTH_UM, step))
    return np.asarray(smooth - settings.outer_um, dtype=np.float32)


def between_surfaces(depth: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the surface half way from ``depth`` to ``other``, where they agree to 1 µm.

    Both are depths in µm. A ridge and a network err in different places. The farther they lie
    apart beyond 1 µm the less ``other`` counts, and from 2 µm on nothing: a network that knows
    nothing of an image cannot do harm.
    """
    apart = other - depth
    agreed = np.clip((_BAND_UM - np.abs(apart)) / (_BAND_UM - _AGREED_UM), 0, 1)
    return np.asarray(depth + apart / 2 * agreed, np.float32)


def surface_of_inside(
    inside: NDArray[np.float32], spacing: Sequence[float]
) -> NDArray[np.float32] | None:
    """Find the embryo in what a network calls inside: how deep each voxel lies in it.

    Parameters
    ----------
    inside : ndarray of float32, shape (Y, X) or (Z, Y, X)
        In 0..1.
    spacing : sequence of float
        In µm.

    Returns
    -------
    ndarray of float32, the same shape
        Depth in µm, at most 2 µm to both sides of the surface: the largest connected region of
        0.5 or more and others of a twentieth of its size, the holes of their planes filled,
        smoothed. ``None`` where there is none, or no outside.
    """
    import edt
    from scipy.ndimage import binary_fill_holes, gaussian_filter

    embryo = large_regions(inside >= _HALF)
    if not embryo.any():
        return None
    for plane in embryo if embryo.ndim == 3 else embryo[None]:
        plane[...] = binary_fill_holes(plane)
    if embryo.all():
        return None
    step = tuple(spacing)
    signed = edt.edt(embryo, anisotropy=step) - edt.edt(~embryo, anisotropy=step)
    signed = np.clip(signed, -_BAND_UM, _BAND_UM).astype(np.float32)
    return np.asarray(gaussian_filter(signed, np.divide(_INSIDE_SMOOTH_UM, step)), np.float32)
