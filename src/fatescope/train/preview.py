"""Sixteen augmented pairs on one sheet: what the network will be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.prepare.store import write_picture
from fatescope.train.crops import CropSource
from fatescope.train.pictures import load_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.prepare.store import Sample
    from fatescope.train.settings import CropSettings

_GAP = 4
_MAGENTA, _GREEN, _WHITE = (204, 121, 167), (0, 158, 115), (255, 255, 255)


def draw_preview(
    samples: Sequence[Sample], *, settings: CropSettings, seed: int, n: int = 16
) -> NDArray[np.uint8]:
    """Draw ``n`` crops as the network sees them, each beside its targets.

    Returns
    -------
    ndarray of uint8, shape (Y, X, 3)
        Pairs in rows of four: the picture; then distance in grey, outlines of the foreground in
        green and touching borders in magenta.
    """
    source = CropSource(
        load_pictures(samples, working_px=settings.diameter_px),
        settings=settings,
        seed=seed,
    )
    pairs = [_pair(*source.crop(i)) for i in range(n)]
    rows = [np.concatenate(pairs[i : i + 4], axis=1) for i in range(0, n, 4)]
    return np.concatenate(rows, axis=0)


def _pair(image: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = np.clip(image[0] * 255, 0, 255).astype(np.uint8)
    truth = np.repeat((target[1] * 160)[..., None].astype(np.uint8), 3, axis=2)
    inside = target[0] > 0
    edge = inside & ~_eroded(inside)
    truth[edge] = _GREEN
    truth[target[2] > 0] = _MAGENTA
    both = np.concatenate([np.repeat(grey[..., None], 3, axis=2), truth], axis=1)
    return np.pad(both, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=_WHITE[0])


def _eroded(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    out = inside.copy()
    out[1:] &= inside[:-1]
    out[:-1] &= inside[1:]
    out[:, 1:] &= inside[:, :-1]
    out[:, :-1] &= inside[:, 1:]
    return out


def write_preview(path: Path, samples: Sequence[Sample], *, settings: CropSettings) -> None:
    """Write the sheet of `draw_preview` as a PNG."""
    write_picture(path, draw_preview(samples, settings=settings, seed=0))
