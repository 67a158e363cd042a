"""Which channel shows the nuclei: each is compared with the model's training images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fatescope.base.errors import InputError, SettingsError
from fatescope.base.finding import Finding
from fatescope.models.guard import check_input, describe_input, without_sizes
from fatescope.predict.frames import ImageFrame, Plane
from fatescope.predict.looks import SamplePlane, sample_pixels
from fatescope.predict.normalise import normalise, plane_statistics
from fatescope.predict.plane import segment_plane
from fatescope.predict.scratch import MemoryScratch
from fatescope.predict.search import Search
from fatescope.predict.size import estimate_scale, is_estimated, pixel_stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.image import Image
    from fatescope.models.description import ModelDescription
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.tiling import Network

_NUCLEAR = re.compile(r"dapi|hoechst|h2b|h3-|nucle|nls|histone|draq|sytox", re.IGNORECASE)
_SAMPLE_PX = 1024
_CHECKED_PX = 256
_ALIKE = 0.5
"""Channels that show this part of the most nuclei show about as many: dead cells take two dyes."""


@dataclass(frozen=True, slots=True)
class _View:
    """How a channel looks to a model."""

    number: int
    name: str
    reasons: tuple[str, ...]  # in what it is unlike the training images
    nuclei: float  # seen in its sample, each counted as much as it is sure

    def __str__(self) -> str:
        named = f"{self.number} ({self.name})" if self.name else str(self.number)
        looks = ", ".join(self.reasons) or f"like them, {self.nuclei:.0f} nuclei in a sample"
        return f"channel {named}: {looks}"


def open_frames(
    image: Image, *, channel: str | None = None, predictor: Predictor | None = None
) -> tuple[list[ImageFrame], list[Finding]]:
    """Divide an image into frames of one channel; nothing is read unless a channel is looked for.

    Parameters
    ----------
    image : Image
    channel : str, optional
        Name or number of the channel with the nuclei.
    predictor : Predictor, optional
        The model that chooses a channel where none is given; see `choose_channel`.

    Raises
    ------
    SettingsError
        If there is no such channel.
    InputError
        If none was given and none that is not empty looks like the model's training images.
    """
    number, findings = choose_channel(image, channel, predictor)
    frames = []
    for t in range(image.size("T")):
        planes = tuple(Plane(image, {"T": t, "C": number, "Z": z}) for z in range(image.size("Z")))
        frames.append(ImageFrame(t, planes, "Z" in image.axes))
    return frames, findings


def choose_channel(
    image: Image, channel: str | None, predictor: Predictor | None
) -> tuple[int, list[Finding]]:
    """Return the number of the channel with the nuclei, and a finding where it was assumed.

    Without ``channel``, the one whose name speaks of nuclei is taken; else, of the channels that
    look like the model's training images, the one that shows most nuclei in a sample; where
    several show about as many, the first, so that the images of a plate agree.
    """
    n, names = image.size("C"), list(image.channels)
    if channel is not None:
        if channel in names:
            return names.index(channel), []
        if channel.isdecimal() and int(channel) < n:
            return int(channel), []
        listed = ", ".join([*names, *(str(i) for i in range(n))])
        raise SettingsError(
            f"channel = {channel!r}: image {image.name!r} has no such channel; it has {listed}."
        )
    if n == 1:
        return 0, []
    named = [i for i, name in enumerate(names) if _NUCLEAR.search(name)]
    if len(named) == 1:
        return named[0], []
    if predictor is None:
        raise SettingsError(f"image {image.name!r} has {n} channels. Choose one with --channel.")
    seen = (_view(image, c, predictor) for c in named or range(n))
    views = [view for view in seen if view is not None]
    if not views:  # an empty image is a finding, not a fault
        return 0, []
    fitting = [v for v in views if not v.reasons]
    if not fitting:
        raise InputError(
            f"{image.name}: no channel looks like the training images of {predictor.name} "
            f"({'; '.join(map(str, views))}). If one shows nuclei all the same, choose it with "
            "--channel."
        )
    most = max(v.nuclei for v in fitting)
    best = next(v for v in fitting if v.nuclei >= _ALIKE * most)
    return best.number, [_finding(image, best, views, predictor)]


def _finding(image: Image, best: _View, views: Sequence[_View], predictor: Predictor) -> Finding:
    others = "; ".join(str(v) for v in views if v is not best)
    return Finding(
        file=image.name,
        rule="assumed-channel",
        severity="warning",
        value=float(best.number),
        reason=f"The image has {image.size('C')} channels and none was given. Of those that look "
        f"like the training images of {predictor.name}, channel {best.number}"
        f"{f' ({best.name})' if best.name else ''} shows nuclei best and was taken"
        f"{f' ({others})' if others else ', the others are empty'}. "
        "Choose with --channel.",
    )


def _view(image: Image, number: int, predictor: Predictor) -> _View | None:
    """Look at a sample of the middle plane; ``None`` where it has one value everywhere."""
    model = predictor.description
    at = {"T": image.size("T") // 2, "C": number, "Z": image.size("Z") // 2}
    pixels = sample_pixels(Plane(image, at), side=_SAMPLE_PX)
    statistics = plane_statistics(lambda: [pixels], percentiles=model.image.percentiles)
    if statistics.constant:
        return None
    name = image.channels[number] if image.channels else ""
    step = max(1, min(pixels.shape) // _CHECKED_PX)
    measured = describe_input(normalise(pixels[::step, ::step], statistics))
    reasons = check_input(without_sizes(measured), model)
    seen = 0.0
    if not reasons:
        network = predictor.network(lambda: [pixels], statistics)
        stretch = pixel_stretch(image.spacing)
        if is_estimated(model):
            sample = SamplePlane(pixels, statistics, network)
            seen = estimate_scale([sample], model, stretch=stretch).seen
        else:
            seen = _count(network, pixels, statistics, model, stretch)
    return _View(number, name, tuple(reasons), seen)


def _count(
    network: Network,
    pixels: NDArray[Any],
    statistics: PlaneStatistics,
    model: ModelDescription,
    scale: tuple[float, float],
) -> float:
    """Return how many nuclei a model finds at the image's own size, each as much as it is sure."""
    labels = segment_plane(
        Search(network=network, model=model, scale=scale, thresholds=model.instances.thresholds),
        pixels,
        statistics,
        scratch=MemoryScratch(),
    )
    return float(labels.scores.sum())
