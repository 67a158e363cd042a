"""Faults of place: a stage that moved, a frame that was cut or torn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.simulate.embryo.faults.plan import Fault, Pixels, Render

_CUT = (0.2, 0.45)
_JUMP = (0.06, 0.14)
_TEAR = (0.05, 0.14)


def cropped(render: Render, frame: int, fault: Fault) -> Pixels:
    """Make one side of the frame black."""
    rng = fault.rng()
    side, share = int(rng.integers(4)), rng.uniform(*_CUT) * fault.strength
    pixels = np.rot90(render(frame), side).copy()
    pixels[: int(share * len(pixels))] = 0
    return np.ascontiguousarray(np.rot90(pixels, -side))


def jump(render: Render, frame: int, fault: Fault) -> Pixels:
    """Move the stage: all lies elsewhere, and comes back."""
    rng = fault.rng()
    angle = rng.uniform(0, 2 * np.pi)
    pixels = render(frame)
    far = rng.uniform(*_JUMP) * fault.strength * pixels.shape[1]
    return _shifted(pixels, round(far * np.sin(angle)), round(far * np.cos(angle)))


def torn(render: Render, frame: int, fault: Fault) -> Pixels:
    """Take the rows below a tear from the frame before, shifted sideways."""
    rng = fault.rng()
    pixels, before = render(frame).copy(), render(frame - 1)
    row = int(rng.uniform(0.35, 0.65) * len(pixels))
    far = rng.uniform(*_TEAR) * fault.strength * pixels.shape[1] * rng.choice([-1, 1])
    pixels[row:] = np.roll(before, round(far), axis=1)[row:]
    return pixels


def _shifted(pixels: Pixels, down: int, right: int) -> Pixels:
    """Return pixels elsewhere; what comes into the field is black."""
    out = np.zeros_like(pixels)
    height, width = pixels.shape[:2]
    rows, columns = (
        slice(max(down, 0), height + min(down, 0)),
        slice(max(right, 0), width + min(right, 0)),
    )
    from_rows = slice(max(-down, 0), height + min(-down, 0))
    from_columns = slice(max(-right, 0), width + min(-right, 0))
    out[rows, columns] = pixels[from_rows, from_columns]
    return out
