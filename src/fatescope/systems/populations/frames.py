"""A movie as the counting network and the rules of `clean` see it, read once, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_exclusions, unknown_frames
from fatescope.base import InputError, excluded_frames
from fatescope.base.errors import SettingsError
from fatescope.clean import CleanSettings, find_frame_faults, record_frames
from fatescope.models import (
    check_input,
    check_traits,
    describe_input,
    measure_grain,
    measure_traits,
)
from fatescope.models.likeness import SIDE_PX
from fatescope.prepare.movies import marker_channel
from fatescope.systems.populations.inference import (
    CountChances,
    border_share,
    level_frame,
    pad_frame,
    reduction,
    shrink_frame,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.base.types import BoolArray, FloatArray
    from fatescope.models import ModelDescription
    from fatescope.predict import Predictor
    from fatescope.systems.populations.settings import PopulationSettings

LEAST_FRAMES = 8  # as `clean` needs by default; not measured
_LIKENESS_FRAMES = 12  # of a movie are held against the training data; not measured
_EDGE_PX = 32  # least side of a frame; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMovie:
    """What the network and the cleaning say of each frame.

    Parameters
    ----------
    logits : ndarray of float32, shape (frames, bins + 1)
    used : ndarray of bool, shape (frames,)
        Frames without a fault.
    rules : mapping of int to str
        Why a frame is not used.
    unlike : tuple of str
        In what the movie is unlike the training data; empty where it is like them.
    border : float
        See `border_share`.
    traits : dict of str to float
        Medians over some frames all along the movie: `measure_traits` of small ones,
        `measure_grain` at up to twice their size, where a recording and its half look alike.
    """

    logits: FloatArray
    used: BoolArray
    rules: Mapping[int, str]
    unlike: tuple[str, ...]
    border: float
    traits: dict[str, float]


def check_movie(image: Image) -> None:
    """Raise an `InputError` where an image is no movie of which cells can be counted."""
    if "T" not in image.axes or image.size("Z") > 1:
        raise InputError(
            f"{image.name}: has the axes {image.axes}; a movie of maximum projections is wanted "
            "(TYX or TCYX). Project volumes first, or give numbered files with --sequence."
        )
    if image.size("T") < LEAST_FRAMES:
        raise InputError(
            f"{image.name}: has {image.size('T')} frames; {LEAST_FRAMES} are the least from which "
            "a tempo can be told."
        )
    if min(image.size("Y"), image.size("X")) < _EDGE_PX:
        raise InputError(
            f"{image.name}: frames of {image.size('X')} x {image.size('Y')} pixels are too small "
            f"to count nuclei; {_EDGE_PX} x {_EDGE_PX} are the least."
        )


def look_at_movie(image: Image, settings: PopulationSettings, *, predictor: Predictor) -> SeenMovie:
    """Read a movie once, frame by frame, and return what the network and `clean` say of it."""
    n = image.size("T")
    channel = counted_channel(image, settings)
    times = reduction((image.size("Y"), image.size("X")))
    finer = max(1, times // 2)
    white = 255.0 if image.dtype == np.uint8 else _white(image, channel)
    description = predictor.description
    run = _runner(predictor)
    # One array: a small one for each frame would lie between those of the pixels and pin them.
    n_logits = len(description.output_as(CountChances).channels)
    logits = np.zeros((n, n_logits), dtype=np.float32)
    measured: list[dict[str, float]] = []
    some: list[FloatArray] = []
    traits: list[dict[str, float]] = []
    every = max(1, n // _LIKENESS_FRAMES)

    def frames() -> Iterator[NDArray[Any]]:
        for t in range(n):
            pixels = image.read(T=t)
            plane = pixels[channel] if pixels.ndim == 3 else pixels
            level = level_frame(shrink_frame(plane, times), white=white)
            if t % every == every // 2:
                measured.append(describe_input(level))
                some.append(level)
                taken = level_frame(shrink_frame(middle_of(plane), finer), white=white)
                traits.append(measure_traits(level) | measure_grain(taken))
            logits[t] = run(pad_frame(level))[0]
            yield pixels

    rules: dict[int, str] = {}
    if settings.clean and n >= LEAST_FRAMES:
        record = record_frames(frames(), highest=white)
        rules = {f.frame: f.rule for f in find_frame_faults(record, CleanSettings())}
    else:
        for _ in frames():
            pass
    rules |= dict.fromkeys(unknown_frames(image), "unreadable")
    if settings.exclude is not None:
        gone = excluded_frames(read_exclusions(settings.exclude), image.name, n)
        gone |= excluded_frames(read_exclusions(settings.exclude), Path(image.name).stem, n)
        rules |= dict.fromkeys(np.flatnonzero(gone).tolist(), "excluded")
    used = np.ones(n, dtype=np.bool_)
    used[list(rules)] = False
    median = _median_traits(traits)
    return SeenMovie(
        logits=logits,
        used=used,
        rules=rules,
        unlike=_unlike_frames(measured, description) or tuple(check_traits(median, description)),
        border=border_share(some),
        traits=median,
    )


def counted_channel(image: Image, settings: PopulationSettings) -> int:
    """Return the channel that shows nuclei: the given one, or the green of a film in colour."""
    if settings.channel is None:
        return marker_channel(image)
    names = list(image.channels)
    if settings.channel in names:
        return names.index(settings.channel)
    if settings.channel.isdecimal() and int(settings.channel) < image.size("C"):
        return int(settings.channel)
    listed = ", ".join([*names, *(str(i) for i in range(image.size("C")))])
    raise SettingsError(
        f"channel = {settings.channel!r}: {image.name} has no such channel; it has {listed}."
    )


def _white(image: Image, channel: int) -> float:
    """Return the value shown as white: the highest of some frames all along the movie."""
    some = np.unique(np.linspace(0, image.size("T") - 1, 12).astype(int)).tolist()
    values = [image.read(T=t, C=channel) for t in some]
    highest = [float(np.nan_to_num(v, posinf=0, neginf=0).max()) for v in values]
    return max(float(np.max(highest)), 1e-9)


def _runner(predictor: Predictor) -> Any:
    network: Any = predictor.network(lambda: (), None)
    return lambda level: network.run(level[None, None])


def _median_traits(frames: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return medians over frames that have all traits; a flat one has none."""
    most = max(frames, key=len, default={})
    whole = [f for f in frames if len(f) == len(most)]
    return {name: float(np.median([f[name] for f in whole])) for name in most}


def middle_of(plane: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the part of a frame whose grain is measured."""
    return plane[tuple(slice(max(0, n // 2 - SIDE_PX), n // 2 + SIDE_PX) for n in plane.shape)]


def _unlike_frames(
    measured: Sequence[dict[str, float]], description: ModelDescription
) -> tuple[str, ...]:
    """Return what most of the frames are complained of; empty where most are like training."""
    said = [check_input(m, description) for m in measured]
    complaints = [s for s in said if s]
    flat = sum(not m for m in measured)
    if flat > len(measured) / 2:
        return ("its frames show nothing",)
    if len(complaints) <= len(measured) / 2:
        return ()
    return tuple(complaints[len(complaints) // 2][:2])
