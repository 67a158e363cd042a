"""What can be wrong with an image that can be read: findings, not errors."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fatescope.acquire.images.gauge import blank_planes, gauges_of, unknown_frames
from fatescope.base import Finding, Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fatescope.acquire.images.gauge import Gauge

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
        gave one), ``odd-axes`` where axes look exchanged, ``left-out`` where the file holds more
        than was read, ``uneven-times`` where it says that frames are not evenly apart.
    """
    return [*_scale(image), *_axes(image), *check_left_out(image)]


def check_left_out(image: Image) -> list[Finding]:
    """Say what a file holds beside the pixels that are read, and what it says and is not used."""
    rules = ("left-out", "mixed-scale", "uneven-times")
    return [n for n in getattr(image.pixels, "notes", ()) if n.rule in rules]


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


def check_pixels(image: Image, *, channel: int | None = None) -> list[Finding]:
    """Say what is odd about the pixels that were read of an image; reads none itself.

    Parameters
    ----------
    image : Image
        From `gauged`, after its pixels were read.
    channel : int, optional
        The channel in which something is looked for: where it is empty, others do not help.
        Without one, an image is empty where all its channels are.

    Returns
    -------
    list of Finding
        Out of ``not-finite``, ``empty`` (all black), ``constant``, ``saturated``, frame by frame,
        ``empty`` also where planes between others of a stack have one value;
        and ``unreadable`` for each frame of a movie that could not be decoded.
    """
    found = [*_unknown(image)]
    for frame, seen in gauges_of(image):
        place: dict[str, Any] = {"file": image.name, "frame": frame}
        looked_at = [seen[channel]] if channel in seen else list(seen.values())
        found += _not_finite(image, seen, place)
        if all(g.flat for g in looked_at):
            found.append(_flat(max(g.high for g in looked_at), place))
        found += _saturated(image, seen, place)
    return [*found, *_blank_planes(image, channel)]


def check_film(image: Image) -> list[Finding]:
    """Say the same of a movie whose single frames have rules of their own: one finding a rule."""
    unknown = [*_unknown(image)]
    found = check_pixels(image)[len(unknown) :]
    by_rule: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in found:
        by_rule.setdefault((finding.rule, finding.object), []).append(finding)
    n = image.size("T") - len(unknown)
    return unknown + [
        replace(worst, frame=None, reason=f"In {len(group)} of {n} frames, at most: {worst.reason}")
        for (rule, _), group in by_rule.items()
        if (worst := max(group, key=lambda f: f.value or 0))
        and (rule not in ("empty", "constant") or len(group) == n)
    ]


def _unknown(image: Image) -> Iterator[Finding]:
    for frame in sorted(unknown_frames(image)):
        yield Finding(
            file=image.name,
            frame=frame,
            rule="unreadable",
            severity="error",
            reason=f"Frame {frame} cannot be decoded: it, or one that it builds on, is damaged. It "
            "is unknown and keeps its place in time. Copy the film again if you can.",
        )


def _channels(
    image: Image, seen: Mapping[int, Gauge], place: Mapping[str, Any]
) -> Iterator[tuple[Gauge, dict[str, Any]]]:
    """Yield each channel that was read, and the place of its findings."""
    for channel, gauge in seen.items():
        name = image.channels[channel] if image.channels else str(channel)
        of = f"channel {name}" if image.size("C") > 1 else None
        yield gauge, {**place, "object": of}


def _not_finite(
    image: Image, seen: Mapping[int, Gauge], place: Mapping[str, Any]
) -> Iterator[Finding]:
    for gauge, at in _channels(image, seen, place):
        n, total = gauge.n_not_finite, gauge.n_pixels
        if n:
            yield Finding(
                **at,
                rule="not-finite",
                severity="error" if n == total else "warning",
                value=float(n),
                limit=0.0,
                reason=f"{n} of {total} pixels are NaN or infinite; they count as background, and "
                "means leave them out.",
            )


def _flat(value: float, place: Mapping[str, Any]) -> Finding:
    return Finding(
        **place,
        rule="empty" if value == 0 else "constant",
        severity="warning",
        value=float(value),
        reason=f"All pixels have the value {value:g}; nothing can be found in them.",
    )


def _blank_planes(image: Image, wanted: int | None) -> Iterator[Finding]:
    """Say which planes between others are blank: a plane was lost when the stack was written."""
    for frame, channel, planes in blank_planes(image):
        if channel == wanted or wanted is None:
            yield Finding(
                file=image.name,
                frame=frame,
                rule="empty",
                severity="warning",
                value=float(len(planes)),
                limit=0.0,
                reason=f"Of the planes between others, {', '.join(map(str, planes[:10]))} (from 0"
                f"{', and more' if len(planes) > 10 else ''}) have one value everywhere: they may "
                "have been lost. What goes through them may be found as two.",
            )


def _saturated(
    image: Image, seen: Mapping[int, Gauge], place: Mapping[str, Any]
) -> Iterator[Finding]:
    """Find pixels at the end of an 8, 10, 12, 14, 16 or 32 bit range."""
    for gauge, at in _channels(image, seen, place):
        share = gauge.n_highest / gauge.n_pixels
        mask = gauge.high == gauge.low + 1  # two neighbouring values
        if share > SATURATED_SHARE and not mask:
            yield Finding(
                **at,
                rule="saturated",
                severity="warning",
                value=round(share, 6),
                limit=SATURATED_SHARE,
                reason=f"{share:.1%} of the pixels have the highest value {gauge.high:g}: "
                "brightness there is lost. Record with less exposure if intensities matter.",
            )
