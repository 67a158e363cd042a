"""Checks of array arguments that many folders share; they raise `InputError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, LabelImage


def check_label_image(labels: LabelImage, *, name: str) -> None:
    """Raise unless ``labels`` is a 2D or 3D array of whole numbers that are not negative."""
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"`{name}` must hold whole numbers, 0 for background; got dtype {labels.dtype}. "
            "Convert a boolean foreground with connected components first."
        )
    if labels.ndim not in (2, 3):
        raise InputError(f"`{name}` must be (Y, X) or (Z, Y, X); got shape {labels.shape}.")
    if labels.size and np.issubdtype(labels.dtype, np.signedinteger) and labels.min() < 0:
        raise InputError(f"`{name}` must not hold negative numbers; got {labels.min()}.")


def check_spacing(spacing_um: Sequence[float], *, shape: tuple[int, ...], name: str) -> FloatArray:
    """Return ``spacing_um`` as float64, or raise if it does not fit the axes of ``shape``."""
    spacing = np.asarray(spacing_um, dtype=np.float64)
    if spacing.shape != (len(shape),) or not (np.isfinite(spacing) & (spacing > 0)).all():
        raise InputError(
            f"`{name}` must hold {len(shape)} positive numbers, one for each axis of an image of "
            f"shape {shape}; got {tuple(spacing_um)}. Give them in axis order, in µm."
        )
    return spacing
