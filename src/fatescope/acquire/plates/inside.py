"""What the files of a plate hold inside: stacks, movies or channels that no name tells of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from fatescope.acquire.images.single import read_one
from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.frame_times import date_frames, minutes_in_movie
from fatescope.acquire.plates.mixed_scale import mixed_scale
from fatescope.base import PROJECTION, FileFormatError, Finding, Image, PlateImage

_TRIES = 3
_Kind = tuple[tuple[str, ...], bool]
"""Channels of a file, and whether it is a projection."""


@dataclass(frozen=True, slots=True)
class _Sample:
    """The first file of a kind, opened, and the axes it had to be opened with."""

    image: Image
    axes: str | None


def look_inside(found: FoundPlate) -> FoundPlate:
    """Open the first file of each channel, and its first projection; widen the others alike.

    A file that cannot be read is no measure for the others: the next one is, of a few. Pages of a
    TIFF that does not say what they are, are planes. A file that differs from the first of its kind
    is named when it is read.
    """
    samples: dict[_Kind, _Sample | None] = {}
    tries: Counter[_Kind] = Counter()
    for file in found.images:
        kind = _kind(file)
        if samples.get(kind) is None and tries[kind] < _TRIES:
            tries[kind] += 1
            samples[kind] = _opened(file, found)
    found.images = [
        file if (sample := samples[_kind(file)]) is None else _widened(file, sample)
        for file in found.images
    ]
    for sample in samples.values():
        if sample is not None:
            found.spacing = sample.image.spacing.replaced_by(found.spacing)
    if found.format in ("imagexpress", "incucyte", "pattern"):
        sizes = {
            f"channel {', '.join(k[0])}": s.image.spacing.um("YX") or ()
            for k, s in samples.items()
            if s
        }
        found.findings += mixed_scale(sizes, found.spacing.um("YX") or ())
    movie = next((f for f in found.images if len(f.frames) > 1), None)
    if movie is not None and not found.minutes:
        _date_movie(found, movie)
    return found


def _date_movie(found: FoundPlate, movie: PlateImage) -> None:
    """Date frames that lie inside of files by the first movie, where it says so."""
    minutes = minutes_in_movie(movie.path)
    if len(minutes) == len(movie.frames):
        date_frames(found, dict(zip(movie.frames, minutes, strict=True)))


def _kind(file: PlateImage) -> _Kind:
    return file.channels, file.planes == (PROJECTION,)


def _opened(file: PlateImage, found: FoundPlate) -> _Sample | None:
    try:
        return _Sample(read_one(file.path, axes=None), None)
    except FileFormatError as error:
        try:
            return _Sample(read_one(file.path, axes="ZYX"), "ZYX")
        except FileFormatError:
            found.findings.append(
                Finding(file=str(file.path), rule="unreadable", severity="error", reason=str(error))
            )
            return None


def _widened(file: PlateImage, sample: _Sample) -> PlateImage:
    """Return the file with the frames, channels and planes that lie inside it."""
    image = sample.image
    frames, channels, planes = file.frames, file.channels, file.planes
    if image.size("T") > 1 and len(frames) == 1:
        frames = tuple(range(frames[0], frames[0] + image.size("T")))
    if image.size("Z") > 1 and len(planes) == 1:
        planes = tuple(range(max(planes[0], 0), max(planes[0], 0) + image.size("Z")))
    if image.size("C") > 1 and len(channels) == 1:
        names = image.channels or tuple(map(str, range(image.size("C"))))
        channels = tuple(f"{channels[0]} {name}".strip() for name in names)
    return replace(file, frames=frames, channels=channels, planes=planes, axes=sample.axes)
