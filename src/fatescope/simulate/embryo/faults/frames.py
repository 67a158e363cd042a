"""Faults of recorded frames: of light, of place, of the sequence, and red dirt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fatescope.base.types import BoolArray
    from fatescope.simulate.embryo.faults.plan import Pixels, PlannedFault, Render

_DARK = (0.08, 0.3)
_GAIN = (4.0, 8.0)
_BLUR_PX = (5.0, 9.0)
_FLICKER = (0.3, 0.5)
"""Drawn from these: light left, gain, blur, and by how much a lamp flickers; not measured."""


def black(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Show what a closed shutter leaves: a little noise of the detector."""
    true = render(frame)
    noise = np.random.default_rng([fault.seed, frame]).random(true.shape) < 0.02
    return noise.astype(np.uint8)


def dark(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Give much less light than the frames around have."""
    share = fault.rng().uniform(*_DARK)
    return _scaled(render(frame), 1 - (1 - share) * fault.strength)


def saturated(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Raise the gain too far: what is bright is white, the background is grey."""
    gain = 1 + (fault.rng().uniform(*_GAIN) - 1) * fault.strength
    lifted = render(frame).astype(np.float32) + 12 * fault.strength
    return np.asarray(np.clip(lifted * gain, 0, 255), dtype=np.uint8)


def blurred(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Lose the focus."""
    sigma = fault.rng().uniform(*_BLUR_PX) * fault.strength
    seen = ndi.gaussian_filter(render(frame).astype(np.float32), (sigma, sigma, 0))
    return np.asarray(np.rint(seen), dtype=np.uint8)


def flicker(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Make the lamp bright and dim by turns."""
    depth = fault.rng().uniform(*_FLICKER) * fault.strength
    return _scaled(render(frame), 1 + depth if (frame - fault.first) % 2 else 1 - depth)


def _scaled(pixels: Pixels, factor: float) -> Pixels:
    return np.asarray(np.clip(pixels.astype(np.float32) * factor, 0, 255), dtype=np.uint8)


_CUT = (0.2, 0.45)
_JUMP = (0.06, 0.14)
_TEAR = (0.05, 0.14)
"""Shares of the frame's width, or of the side that is cut; not measured."""


def cropped(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Make one side of the frame black."""
    rng = fault.rng()
    side, share = int(rng.integers(4)), rng.uniform(*_CUT) * fault.strength
    pixels = np.rot90(render(frame), side).copy()
    pixels[: int(share * len(pixels))] = 0
    return np.ascontiguousarray(np.rot90(pixels, -side))


def jump(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Move the stage: all lies elsewhere, and comes back."""
    rng = fault.rng()
    angle = rng.uniform(0, 2 * np.pi)
    pixels = render(frame)
    far = rng.uniform(*_JUMP) * fault.strength * pixels.shape[1]
    return _shifted(pixels, round(far * np.sin(angle)), round(far * np.cos(angle)))


def torn(render: Render, frame: int, fault: PlannedFault) -> Pixels:
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


_ELSEWHERE = (50, 110)
"""A foreign frame comes from so many frames away."""


def repeated(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Show the last true frame again: once (duplicate), or for a while (frozen)."""
    return render(fault.first - 1)


def foreign(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Show a frame of another time and pose, as some published movies do at the start."""
    away = int(fault.rng().integers(*_ELSEWHERE))
    return render(frame - away if frame >= away else frame + away)[:, ::-1].copy()


_BAND, _STROKE_PX = (0.04, 0.12), (3.0, 7.0)
_SHAPE = (0.06, 0.13)
_RED = (250, 30, 20)
"""Depth of a band and size of a shape as shares of the height; RGB. Not measured."""


def line(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Draw a saturated red band along the edge with a curved border, or a straight line."""
    rng = fault.rng()
    pixels = render(frame)
    draw = _band if rng.random() < 0.6 else _stroke
    return _painted(pixels, draw(pixels.shape[:2], fault.strength, rng))


def patch(render: Render, frame: int, fault: PlannedFault) -> Pixels:
    """Draw a saturated red shape on the embryo: irregular, or a square."""
    rng = fault.rng()
    pixels = render(frame)
    draw = _blot if rng.random() < 0.7 else _square
    return _painted(pixels, draw(pixels.shape[:2], fault.strength, rng))


def _painted(pixels: Pixels, where: BoolArray) -> Pixels:
    out = pixels.copy()
    out[where] = _RED
    return out


def _band(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    side = int(rng.integers(4))
    height, width = shape if side % 2 == 0 else shape[::-1]
    x = np.linspace(0, 1, width)
    depth = rng.uniform(*_BAND) * height * strength
    bow = 1 + 0.7 * np.sin(np.pi * (x * rng.uniform(0.6, 1.6) + rng.uniform(0, 1)))
    band = np.arange(height)[:, None] < (depth * bow)[None]
    return np.ascontiguousarray(np.rot90(band, side))


def _stroke(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    y, x = np.indices(shape)
    turn, through = rng.uniform(0, np.pi), rng.uniform(0.25, 0.75, 2) * shape
    away = (y - through[0]) * np.cos(turn) - (x - through[1]) * np.sin(turn)
    return np.asarray(np.abs(away) < rng.uniform(*_STROKE_PX) * strength / 2)


def _blot(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    y, x = np.indices(shape)
    middle = rng.uniform(0.35, 0.65, 2) * shape
    theta = np.arctan2(y - middle[0], x - middle[1])
    edge = rng.uniform(*_SHAPE) * shape[0] * strength * np.ones(shape)
    for k in (2, 3, 5, 7):
        edge *= 1 + rng.uniform(0.05, 0.25) * np.cos(k * theta + rng.uniform(0, 2 * np.pi))
    inside = np.hypot(y - middle[0], x - middle[1]) < edge
    return np.asarray(ndi.binary_opening(inside, iterations=1))


def _square(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> BoolArray:
    half = rng.uniform(*_SHAPE) * shape[0] * strength
    middle = rng.uniform(0.35, 0.65, 2) * shape
    y, x = np.indices(shape)
    return np.asarray((np.abs(y - middle[0]) < half) & (np.abs(x - middle[1]) < half))


FRAME_FAULTS: Mapping[str, Callable[[Render, int, PlannedFault], Pixels]] = {
    "black": black,
    "dark": dark,
    "saturated": saturated,
    "blurred": blurred,
    "flicker": flicker,
    "cropped": cropped,
    "jump": jump,
    "torn": torn,
    "frozen": repeated,
    "duplicate": repeated,
    "foreign": foreign,
    "line": line,
    "patch": patch,
}
"""By rule; each takes the true recording, the number of a frame and the fault."""


def faulty_frame(render: Render, frame: int, faults: Sequence[PlannedFault]) -> Pixels:
    """Return one frame (Y, X, 3) of a recording with its faults.

    Parameters
    ----------
    render : callable
        Gives the true frame of a number; the recording may be rendered or real.
    frame : int
    faults : sequence of PlannedFault
        As from `plan_faults`: at most one in each frame.
    """
    for fault in faults:
        if fault.first <= frame <= fault.last:
            return FRAME_FAULTS[fault.rule](render, frame, fault)
    return render(frame)
