"""What the axes of a file are: said by the file, or by the user, never guessed from the shape."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.images.lazy import Chosen, Held, PlanePixels, Reordered, Trimmed
from fatescope.base import AXES, FileFormatError, Finding, InputError, escape, parse_axes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

Role = Literal["image", "labels", "part"]
"""What a file is to its reader: an image by itself; labels, whose stored numbers count and not the
colours or the brightness that they stand for; or a part of an image of many files."""
COMPARED_VALUES = 2**27
"""Up to this many values, the channels of a colour file are compared; larger ones stay colour."""


def with_axes(
    pixels: PlanePixels, stored: str, *, axes: str | None, colours: int, path: Path
) -> tuple[PlanePixels, str, tuple[str, ...]]:
    """Bring stored pixels into the order ``TCZYX``.

    Parameters
    ----------
    pixels : PlanePixels
        In stored order, with Y and X last.
    stored : str
        One letter for each axis, as the file says: letters out of ``TCZYX``, ``S`` for colour
        samples, and any other letter for an axis that the file does not name.
    axes : str or None
        What the user says, for the stored axes; wins over the file.
    colours : int
        How many of the samples are colours. What follows them is transparency: left out, with a
        finding where it varies, unless ``axes`` names the axis of the samples.
    path : Path
        The file, for messages.

    Returns
    -------
    pixels, axes, channel names

    Raises
    ------
    FileFormatError
        If an axis is not named, named twice, or not one that fatescope knows.
    """
    where = escape(path)
    if 0 in pixels.shape:
        raise FileFormatError(
            f"{where}: has shape {pixels.shape}, so it holds no pixels. Leave the file out."
        )
    check_shape(pixels.shape, where)
    names: tuple[str, ...] = ()
    if "S" in stored:
        pixels, stored, names = _without_samples(pixels, stored, colours, axes, path)
    pixels, stored = _without_single_unknowns(pixels, stored, axes)
    letters = _named(stored, axes, pixels.shape, where)
    order = tuple(letters.index(a) for a in AXES if a in letters and a not in "YX")
    if order != tuple(range(len(order))):
        pixels = Reordered(pixels, order)
    canonical = "".join(a for a in AXES if a in letters)
    return pixels, canonical, channel_names(canonical, pixels.shape, names)


def channel_names(letters: str, shape: Sequence[int], *said: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first list that has a name for each channel; an image without C has one."""
    n_channels = shape[letters.index("C")] if "C" in letters else 1
    return next((names for names in said if len(names) == n_channels), ())


def _without_samples(
    pixels: PlanePixels, stored: str, colours: int, axes: str | None, path: Path
) -> tuple[PlanePixels, str, tuple[str, ...]]:
    """Drop transparency; make three equal colours one grey plane, and other samples channels."""
    at = stored.index("S")
    if colours < pixels.shape[at] and not are_even(pixels, at, colours):
        if axes is not None and len(axes.strip()) == len(stored):
            return pixels, stored, ()
        said = "Colours are stored with transparency that varies; the transparency was left out."
        pixels.notes = (*pixels.notes, left_out(path, said))
    if colours < pixels.shape[at]:
        pixels = Trimmed(pixels, at, colours)
    asks_for_colour = axes is not None and set("CS") & set(axes.upper())
    if colours == 1 or (not asks_for_colour and samples_are_equal(pixels, at)):
        return Chosen(pixels, at, 0), stored.replace("S", ""), ()
    names = ("red", "green", "blue") if colours == 3 else ()
    return pixels, stored, names


def left_out(path: Path, what: str) -> Finding:
    """Return the finding that a part of a file was not used."""
    return Finding(file=str(path), rule="left-out", severity="warning", reason=what)


def no_light(where: str, kind: str) -> str:
    """Return the sentence for a file whose samples are not the brightness of channels."""
    return (
        f"{where}: stores {kind} and not red, green and blue. Save it as RGB or grey, or pass "
        "--axes CYX to read what is stored as channels."
    )


