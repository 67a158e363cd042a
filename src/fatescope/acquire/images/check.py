"""What can be wrong with an image that can be read: findings, not errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Finding, Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SATURATED_SHARE = 0.01
"""More than this share of the pixels at the end of the range: brightness there is lost."""
ODD_ASPECT = 50
"""A stack with this many times more planes or frames than rows or columns has odd axes."""


def check_image(image: Image) -> list[Finding]:
    """Say what is odd about an image as a whole: its scale and its axes. Reads no pixels.

    Parameters
    ----------
    image : Image
        After the user's own spacing was put in, so that what is given is not asked for.

    Returns
    -------
    list of Finding
        ``no-scale`` where the size of a pixel is unknown (with the absurd value, if the file
        gave one), ``odd-axes`` where axes look exchanged.
    """
    return [*_scale(image), *_axes(image)]


def _scale(image: Image) -> Iterator[Finding]:
    notes = getattr(image.pixels, "notes", ())
    unknown = [a for a in image.axes if a in "ZYX" and a not in image.spacing.steps]
    said = [n for n in notes if n.rule == "no-scale"]
    if unknown:
        yield from said or [
            Finding(
                file=image.name,
                rule="no-scale",
                severity="info",
                reason=f"The file gives no step along {', '.join(unknown)}; results are in pixels. "
                "Give it with --spacing-um.",
            )
        ]
    yield from (n for n in said if not unknown and "--interval-min" in n.reason)


def _axes(image: Image) -> Iterator[Finding]:
    yield from (n for n in getattr(image.pixels, "notes", ()) if n.rule == "odd-axes")
    plane = min(image.size("Y"), image.size("X"))
    for axis in (a for a in image.axes if a in "TCZ"):
        if image.size(axis) >= ODD_ASPECT * plane and plane < 32:
            yield Finding(
                file=image.name,
                rule="odd-axes",
                severity="warning",
                value=float(image.size(axis)),
                limit=float(ODD_ASPECT * plane),
                reason=f"There are {image.size(axis)} along {axis} and only {plane} pixels across. "
                "If axes are exchanged, give them with --axes.",
            )


def check_plane(
    pixels: NDArray[Any], *, file: str, frame: int | None = None, object: str | None = None
) -> list[Finding]:
    """Say what is odd about the pixels of one plane.

    Parameters
    ----------
    pixels : ndarray, any shape
        Of any real type; NaN and infinity are counted and left out of the rest.
    file : str
        For the findings.
    frame : int, optional
        Frame number, 0-based.
    object : str, optional
        For instance ``"z=4"`` for one plane of a stack.

    Returns
    -------
    list of Finding
        Out of ``not-finite``, ``empty`` (all black), ``constant``, ``saturated``.
    """
    place: dict[str, Any] = {"file": file, "frame": frame, "object": object}
    finite = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    found = []
    if finite.size < pixels.size:
        found.append(_not_finite(pixels.size - finite.size, pixels.size, place))
    if finite.size == 0:
        return found
    low, high = finite.min(), finite.max()
    if low == high:
        found.append(_flat(float(low), place))
    if (
        pixels.dtype.kind in "ui" and int(high) != int(low) + 1
    ):  # two neighbouring values are a mask
        found.extend(_saturated(pixels, int(high), place))
    return found


def _not_finite(n: int, total: int, place: dict[str, Any]) -> Finding:
    return Finding(
        **place,
        rule="not-finite",
        severity="error" if n == total else "warning",
        value=float(n),
        limit=0.0,
        reason=f"{n} of {total} pixels are NaN or infinite; they count as background.",
    )


def _flat(value: float, place: dict[str, Any]) -> Finding:
    if value == 0:
        reason = "All pixels are 0: the image is black, and nothing can be found in it."
        return Finding(**place, rule="empty", severity="warning", value=0.0, reason=reason)
    reason = f"All pixels have the value {value:g}; nothing can be found in it."
    return Finding(**place, rule="constant", severity="warning", value=value, reason=reason)


def _ends_a_range(value: int) -> bool:
    return value in (2**8 - 1, 2**10 - 1, 2**12 - 1, 2**14 - 1, 2**16 - 1, 2**32 - 1)


def _saturated(pixels: NDArray[Any], high: int, place: dict[str, Any]) -> Iterator[Finding]:
    """Find pixels at the end of an 8, 10, 12, 14, 16 or 32 bit range."""
    if not _ends_a_range(high):
        return
    share = float(np.count_nonzero(pixels == high)) / pixels.size
    if share > SATURATED_SHARE:
        yield Finding(
            **place,
            rule="saturated",
            severity="warning",
            value=round(share, 6),
            limit=SATURATED_SHARE,
            reason=f"{share:.1%} of the pixels have the highest value {high}: brightness there is "
            "lost. Record with less exposure if intensities matter.",
        )
