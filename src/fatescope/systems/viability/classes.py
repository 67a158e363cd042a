"""Living and dead cells of a plane without stains: from its pixels to classes and objects."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError, ModelError, SettingsError
from fatescope.base.finding import Finding
from fatescope.base.stains import find_channel
from fatescope.models.guard import check_input, check_likeness, describe_input
from fatescope.models.outputs import PixelClasses
from fatescope.predict.decoders.classes import ClassifiedPlane, decode_classes
from fatescope.predict.normalise import normalise
from fatescope.predict.predictor import open_predictor
from fatescope.predict.size import pixel_stretch
from fatescope.predict.tiling import make_grid, map_tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.image import Image
    from fatescope.base.spacing import Spacing
    from fatescope.models.description import ModelDescription
    from fatescope.predict.level import LevelledPlane, PlaneContrast
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.tiling import Network
    from fatescope.systems.viability.settings import ViabilityChoice

TRANSMITTED = ("brightfield", "phase")
"""Channels without a stain, by the names that `find_channel` knows."""

_KEEP = (1 / 1.1, 1.1)
"""Within these ratios of the model's size an image is not resampled."""

_SIDE_PX = 256  # of the middle that is held against the training images; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """How a plane is brought to the model's size, and who said so."""

    scale: tuple[float, float]
    source: str  # given, model, or assumed


def open_viability_model(name_or_path: str, **how: Any) -> Predictor:
    """Open a model as `open_predictor` does, and refuse one that does not tell live from dead.

    Raises
    ------
    ModelError
    """
    predictor = open_predictor(name_or_path, **how)
    output = predictor.description.output_as(PixelClasses)
    if not output.live:
        raise ModelError(
            f"model {predictor.name!r} does not say which of its classes are nuclei of living and "
            "of dead cells. Train one with `fatescope train viability`."
        )
    return predictor


def choose_transmitted(image: Image, channel: str | None) -> int:
    """Return the number of the channel without a stain.

    Raises `SettingsError` if it was given and is not there, or several could be it.
    """
    n, names = image.size("C"), image.channels
    if channel is not None:
        if channel.isdecimal() and channel not in names and int(channel) < n:
            return int(channel)
        if names:
            try:
                return names.index(find_channel(names, channel))
            except InputError as error:
                raise SettingsError(f"image {image.name!r}: {error}") from error
    elif n == 1:
        return 0
    else:
        for wanted in TRANSMITTED:
            try:
                return names.index(find_channel(names, wanted))
            except InputError:
                continue
    listed = ", ".join(names) or f"0 to {n - 1}"
    asked = f"channel = {channel!r}: " if channel is not None else ""
    raise SettingsError(
        f"{asked}image {image.name!r} has the channels {listed}. Say with --channel which one was "
        "taken without a stain."
    )


def choose_size(spacing: Spacing, settings: ViabilityChoice, model: ModelDescription) -> Sized:
    """Return how an image is brought to the model's size: as given, by pixel size, or as it is.

    Raises
    ------
    SettingsError
        If a diameter in µm is given and the pixel size is not known.
    """
    diameter, own = settings.diameter_px, model.image
    um = spacing.um("YX")
    if settings.diameter_um is not None:
        if um is None:
            raise SettingsError(
                f"diameter_um = {settings.diameter_um:g}: the pixel size is not known. Give "
                "--spacing-um too, or --diameter-px."
            )
        diameter = settings.diameter_um / math.sqrt(um[0] * um[1])
    if diameter is not None:
        down, across = pixel_stretch(spacing)
        ratio = own.diameter_px / diameter
        return Sized(scale=_unless_near((ratio * down, ratio * across)), source="given")
    if um is not None and own.spacing_um is not None:
        scale = um[0] / own.spacing_um[0], um[1] / own.spacing_um[1]
        return Sized(scale=_unless_near(scale), source="model")
    return Sized(scale=(1.0, 1.0), source="assumed")


