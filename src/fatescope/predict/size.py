"""The working size: how much a picture is enlarged or reduced before the network sees it.

Where the user or the spacing says how large a nucleus is, that decides. Otherwise the network
looks at a small sample of the picture at several sizes, and the size whose answer agrees with
itself (nuclei about as large as the model was trained on, found with confidence) is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.base.errors import SettingsError
from fatescope.base.finding import Finding
from fatescope.models.description import DISTANCE_MAPS
from fatescope.predict.histogram import histogram, otsu
from fatescope.predict.instances import find_regions
from fatescope.predict.join import RegionSums, add_part, join_regions
from fatescope.predict.normalise import count_values, first_bin, normalise
from fatescope.predict.regions import FULL, quantise
from fatescope.predict.resample import working_length
from fatescope.predict.tiling import Grid, Tiles, read_tile
from fatescope.predict.voting import agreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.spacing import Spacing
    from fatescope.models.description import ModelDescription
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.settings import NucleiSettings
    from fatescope.predict.tiling import Network

TRIED_SCALES = (1.0, 0.5, 2.0, 0.25, 0.125, 0.0625)
"""Working pixels per input pixel of the coarse passes, the likely ones first."""

_CLEAR = 0.5
_CLOSE = 0.2
"""A pass that explains half of the bright area with nuclei within 2**0.2 of the model's size is
believed at once: among 340 pictures of 9 to 196 px none was wrong (decision record 0042)."""

_GOOD = 0.75

SAMPLE_PX = 256
"""Side of what the network sees in each coarse pass."""

_FEW, _BY_FAR = 5, 2.0
"""A pass that saw fewer nuclei is believed where no other saw more, or where it explains so many
times as much: specks beside nuclei do not count, nor does the grain of one large nucleus."""

_FITTING = 2.0
"""A coarse pass is left out where fewer nuclei of its size fit beside each other into the picture:
any network can take a whole small picture for one nucleus."""

_CLOSER, _CLOSER_PX = 1.2, 512
"""The last look is finer than the working size, and wider: neighbours that stand as one at a
coarse scale part there, and more nuclei vote."""

_TOO_LARGE = 1.06
"""By how much the median of the nuclei that are seen surely and whole exceeds that of all."""

_KEEP = (1 / 1.15, 1.08)
"""Within these ratios a picture is not resampled. Nuclei a little larger than the model's are as
well found as they are; smaller ones soon are not (decision record 0132)."""

ScaleSource = Literal["diameter", "spacing", "estimated", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePlan:
    """How a picture is brought to the working size, and who says so."""

    scale: tuple[float, float]  # working pixels per input pixel, down and across
    diameter_px: float | None  # of a typical nucleus on the input grid
    source: ScaleSource

    def finding(self, file: str) -> Finding:
        """Return the sentence for ``findings.csv``."""
        mean = math.sqrt(self.scale[0] * self.scale[1])
        if self.source == "assumed":
            return Finding(
                file=file,
                rule="assumed-scale",
                severity="warning",
                value=mean,
                reason="The size of the nuclei could not be estimated, so none was assumed. If "
                "nuclei are missed or broken, give --diameter-px.",
            )
        said = {
            "diameter": "The diameter was given",
            "spacing": "The pixel size is known",
            "estimated": "The size was estimated from the picture",
        }[self.source]
        return Finding(
            file=file,
            rule="scaled",
            severity="info",
            value=round(mean, 4),
            reason=f"{said}: nuclei of about {self.diameter_px or 0:.0f} px were analysed at "
            f"{mean:.2f} times their size. Change it with --diameter-px.",
        )


def scale_from_settings(
    settings: NucleiSettings, model: ModelDescription, spacing: Spacing
) -> ScalePlan | None:
    """Return the plan that settings or spacing decide, or None where they do not.

    Raises
    ------
    SettingsError
        If a diameter in µm is given and the pixel size is not known.
    """
    um = spacing.um("YX")
    stretch = pixel_stretch(spacing)
    if settings.diameter_um is not None:
        if um is None:
            raise SettingsError(
                "diameter_um = "
                f"{settings.diameter_um}: the pixel size of the picture is not known. Give "
                "--spacing-um too, or --diameter-px."
            )
        diameter = settings.diameter_um / math.sqrt(um[0] * um[1])
        return _plan(model, diameter, stretch, "diameter")
    if settings.diameter_px is not None:
        return _plan(model, settings.diameter_px, stretch, "diameter")
    if model.spacing_um is not None and um is not None:
        scale = (um[0] / model.spacing_um, um[1] / model.spacing_um)
        diameter = model.diameter_px / math.sqrt(scale[0] * scale[1])
        return ScalePlan(scale=scale, diameter_px=diameter, source="spacing")
    return None


def pixel_stretch(spacing: Spacing) -> tuple[float, float]:
    """Return factors down and across that make pixels square; 1 if unknown or within 2 %."""
    um = spacing.um("YX")
    if um is None or abs(math.log(um[0] / um[1])) < 0.02:
        return (1.0, 1.0)
    mean = math.sqrt(um[0] * um[1])
    return (um[0] / mean, um[1] / mean)


def _plan(
    model: ModelDescription, diameter: float, stretch: tuple[float, float], source: ScaleSource
) -> ScalePlan:
    ratio = model.diameter_px / diameter
    if _KEEP[0] <= ratio <= _KEEP[1]:
        ratio = 1.0
    return ScalePlan(
        scale=(ratio * stretch[0], ratio * stretch[1]), diameter_px=diameter, source=source
    )


@dataclass(frozen=True)
class SamplePlane:
    """A plane of the picture to estimate the size from: pixels in memory, and its network."""

    pixels: NDArray[Any]  # (Y, X), at most a few megapixels
    statistics: PlaneStatistics
    network: Network

    @cached_property
    def threshold(self) -> float:
        """Above this normalised value a pixel is bright (Otsu's); whole numbers are counted first.

        All passes share it.
        """
        pixels = self.pixels
        if pixels.dtype.kind not in "iu" or pixels.dtype.itemsize > 2:
            return otsu(histogram(normalise(pixels, self.statistics)))
        counts = count_values(pixels)
        at = np.flatnonzero(counts)
        values = (at - first_bin(pixels.dtype)).astype(pixels.dtype)
        return otsu(histogram(normalise(values, self.statistics), counts[at]))


@dataclass(frozen=True, slots=True)
class _Look:
    """What one coarse pass saw: diameters on the working grid, and how sure it was of each."""

    scale: float
    diameter: NDArray[np.float64]
    weight: NDArray[np.float64]
    bright: float  # area that objects could explain, in working pixels: above Otsu's threshold

    @property
    def n(self) -> int:
        """How many nuclei were seen."""
        return len(self.diameter)

    @property
    def typical(self) -> float:
        """Median diameter, in working pixels, each nucleus counted as much as it is sure."""
        return weighted_median(self.diameter, self.weight)


def estimate_scale(
    samples: Sequence[SamplePlane], model: ModelDescription, *, stretch: tuple[float, float]
) -> ScalePlan:
    """Estimate the typical nucleus from samples of the picture.

    Parameters
    ----------
    samples : sequence of SamplePlane
    model : ModelDescription
    stretch : tuple of float
        Factors that make pixels square.

    Returns
    -------
    ScalePlan
        With source ``"assumed"`` and no resampling where nothing is found at any size.
    """
    best = _coarse(samples, model, stretch)
    if best is None:
        return ScalePlan(scale=stretch, diameter_px=None, source="assumed")
    diameter = best.typical / best.scale
    closer = _look(
        samples, model, _CLOSER * model.diameter_px / diameter, stretch, side_px=_CLOSER_PX
    )
    if closer.n and _merit(closer, model) >= 0.5 * _merit(best, model):
        diameter = closer.typical / closer.scale
    return _plan(model, diameter / _TOO_LARGE, stretch, "estimated")


def _coarse(
    samples: Sequence[SamplePlane], model: ModelDescription, stretch: tuple[float, float]
) -> _Look | None:
    """Return the coarse pass to believe, or None where nothing is found at any scale."""
    looks = []
    side = max((min(sample.pixels.shape) for sample in samples), default=0)
    for scale in TRIED_SCALES:
        if scale < 1 and scale * side < _FITTING * model.diameter_px:
            continue
        look = _look(samples, model, scale, stretch)
        if _merit(look, model) >= _CLEAR and abs(_off(look, model)) <= _CLOSE and look.n >= _FEW:
            return look
        looks.append(look)
    most = max(_merit(look, model) for look in looks)
    if most <= 0:
        return None
    sure = [look for look in looks if look.n >= _FEW]
    if max((_merit(look, model) for look in sure), default=0.0) * _BY_FAR < most:
        sure = looks
    most = max(_merit(look, model) for look in sure)
    # A coarse pass may take whole groups for nuclei: of good answers the finest is right.
    good = [look for look in sure if _merit(look, model) >= _GOOD * most]
    return max(good, key=lambda look: look.scale)


def _off(look: _Look, model: ModelDescription) -> float:
    """Return by how many doublings the typical nucleus of a pass is larger than the model's."""
    return math.log2(look.typical / model.diameter_px)


def _merit(look: _Look, model: ModelDescription) -> float:
    """Return how much of the bright area is explained by sure nuclei of about the model's size."""
    if not len(look.diameter):
        return 0.0
    off = np.log2(look.diameter / model.diameter_px)
    fit = look.weight * np.exp(-0.5 * (off / 0.6) ** 2)
    area = np.pi / 4 * look.diameter**2
    return float((fit * area).sum() / max(look.bright, float(area.sum()), 1.0))


def weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the value with half of the weight on each side."""
    order = np.argsort(values, kind="stable")
    upto = np.cumsum(weights[order])
    return float(values[order][int(np.searchsorted(upto, upto[-1] / 2))])


def _look(
    samples: Sequence[SamplePlane],
    model: ModelDescription,
    scale: float,
    stretch: tuple[float, float],
    *,
    side_px: int = SAMPLE_PX,
) -> _Look:
    """Run the network on the same field of each sample at one scale."""
    diameters, weights, bright = [np.empty(0)], [np.empty(0)], 0.0
    both = (scale * stretch[0], scale * stretch[1])
    for sample in samples:
        seen = _window(sample.pixels, both, side_px)
        values = normalise(seen, sample.statistics)
        if model.polarity == "any":  # brightness does not say where objects could be
            bright += float(sample.pixels.size) * both[0] * both[1]
        else:
            bright += float((values > sample.threshold).sum()) * both[0] * both[1]
        diameter, weight = _nuclei_of(seen, sample, model, both)
        diameters.append(diameter)
        weights.append(weight)
    return _Look(scale, np.concatenate(diameters), np.concatenate(weights), bright)


def _window(pixels: NDArray[Any], scale: tuple[float, float], side_px: int) -> NDArray[Any]:
    """Return the part of the sample, of ``side_px`` working pixels, with the most contrast."""
    side = [
        max(1, min(n, math.floor(side_px / s))) for n, s in zip(pixels.shape, scale, strict=True)
    ]
    starts = [
        sorted({round(k * (n - s) / 3) for k in range(4)})
        for n, s in zip(pixels.shape, side, strict=True)
    ]
    best, most = pixels[: side[0], : side[1]], -1.0
    for y in starts[0]:
        for x in starts[1]:
            part = pixels[y : y + side[0], x : x + side[1]]
            spread = float(np.nan_to_num(part[::4, ::4].astype(np.float64)).std())
            if spread > most * (1 + 1e-9):
                best, most = part, spread
    return best


def _nuclei_of(
    pixels: NDArray[Any], sample: SamplePlane, model: ModelDescription, scale: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return diameters (working pixels) and confidence of the nuclei of a window."""
    shape = (int(pixels.shape[0]), int(pixels.shape[1]))
    lengths = [working_length(n, s) for n, s in zip(shape, scale, strict=True)]
    rows, columns = (Tiles(_tile(n, model.divisor), (0,), (0, n)) for n in lengths)
    grid = Grid(shape=shape, scale=scale, rows=rows, columns=columns)

    def read(y0: int, y1: int, x0: int, x1: int, /) -> NDArray[Any]:
        return pixels[y0:y1, x0:x1]

    tile = read_tile(read, grid, sample.statistics, 0, 0)
    maps = quantise(sample.network.run(tile[None, None])[0])
    maps = maps[:, : grid.working_shape[0], : grid.working_shape[1]]
    regions = find_regions(maps, model.thresholds, outputs=model.outputs)
    sums = RegionSums()
    own = slice(0, maps.shape[1])
    provisional = add_part(sums, regions, maps, own=own, offset=0)
    joined = join_regions(sums, model.thresholds)
    labels = joined.label_of[provisional]
    area = np.bincount(labels.reshape(-1), minlength=joined.n + 1)[1:]
    cut = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    whole = np.ones(joined.n, np.bool_)
    whole[cut[cut > 0].astype(np.intp) - 1] = False
    if whole.sum() < 3:
        whole[:] = True
    sure = joined.score.astype(np.float64)
    if model.outputs == DISTANCE_MAPS:
        top = np.zeros(joined.n + 1, np.uint8)
        np.maximum.at(top, labels.reshape(-1), maps[1].reshape(-1))
        sure *= top[1:] / FULL
    else:
        peak = np.zeros(joined.n + 1)
        np.maximum.at(peak, joined.label_of[1:], sums.peak[0])
        sure *= agreement(peak[1:], area)
    return np.sqrt(4 * area[whole] / np.pi), sure[whole]


def _tile(length: int, divisor: int) -> int:
    """Return the side of a coarse pass: few different ones, since each costs to prepare."""
    step = -(-64 // divisor) * divisor
    return -(-length // step) * step
