"""Compare an image with the kind of image that a model was trained on.

Seven numbers are taken from a normalised image on the working grid, so that neither exposure
nor magnification matters: where the background lies, which way intensities lean, and how much of
the structure is of which size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.models.inputs import ValueRange
from fatescope.models.likeness import measure_grain, measure_traits, smooth_once
from fatescope.numeric import Bins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription

_OCTAVES = 5
_WORDS = {
    "ground": ("its background is darker", "its background is brighter"),
    "lean": ("it has dark things on a light background", "its bright parts are rarer"),
    "share_1px": ("it has less fine grain", "it has more fine grain (noise)"),
    "share_2px": ("it has less fine structure", "it has more fine structure"),
    "share_4px": ("it has less structure within nuclei", "it has more structure within nuclei"),
    "share_8px": ("it has less structure of the size of nuclei", "it has more such structure"),
    "share_16px": ("it has less coarse structure", "it has more coarse structure"),
}
_MARGIN = {"ground": 0.1, "lean": 1.0}
_SHARE_MARGIN = 0.05
_LEAN_MARGIN = 0.5
"""Of a lean that is large: that of heavy tails differs by as much between two images of a kind."""
_RARE = {"ground": 0.01}
"""This part of the training images, at either end, does not widen what is expected: a few of a
rare kind among hundreds would let every kind pass (decision record 0139)."""

_BINS = Bins(-0.2, 1.5, 64)


def describe_input(image: NDArray[np.float32]) -> dict[str, float]:
    """Measure what `check_input` compares.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Normalised (ground near 0, bright near 1), on the working grid.

    Returns
    -------
    dict of str to float
        ``ground`` (the most common value), ``lean`` (skewness), and ``share_1px`` to
        ``share_16px``: the parts of the variance with structure of about that size; these need 32
        pixels a side. Empty for a flat image or one of a few pixels.
    """
    values = np.clip(image.astype(np.float64), _BINS.low, _BINS.high)
    spread = float(values.std())
    if values.size < 64 or spread < 1e-6:
        return {}
    away = values - values.mean()
    lean = float((away * away * away).mean()) / spread**3
    smooth = smooth_once(smooth_once(values))
    found = {"ground": _most_common(smooth), "lean": lean}
    return found if min(values.shape) < 2**_OCTAVES else {**found, **_shares(values, smooth)}


def _most_common(values: NDArray[np.float64]) -> float:
    """Return where smoothed values are densest: even between crowded nuclei, the background."""
    dense = np.convolve(_BINS.count(values), (1, 2, 3, 2, 1), "same")
    return float(_BINS.centre[int(dense.argmax())])


def _shares(values: NDArray[np.float64], smooth: NDArray[np.float64]) -> dict[str, float]:
    """Return how the variance is divided over octaves of size; ``smooth`` is blurred twice."""
    energy = []
    level = values
    for octave in range(_OCTAVES):
        if octave:
            smooth = smooth_once(smooth_once(level))
        energy.append(float(np.square(level - smooth).mean()))
        level = smooth[::2, ::2]
    total = max(sum(energy), 1e-12)
    return {f"share_{2**k}px": e / total for k, e in enumerate(energy)}


def expected_ranges(images: Sequence[dict[str, float]]) -> dict[str, ValueRange]:
    """Return the range of each number over training images, for a package's description."""
    seen: dict[str, list[float]] = {}
    for image in images:
        for name, value in image.items():
            seen.setdefault(name, []).append(value)
    return {name: _range(sorted(v), rare=_RARE.get(name, 0.0)) for name, v in seen.items()}


def _range(ordered: Sequence[float], *, rare: float) -> ValueRange:
    beyond = int(len(ordered) * rare)
    low, high = ordered[beyond], ordered[len(ordered) - 1 - beyond]
    return ValueRange(low=round(low, 4), high=round(high, 4))


def _margin(name: str, limit: float) -> float:
    margin = _MARGIN.get(name, _SHARE_MARGIN)
    return max(margin, _LEAN_MARGIN * abs(limit)) if name == "lean" else margin


def check_input(measured: dict[str, float], description: ModelDescription) -> list[str]:
    """Say in what an image is unlike the training images; an empty list where it is like them.

    Parameters
    ----------
    measured : dict of str to float
        From `describe_input`.
    description : ModelDescription
        Its ``expected`` ranges, widened by a margin; where it has none, the polarity alone.

    Returns
    -------
    list of str
        Clauses such as ``"its background is brighter (0.86; at most 0.08 in training)"``.
    """
    if not measured:
        return []
    found = []
    if (inverted := _polarity(measured, description)) is not None:
        found.append(inverted)
    for name, seen in description.image.expected.items():
        if name not in measured or (inverted is not None and name in ("ground", "lean")):
            continue
        value, below, above = measured[name], _margin(name, seen.low), _margin(name, seen.high)
        less, more = _WORDS.get(name, (f"{name} is less", f"{name} is more"))
        if value < seen.low - below:
            found.append(f"{less} ({value:.2f}; at least {seen.low:.2f} in training)")
        elif value > seen.high + above:
            found.append(f"{more} ({value:.2f}; at most {seen.high:.2f} in training)")
    return found


def check_likeness(
    image: NDArray[np.float32],
    description: ModelDescription,
    *,
    as_taken: NDArray[np.float32] | None = None,
) -> list[str]:
    """Say that an image is unlike the training images in many traits together.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        As for `describe_input`; `check_input` comes first, for it can say in what.
    description : ModelDescription
        One without weights of traits has nothing to say.
    as_taken : ndarray of float32, shape (Y, X), optional
        The middle on the image's own grid, normalised, where traits of its grain are weighed.
    """
    if description.image.likeness is None:
        return []
    traits = measure_traits(image)
    if traits and as_taken is not None:
        grain = measure_grain(as_taken)
        traits = traits | grain if grain else {}
    return check_traits(traits, description)


def check_traits(traits: dict[str, float], description: ModelDescription) -> list[str]:
    """Say what `check_likeness` does of traits that were measured; without any, nothing."""
    likeness = description.image.likeness
    if likeness is None or not traits:
        return []
    if (score := likeness.score(traits)) > likeness.limit:
        numbers = f"{score:.1f}; at most {likeness.limit:.1f} in training"
        return [f"its look as a whole is that of another kind ({numbers})"]
    if beyond := likeness.beyond(traits):
        return [f"no training image comes near it in {', '.join(beyond[:3])}"]
    return []


def looks_like(measured: dict[str, float], description: ModelDescription) -> bool:
    """Say whether an image could be of the kind that a model takes, whatever its magnification.

    Only ground and lean are compared: how much structure is of which size depends on the
    working size, which another model may have misjudged.
    """
    return not check_input(without_sizes(measured), description)


def without_sizes(measured: dict[str, float]) -> dict[str, float]:
    """Return the numbers that do not depend on the working size."""
    return {k: v for k, v in measured.items() if k in _MARGIN}


def _polarity(measured: dict[str, float], description: ModelDescription) -> str | None:
    dark = measured["lean"] < 0 and measured["ground"] > 0.5
    if description.image.polarity == "bright" and dark:
        return "it has dark things on a light background, the model was trained on the opposite"
    if description.image.polarity == "dark" and measured["lean"] > 0 and measured["ground"] < 0.5:
        return "it has bright things on a dark background, the model was trained on the opposite"
    return None