def _unless_near(scale: tuple[float, float]) -> tuple[float, float]:
    near = all(_KEEP[0] <= s <= _KEEP[1] for s in scale)
    return (1.0, 1.0) if near else scale


def draw_maps(
    network: Network, plane: LevelledPlane, model: ModelDescription, scale: tuple[float, float]
) -> NDArray[np.uint8]:
    """Return the maps (C, Y, X) of a plane on the working grid, 0 to 255."""
    grid = make_grid(plane.shape, scale, model)
    maps: NDArray[np.uint8] | None = None
    first = 0
    for slab in map_tiles(network, plane, grid, plane.contrast.statistics):
        if maps is None:
            maps = np.empty((len(slab), *grid.working_shape), np.uint8)
        maps[:, first : first + slab.shape[1]] = slab
        first += slab.shape[1]
    assert maps is not None
    return maps


def classify_plane(
    network: Network, plane: LevelledPlane, model: ModelDescription, *, scale: tuple[float, float]
) -> ClassifiedPlane:
    """Return classes and objects of a plane on its own grid.

    A plane in which hardly a pixel stands out of the noise is background all over: what a network
    sees in noise is not cells.

    ``model``: its output is `PixelClasses`; ``scale``: working pixels per pixel, down and across.
    """
    output = model.output_as(PixelClasses)
    if plane.contrast.shows_nothing:
        nothing, shape = np.zeros(0), (plane.shape[0], plane.shape[1])
        return ClassifiedPlane(
            classes=np.zeros(shape, np.uint8),
            labels=np.zeros(shape, np.int32),
            p_dead=nothing,
            score=nothing,
        )
    found = decode_classes(draw_maps(network, plane, model, scale), output)
    if scale == (1.0, 1.0):
        return found
    index = [
        np.minimum(((np.arange(n) + 0.5) * s).astype(np.intp), length - 1)
        for n, s, length in zip(plane.shape, scale, found.labels.shape, strict=True)
    ]
    at = np.ix_(*index)
    return _without_lost(replace(found, classes=found.classes[at], labels=found.labels[at]))


def _without_lost(found: ClassifiedPlane) -> ClassifiedPlane:
    """Give objects new numbers where a coarser grid has lost some."""
    there = np.bincount(found.labels.ravel(), minlength=len(found.p_dead) + 1)[1:] > 0
    if there.all():
        return found
    number = np.concatenate([[0], np.where(there, np.cumsum(there), 0)]).astype(np.int32)
    return replace(
        found, labels=number[found.labels], p_dead=found.p_dead[there], score=found.score[there]
    )


def unlike_reasons(
    plane: LevelledPlane, model: ModelDescription, scale: tuple[float, float]
) -> list[str]:
    """Say in what the middle of a plane is unlike the training images of a model."""
    if plane.contrast.shows_nothing:
        return []
    tile = middle_of_plane(plane, scale)
    return check_input(describe_input(tile), model) or check_likeness(tile, model)


def middle_of_plane(plane: LevelledPlane, scale: tuple[float, float]) -> NDArray[np.float32]:
    """Return the middle of a plane, normalised, on about the working grid."""
    step = [max(1, round(1 / s)) for s in scale]
    window = tuple(
        slice(max(0, (n - _SIDE_PX * k) // 2), (n + _SIDE_PX * k) // 2)
        for n, k in zip(plane.shape, step, strict=True)
    )
    return normalise(plane[window], plane.contrast.statistics)[:: step[0], :: step[1]]


def plane_findings(
    contrast: PlaneContrast, n_objects: int, *, file: str, frame: int | None = None
) -> list[Finding]:
    """Return what is odd about a plane that is not of one value: no cell was found."""
    if n_objects or not contrast.most > contrast.least:
        return []
    what = "Nothing stands out of the noise" if contrast.shows_nothing else "No cell was found"
    return [
        Finding(
            file=file,
            frame=frame,
            rule="no-cells",
            severity="warning",
            value=0.0,
            reason=f"{what}: an empty field, or one out of focus. It has no objects.",
        )
    ]
