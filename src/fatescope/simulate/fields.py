"""Still images of nuclei, each with a look of its own, and labels of what is seen in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.simulate.nuclei import simulate_image
from fatescope.simulate.settings import NucleiMovieSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, LabelImage
    from fatescope.simulate.settings import FieldSettings

_VARIED = {
    # setting of a movie: smallest and largest factor at full variation
    "diameter_px": (0.6, 1.7),
    "diameter_spread": (0.7, 2.5),
    "aspect": (0.9, 1.45),
    "density": (0.27, 1.7),
    "touching_share": (0.5, 2.0),
    "brightness_spread": (0.85, 3.4),
    "texture": (0.3, 2.0),
    "background": (0.2, 2.0),
    "unevenness": (0.1, 2.8),
    "haze": (0.3, 2.8),
    "blur_px": (0.6, 1.8),
    "defocus_share": (0.1, 2.6),
    "photons": (0.12, 3.0),
}

UNSEEN = 65_535
"""Label of nuclei that do not stand out: where they lie, nothing is to be trained on."""

_CONTRAST, _SHARE = 1.5, 0.01
"""A nucleus is seen if it is brighter than the ring around it by this many standard deviations of
the ring, and by this share of the image's range."""


def simulate_field(settings: FieldSettings, *, seed: int) -> tuple[NDArray[np.uint16], LabelImage]:
    """Render one image of nuclei: pixels and labels, both of shape (Y, X).

    Parameters
    ----------
    settings : FieldSettings
        What is to be seen; ``count`` is not used here.
    seed : int
        The same seed and settings give the same look and the same image, bit for bit.

    Returns
    -------
    pixels : ndarray of uint16
    labels : ndarray of uint16
        1..n one nucleus each; `UNSEEN` where nuclei do not stand out from what is around them (too
        dim, or lost in the glow of another): nobody could say whether they are to be found.

    Examples
    --------
    >>> from fatescope.simulate import FieldSettings, simulate_field
    >>> pixels, labels = simulate_field(FieldSettings(height=96, width=128), seed=1)
    >>> pixels.shape == labels.shape == (96, 128)
    True
    """
    pixels, labels = simulate_image(vary_field(settings, seed=seed), seed=seed)
    keep = seen(pixels, labels)
    number = np.where(keep, np.cumsum(keep), UNSEEN)
    return pixels, np.concatenate([[0], number]).astype(np.uint16)[labels]


def vary_field(settings: FieldSettings, *, seed: int) -> NucleiMovieSettings:
    """Return the look of one image, drawn at random around the defaults of a movie.

    Each amount is multiplied by a random factor; ``settings.vary`` says how far it may be from 1.
    """
    rng = np.random.default_rng([seed, 8])
    usual = NucleiMovieSettings()
    look = NucleiMovieSettings(
        frames=1,
        height=settings.height,
        width=settings.width,
        diameter_px=settings.diameter_px,
        blur_px=usual.blur_px * settings.diameter_px / usual.diameter_px,
    )
    factors = {
        name: float(np.exp(settings.vary * rng.uniform(np.log(low), np.log(high))))
        for name, (low, high) in _VARIED.items()
    }
    changes = {name: getattr(look, name) * factor for name, factor in factors.items()}
    changes["blur_px"] *= factors["diameter_px"]  # an objective that shows more shows it as sharp
    return look.replace(**changes)


def seen(pixels: NDArray[np.uint16], labels: LabelImage) -> BoolArray:
    """Return for each label from 1 whether it stands out from the ring around it.

    Parameters
    ----------
    pixels : ndarray, shape (Y, X)
    labels : ndarray of int, shape (Y, X)

    Returns
    -------
    ndarray of bool, shape (n,)
        For labels 1..n. One that leaves no room for a ring counts as seen.
    """
    smooth = ndi.gaussian_filter(pixels.astype(np.float32), 1.0)
    low, high = np.percentile(smooth, (1.0, 99.8))
    found = np.zeros(int(labels.max(initial=0)), np.bool_)
    for i, box in enumerate(ndi.find_objects(labels)):
        if box is None:
            continue
        reach = max(3, round(0.16 * max(s.stop - s.start for s in box)))
        near = tuple(slice(max(0, s.start - reach), s.stop + reach) for s in box)
        own = labels[near] == i + 1
        ring = ndi.binary_dilation(own, iterations=reach) & (labels[near] == 0)
        light = smooth[near]
        if ring.sum() < 10:
            found[i] = True
            continue
        above = float(np.median(light[own]) - np.median(light[ring]))
        found[i] = above >= _CONTRAST * float(light[ring].std()) + _SHARE * float(high - low)
    return found
