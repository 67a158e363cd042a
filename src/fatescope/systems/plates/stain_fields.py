"""A field of a stained plate: its channels, nuclei and cell area, as the settings ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_field
from fatescope.base import FatescopeError, Image, WorkUnit
from fatescope.plate import (
    Limits,
    StainedNuclei,
    StainSettings,
    block_threshold,
    cell_area,
    check_limits,
    find_limits,
    find_stained_nuclei,
    join_nuclei,
    measure_diameter,
    published_area,
    published_threshold,
    threshold_nuclei,
)
from fatescope.predict import Predictor, open_predictor
from fatescope.systems.nuclei.outline import segment_image
from fatescope.systems.nuclei.settings import NucleiSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import LabelImage, PlateLayout

_SAMPLES = 12
"""Fields that are looked at for the diameter of nuclei."""
USUAL_PX = 10.0
NETWORK = "nuclei"
"""The shipped package that draws nuclei."""
_PUBLISHED_BLOCK = 50
_LEAST_AREA = 0.2
"""Smaller pieces, beside the square of a diameter, are specks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StainField(WorkUnit):
    """One field of a stained well, in one of the two stages."""

    well: str
    field: str
    paths: tuple[Path, ...]
    stage: str = ""

    @property
    def stem(self) -> str:
        """Name of its files."""
        return f"{self.well}_s{self.field}"

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return f"{self.stem} {self.stage}".strip()

    def __str__(self) -> str:
        return self.stem


def units_of(layout: PlateLayout) -> list[StainField]:
    """Return the fields of a plate."""
    return [
        StainField(well=w, field=f, paths=tuple(dict.fromkeys(i.path for i in files)))
        for w, fields in layout.images.items()
        for f, files in fields.items()
    ]


def channels_of(
    image: Image, layout: PlateLayout, settings: StainSettings, frame: int
) -> dict[str, NDArray[Any]]:
    """Return the three channels of one frame."""
    names = {"nuclei": settings.nuclei, "dead": settings.dead, "bright": settings.bright_field}
    at = {"T": frame} if "T" in image.axes else {}
    z = {"Z": image.size("Z") // 2} if "Z" in image.axes else {}
    return {
        role: image.read(**at, **z, C=image.channels.index(layout.channel(name)))
        for role, name in names.items()
    }


def usual_diameter(layout: PlateLayout, units: list[StainField], settings: StainSettings) -> float:
    """Return the diameter of nuclei on a plate: the median of fields spread over it."""
    found: list[float | None] = []
    for unit in units[:: max(1, len(units) // _SAMPLES)]:
        try:
            image = read_field(layout, unit.well, unit.field)
            found.append(diameter_of(channels_of(image, layout, settings, 0)["nuclei"], settings))
        except (FatescopeError, OSError):
            continue  # an unreadable field is named when it is its turn
    known = [d for d in found if d is not None]
    return round(float(np.median(known)), 2) if known else USUAL_PX


def diameter_of(nuclei: NDArray[Any], settings: StainSettings) -> float | None:
    """Return the diameter of the nuclei of an image, or ``None`` where there is none."""
    if settings.rule == "nuclei" and settings.outlines == "network":
        return _network_nuclei(nuclei, None)[1]
    return measure_diameter(nuclei)


@lru_cache(maxsize=1)
def _network() -> Predictor:
    return open_predictor(NETWORK)


def _network_nuclei(image: NDArray[Any], diameter: float | None) -> tuple[LabelImage, float | None]:
    """Return the nuclei that the shipped network draws, and their diameter."""
    found = segment_image(
        Image(pixels=image, axes="YX"), NucleiSettings(diameter_px=diameter), predictor=_network()
    )
    labels = found.labels.astype(np.int32)
    found.close()
    return labels, found.plan.diameter_px


def nuclei_of(
    nuclei: NDArray[Any], dead: NDArray[Any], settings: StainSettings, diameter: float
) -> tuple[StainedNuclei, tuple[float, float] | None]:
    """Return the nuclei of an image, and its thresholds where the rule has any."""
    if settings.rule == "nuclei" and settings.outlines == "peaks":
        return find_stained_nuclei(nuclei, dead, diameter_px=diameter), None
    if settings.rule == "nuclei":
        drawn = [_network_nuclei(image, diameter)[0] for image in (nuclei, dead)]
        return join_nuclei((drawn[0], drawn[1]), nuclei, dead, diameter_px=diameter), None
    factor, offset = settings.factor, settings.offset_counts
    if settings.rule == "published":
        block = settings.block_px or _PUBLISHED_BLOCK
        each = [published_threshold(i, block_px=block, factor=factor) for i in (nuclei, dead)]
    else:
        block = settings.block_px or max(4, round(diameter))
        each = [
            block_threshold(i, block_px=block, factor=factor, offset_counts=offset)
            for i in (nuclei, dead)
        ]
    both = (each[0], each[1])
    least = 0.0 if settings.rule == "published" else _LEAST_AREA * diameter**2
    return threshold_nuclei(nuclei, dead, both, least_px=least), both


def area_of(
    bright_field: NDArray[Any], settings: StainSettings, diameter: float
) -> NDArray[np.bool_]:
    """Return where cells lie in a bright-field image."""
    if settings.rule == "published":
        block = settings.block_px or _PUBLISHED_BLOCK
        return published_area(bright_field, block_px=block, factor=settings.factor)
    return cell_area(bright_field, nucleus_px=diameter)


def limits_of(
    settings: StainSettings,
    brightness: NDArray[Any],
    floor: float,
    negative: NDArray[Any] | None = None,
    positive: NDArray[Any] | None = None,
) -> Limits:
    """Return the limits between living, uncertain and dead: as given, or as the rule finds them."""
    given = check_limits(settings.low_counts, settings.high_counts)
    if given is not None:
        return given
    if settings.rule != "nuclei":
        return Limits(low=0.0, high=0.0, source="threshold")
    return find_limits(brightness, floor=floor, negative=negative, positive=positive)


def nuclei_file(unit: StainField) -> str:
    """Return the file with the outlines of the nuclei of a field."""
    return f"nuclei/{unit.stem}_nuclei.tif"
