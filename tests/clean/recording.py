"""A recording of bright nuclei that drift and divide, in memory, and faults put into it."""

from functools import lru_cache

import numpy as np

from fatescope.clean import CleanSettings, find_frame_faults, record_frames
from fatescope.simulate.embryo.faults import PlannedFault, faulty_frame

FRAMES, SHAPE = 130, (128, 176)


@lru_cache(maxsize=1)
def recording():
    """Frames (T, Y, X, 3) of uint8: nuclei in green, some red light, noise."""
    rng = np.random.default_rng(3)
    y, x = np.indices(SHAPE)
    places = rng.uniform(0.15, 0.85, (30, 2)) * SHAPE
    drift = rng.normal(0, 0.15, (30, 2))
    born = np.concatenate([np.zeros(12), rng.uniform(10, 120, 18)])
    movie = np.zeros((FRAMES, *SHAPE, 3), dtype=np.uint8)
    for t in range(FRAMES):
        light = np.zeros(SHAPE)
        for (py, px), (dy, dx), at in zip(places, drift, born, strict=True):
            if t >= at:
                away = (y - py - dy * t) ** 2 + (x - px - dx * t) ** 2
                light += 150 * np.exp(-away / 50)
        noise = rng.poisson(np.stack([light * 0.2 + 3, light + 3, light * 0.1 + 2], axis=-1))
        movie[t] = np.clip(noise, 0, 255)
    return movie


def render(frame):
    return recording()[frame]


def found_in(frames, settings=None):
    """Return (frame, rule) of all that the rules find in frames (Y, X, 3)."""
    record = record_frames((np.moveaxis(f, -1, 0) for f in frames), highest=255)
    faults = find_frame_faults(record, settings or CleanSettings())
    return {(f.frame, f.rule) for f in faults}


def with_fault(rule, first, last, *, seed, strength=1.0):
    """Return all frames of the recording with one fault, and its (frame, rule) pairs."""
    fault = PlannedFault(rule, first, last, strength, seed)
    frames = [faulty_frame(render, t, [fault]) for t in range(FRAMES)]
    return frames, {(t, rule) for t in range(first, last + 1)}
