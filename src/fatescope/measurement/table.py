"""The table of objects, from sums: the columns of the contract in their order, then more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.checks import check_spacing
from fatescope.base.errors import InputError
from fatescope.base.table import Table
from fatescope.measurement.shape import (
    centroids,
    covariances,
    ellipsoid_axes,
    equivalent_diameter,
    orientation_deg,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.measurement.sums import ObjectSums

Columns = dict[str, "NDArray[Any]"]


def objects_table(
    sums: ObjectSums,
    *,
    shape: tuple[int, ...],
    spacing_um: Sequence[float] | None = None,
    frame: int = 0,
) -> Table:
    """Return one row per object.

    Parameters
    ----------
    sums : ObjectSums
        Of the whole image; merge blocks first.
    shape : tuple of int
        Of the whole image, (Y, X) or (Z, Y, X).
    spacing_um : sequence of float, optional
        Distance of pixel centres along each axis, in axis order; without it no column is in µm.
    frame : int
        Written into the column ``frame``.

    Returns
    -------
    Table
        ``label, frame, z, y, x, bbox_y0, bbox_x0, bbox_y1, bbox_x1, area_px`` (3D
        ``volume_px``), with spacing ``area_um2`` (``volume_um3``), ``mean_<channel>``, then the
        columns that the page on measures explains.

    Raises
    ------
    InputError
        If ``shape`` or ``spacing_um`` does not fit the sums.
    """
    if len(shape) != sums.ndim:
        raise InputError(f"sums over {sums.ndim} axes do not fit an image of shape {shape}.")
    step = None if spacing_um is None else check_spacing(spacing_um, shape=shape, name="spacing_um")
    size, unit = ("area", 2) if sums.ndim == 2 else ("volume", 3)
    columns = _places(sums, frame)
    columns[f"{size}_px"] = sums.count
    if step is not None:
        columns[f"{size}_um{unit}"] = sums.count * step.prod()
    for name, channel in sums.channels.items():
        columns[f"mean_{name}"] = channel.mean(sums.count)
    columns |= _shapes(sums, np.ones(sums.ndim), "px")
    if step is not None:
        columns |= _shapes(sums, step, "um")
    if sums.ndim == 3:
        columns |= {"bbox_z0": sums.low[0], "bbox_z1": sums.high[0]}
    length = np.array(shape)[:, None]
    at_border = ((sums.low == 0) | (sums.high == length)) & (length > 1)
    columns["touches_border"] = at_border.any(axis=0).astype(np.int8)
    return Table(columns)


def _places(sums: ObjectSums, frame: int) -> Columns:
    at = centroids(sums)
    return {
        "label": sums.label,
        "frame": np.full(len(sums), frame, dtype=np.int64),
        "z": at[0] if sums.ndim == 3 else np.zeros(len(sums)),
        "y": at[-2],
        "x": at[-1],
        "bbox_y0": sums.low[-2],
        "bbox_x0": sums.low[-1],
        "bbox_y1": sums.high[-2],
        "bbox_x1": sums.high[-1],
    }


def _shapes(sums: ObjectSums, step: FloatArray, unit: str) -> Columns:
    """Return diameters and axes in ``unit``; ratios and angles replace those in px."""
    lengths, directions = ellipsoid_axes(covariances(sums, step))
    columns: Columns = {
        f"diameter_{unit}": equivalent_diameter(sums.count * step.prod(), ndim=sums.ndim),
        f"major_axis_{unit}": lengths[:, 0],
        f"minor_axis_{unit}": lengths[:, -1],
        "aspect": lengths[:, 0] / lengths[:, -1],
    }
    if sums.ndim == 2:
        columns["orientation_deg"] = orientation_deg(directions[:, :, 0])
        columns["ellipse_fill"] = 4 * sums.count * step.prod() / np.pi / lengths.prod(axis=1)
    else:
        columns["ellipse_fill"] = 6 * sums.count * step.prod() / np.pi / lengths.prod(axis=1)
    return columns