def check_turn(orientation: object, path: Path) -> list[Finding]:
    """Say that a file asks to be shown turned or mirrored (EXIF, TIFF), which is not done.

    Outlines lie on the stored grid, and Fiji, Bio-Formats and tifffile show that too.
    """
    if orientation not in (2, 3, 4, 5, 6, 7, 8):
        return []
    said = "The file asks to be shown turned or mirrored (orientation "
    return [left_out(path, f"{said}{orientation}); it was read as stored.")]


def are_even(pixels: PlanePixels, axis: int, first: int) -> bool:
    """Say whether all planes from ``first`` on along an axis have one value; not, if too large."""
    if np.prod(pixels.shape, dtype=np.float64) > COMPARED_VALUES:
        return False
    lengths = [range(n) for n in pixels.shape[:-2]]
    lengths[axis] = range(first, pixels.shape[axis])
    planes = (pixels[at] for at in itertools.product(*lengths))
    return all((plane == plane[0, 0]).all() for plane in planes)


def samples_are_equal(pixels: PlanePixels, axis: int) -> bool:
    """Say whether all indices of a leading axis hold the same values, up to a size limit."""
    if np.prod(pixels.shape, dtype=np.float64) > COMPARED_VALUES:
        return False
    others = pixels.shape[:axis] + pixels.shape[axis + 1 : -2]
    for at in np.ndindex(*others):
        planes = pixels[(*at[:axis], slice(None), *at[axis:])]
        if not np.array_equal(planes, np.broadcast_to(planes[:1], planes.shape), equal_nan=True):
            return False
    return True


def _without_single_unknowns(
    pixels: PlanePixels, stored: str, axes: str | None
) -> tuple[PlanePixels, str]:
    """Drop unnamed axes of length 1, unless the user gives a letter for each axis."""
    if axes is not None and len(axes.strip()) == len(stored):
        return pixels, stored
    for letter in [a for a in stored if a not in AXES + "S"]:
        at = stored.index(letter)
        if pixels.shape[at] == 1:
            pixels, stored = Chosen(pixels, at, 0), stored[:at] + stored[at + 1 :]
    return pixels, stored


def _named(stored: str, axes: str | None, shape: Sequence[int], where: str) -> str:
    """Return a letter out of ``TCZYX`` for every axis, or raise."""
    if axes is not None:
        return _as_the_user_says(stored, axes, shape, where)
    letters = stored.replace("S", "C")
    unnamed = [a for a in letters if a not in AXES]
    if unnamed or len(set(letters)) != len(letters):
        lengths = " x ".join(str(n) for n in shape)
        raise FileFormatError(
            f"{where}: stores {lengths} pixels and does not say what each axis is. "
            f"Pass --axes with one letter for each: {_suggestions(letters)}."
        )
    return letters


def _as_the_user_says(stored: str, axes: str, shape: Sequence[int], where: str) -> str:
    try:
        letters = parse_axes(axes)
    except InputError as error:
        raise FileFormatError(f"{where}: {error}") from error
    if len(letters) != len(stored):
        raise FileFormatError(
            f"{where}: --axes {axes} names {len(letters)} axes, but the file stores shape "
            f"{tuple(shape)}. Give one letter for each axis, out of TCZYX."
        )
    if not letters.endswith("YX"):
        raise FileFormatError(
            f"{where}: --axes {axes} must end in YX for this file. Y (rows) and X (columns) are "
            "stored last."
        )
    return letters


def _suggestions(letters: str) -> str:
    """Name the readings that are possible, most usual first."""
    free = [a for a in "TZC" if a not in letters]
    unnamed = [i for i, a in enumerate(letters) if a not in AXES or a in letters[:i]]
    if len(unnamed) == 1 and free:
        at = unnamed[0]
        texts = [f"--axes {letters[:at]}{a}{letters[at + 1 :]}" for a in free]
        return " or ".join(texts)
    return "for example --axes " + "TCZYX"[-max(2, min(5, len(letters))) :]


def held(pixels: NDArray[Any], stored: str) -> tuple[PlanePixels, str]:
    """Wrap decoded pixels with Y and X moved to the end."""
    others = [i for i, a in enumerate(stored) if a not in "YX"]
    order = [*others, stored.index("Y"), stored.index("X")]
    return Held(pixels.transpose(order)), "".join(stored[i] for i in order)
