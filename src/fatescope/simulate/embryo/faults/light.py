"""Faults of light: shutter, lamp, gain, focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from fatescope.simulate.embryo.faults.plan import Fault, Pixels, Render

_DARK = (0.08, 0.3)
_GAIN = (4.0, 8.0)
_BLUR_PX = (5.0, 9.0)
_FLICKER = (0.3, 0.5)


def black(render: Render, frame: int, fault: Fault) -> Pixels:
    """Show what a closed shutter leaves: a little noise of the detector."""
    true = render(frame)
    noise = np.random.default_rng([fault.seed, frame]).random(true.shape) < 0.02
    return noise.astype(np.uint8)


def dark(render: Render, frame: int, fault: Fault) -> Pixels:
    """Give much less light than the frames around have."""
    share = fault.rng().uniform(*_DARK)
    return _scaled(render(frame), 1 - (1 - share) * fault.strength)


def saturated(render: Render, frame: int, fault: Fault) -> Pixels:
    """Raise the gain too far: what is bright is white, the background is grey."""
    gain = 1 + (fault.rng().uniform(*_GAIN) - 1) * fault.strength
    lifted = render(frame).astype(np.float32) + 12 * fault.strength
    return np.asarray(np.clip(lifted * gain, 0, 255), dtype=np.uint8)


def blurred(render: Render, frame: int, fault: Fault) -> Pixels:
    """Lose the focus."""
    sigma = fault.rng().uniform(*_BLUR_PX) * fault.strength
    seen = ndi.gaussian_filter(render(frame).astype(np.float32), (sigma, sigma, 0))
    return np.asarray(np.rint(seen), dtype=np.uint8)


def flicker(render: Render, frame: int, fault: Fault) -> Pixels:
    """Make the lamp bright and dim by turns."""
    depth = fault.rng().uniform(*_FLICKER) * fault.strength
    return _scaled(render(frame), 1 + depth if (frame - fault.first) % 2 else 1 - depth)


def _scaled(pixels: Pixels, factor: float) -> Pixels:
    return np.asarray(np.clip(pixels.astype(np.float32) * factor, 0, 255), dtype=np.uint8)
