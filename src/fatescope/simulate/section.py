"""Rendered sections of embryos as a transmission electron microscope shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.simulate.optics import blur
from fatescope.simulate.section_background import draw_frame, draw_resin, soil
from fatescope.simulate.section_body import draw_section_body, renumbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import LabelImage
    from fatescope.simulate.settings import SectionSettings

_VARIED = {
    # setting: smallest and largest factor at full variation
    "diameter_px": (0.65, 1.6),
    "cells": (0.15, 3.0),
    "contrast": (0.55, 1.11),
    "cytoplasm": (0.6, 1.5),
    "chromatin": (0.3, 2.0),
    "granules": (0.1, 3.0),
    "vacuoles": (0.1, 3.0),
    "dirt": (0.1, 3.0),
    "blur_px": (0.4, 3.0),
    "noise": (0.2, 3.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSection:
    """One image, and the outlines of its nuclei.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (Y, X)
        Grey values; resin is bright.
    labels : ndarray of unsigned int, shape (Y, X)
        0 = background, 1..n one nucleus each.
    """

    pixels: NDArray[np.uint8]
    labels: LabelImage


def simulate_section(settings: SectionSettings, *, seed: int) -> SimulatedSection:
    """Render one section of an embryo, with exact truth.

    Parameters
    ----------
    settings : SectionSettings
        What is to be seen; ``count`` and ``vary`` are not used here, see `vary_section`.
    seed : int
        The same seed and settings give the same image, bit for bit.

    Returns
    -------
    Section

    Notes
    -----
    Cells are the nearest-point regions of relaxed points inside a lumpy outline. Nuclei are wavy
    ellipses, smaller where the section cuts a cap, with clumps of chromatin, an envelope and at
    times a nucleolus. What misleads is drawn too: vacuoles as bright as nuclei, yolk granules,
    an eggshell, dirt, folds, a plate with digits, numbers written on nuclei. There are no
    chromosomes in division, and nothing is taken from real images.

    Examples
    --------
    >>> from fatescope.simulate import SectionSettings, simulate_section
    >>> section = simulate_section(SectionSettings(height=200, width=240), seed=1)
    >>> section.pixels.shape, section.pixels.dtype
    ((200, 240), dtype('uint8'))
    """
    ground, body, camera = (np.random.default_rng([seed, part]) for part in range(3))
    image = draw_resin(settings, ground)
    labels, covered = draw_section_body(image, settings, body)
    soil(image, covered, settings, ground)
    image = blur(image, settings.blur_px)
    if settings.plate:
        labels = renumbered(np.where(draw_frame(image, ground), 0, labels))
    grain = camera.normal(0, settings.noise, image.shape)
    image = image + 0.6 * grain + 0.8 * ndi.gaussian_filter(grain, 0.8)
    pixels = np.clip(np.rint(255 * image), 0, 255).astype(np.uint8)
    return SimulatedSection(
        pixels=pixels, labels=labels.astype(np.min_scalar_type(int(labels.max())))
    )


def vary_section(settings: SectionSettings, *, seed: int) -> SectionSettings:
    """Return settings with another look, drawn at random around the given ones.

    Each amount is multiplied by a random factor; ``settings.vary`` says how far it may be from 1.
    """
    rng = np.random.default_rng([seed, 9])
    changes: dict[str, float | int | bool] = {}
    for name, (low, high) in _VARIED.items():
        factor = np.exp(settings.vary * rng.uniform(np.log(low), np.log(high)))
        value = float(getattr(settings, name)) * float(factor)
        changes[name] = max(1, round(value)) if name == "cells" else value
    changes["contrast"] = min(max(float(changes["contrast"]), 0.15), 1.0)
    changes["cytoplasm"] = min(max(float(changes["cytoplasm"]), 0.1), 0.7)
    changes["plate"] = settings.plate and bool(rng.random() > 0.4 * settings.vary)
    return settings.replace(**changes)
