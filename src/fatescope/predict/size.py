"""The working size: how much an image is enlarged or reduced before the network sees it.

Where the user or the spacing says how large a nucleus is, that decides. Otherwise the network
looks at a small sample of the image at several sizes, and the size whose answer agrees with
itself (nuclei about as large as the model was trained on, found with confidence) is kept. An
image may hold nothing: where the evidence is weak at every size, there is no size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base.errors import SettingsError
from fatescope.base.finding import Finding
from fatescope.models.outputs import InstanceMaps
from fatescope.predict.looks import guess_diameter, look_at, weighted_median

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fatescope.base.spacing import Spacing
    from fatescope.models.description import ModelDescription
    from fatescope.predict.looks import NucleiLook, SamplePlane
    from fatescope.predict.settings import SizedSettings

TRIED_SCALES = (1.0, 0.5, 2.0, 0.25, 0.125, 0.0625)
"""Working pixels per input pixel of the coarse passes, the likely ones first."""

_CLEAR = 0.5
_CLOSE = 0.2
"""A look that explains half of the bright area with nuclei within 2**0.2 of the model's size is
believed at once: among 340 images of 9 to 196 px none was wrong (decision record 0042)."""

_GOOD = 0.75  # share of the best merit that is as good; not measured by itself (record 0042)

_FEW, _BY_FAR = 5, 2.0
"""A look that saw fewer nuclei is believed where no other saw more, or where it explains so many
times as much: specks beside nuclei do not count, nor does the grain of one large nucleus."""

_FITTING = 2.0
"""A look is left out where fewer nuclei of its size fit beside each other into the image: any
network can take a whole small image for one nucleus."""

_WEAK = 0.1
"""A look that explains less of the bright area is no evidence of nuclei: specks and noise."""

_FAINT, _ROOM = 0.15, 1.5
"""Fewer nuclei than `_FEW` are no evidence where they do not stand out from the rest, in parts of
the image's own range, or fill two thirds of its side: haze and uneven light do (record 0150)."""

_CLOSER, _CLOSER_PX = 1.2, 320
"""The last look is finer than the working size, and wider: neighbours that stand as one at a
coarse scale part there, and more nuclei vote."""

_WHOLE_PX = 2**18
"""A plane of up to so many working pixels is looked at as a whole, at the scale that the guess
says: where that fits what is seen, the look is the final pass too."""

_FITS = (0.75, 1.15)
"""It fits where the estimate asks for a scale within these ratios of it: nuclei enlarged by a
third more than needed are as well found, smaller ones than the model's soon are not (0226)."""

_AGREED, _AGREED_N, _AGREED_CLOSE = 0.25, 3, 0.3
"""A look needs less of its own where a guess from the light alone said the same size before."""

_LEAST_PX = 5.0
"""A first guess below this is grain."""

_TOO_LARGE = 1.06
"""By how much the median of the nuclei that are seen surely and whole exceeds that of all; the
first guess exceeds it by as much."""

_KEEP = (1 / 1.15, 1.08)
"""Within these ratios an image is not resampled. Nuclei a little larger than the model's are as
well found as they are; smaller ones soon are not (decision record 0132)."""

SizeSource = Literal["given", "model", "estimated", "as-is", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePlan:
    """How large nuclei are, who says so, and how the image is brought to the working size.

    ``source`` is ``given`` by the user, of the ``model`` whose pixel size is known,
    ``estimated``, ``as-is`` where a model from elsewhere does not say how large its objects are, or
    ``none`` where no size has evidence: then nothing is segmented.
    """

    scale: tuple[float, float]  # working pixels per input pixel, down and across
    diameter_px: float | None  # of a typical nucleus on the input grid
    source: SizeSource
    seen: float = 0.0  # nuclei that an estimate rests on, each counted as much as it is sure
    shared: bool = False  # the estimate is that of all images of a run
    model_px: float | None = None  # diameter that the model wants, where nobody said the image's

    def finding(self, file: str) -> Finding:
        """Return the sentence for ``findings.csv``."""
        if self.source == "none":
            return Finding(
                file=file,
                rule="no-nuclei",
                severity="warning",
                reason="Nothing in the image looks like nuclei, at any size, so it has no "
                "objects. If you see nuclei, give --diameter-px, or --same-size if other images of "
                "the run show them better.",
            )
        mean = math.sqrt(self.scale[0] * self.scale[1])
        if self.source == "as-is":
            return self._as_is(file, mean)
        if self.diameter_px is None:
            return Finding(
                file=file,
                rule="scaled",
                severity="info",
                value=round(mean, 4),
                reason=f"The pixel size is known, also that of the model: the image was analysed "
                f"at {mean:.2f} times its size.",
            )
        said = {
            "given": "The diameter was given",
            "model": "The pixel size is known",
            "estimated": "The size was estimated from "
            + ("all images of its kind" if self.shared else "the image"),
        }[self.source]
        return Finding(
            file=file,
            rule="scaled",
            severity="info",
            value=round(mean, 4),
            reason=f"{said}: nuclei of about {self.diameter_px or 0:.0f} px were analysed at "
            f"{mean:.2f} times their size. Change it with --diameter-px.",
        )

    def _as_is(self, file: str, mean: float) -> Finding:
        wanted = (
            "How large objects should be for it is not known here. If yours are larger or smaller "
            "than those of its training, resize the image, or write diameter_px into the sidecar "
            "of the model and give --diameter-px."
            if self.model_px is None
            else f"Objects should be about {self.model_px:.0f} px across for it. If yours are "
            "not, give --diameter-px."
        )
        return Finding(
            file=file,
            rule="scaled",
            severity="warning",
            value=round(mean, 4),
            reason=f"The model saw the image at its own size. {wanted}",
        )


def scale_from_settings(
    settings: SizedSettings, model: ModelDescription, spacing: Spacing
) -> ScalePlan | None:
    """Return the plan that settings or spacing decide, or None where they do not.

    Raises
    ------
    SettingsError
        If a diameter in µm is given and the pixel size is not known; or a diameter, and the model
        does not say how large its objects are.
    """
    um = spacing.um("YX")
    stretch = pixel_stretch(spacing)
    given = settings.diameter_px or settings.diameter_um
    if given is not None and not model.image.sized:
        raise SettingsError(
            f"diameter = {given}: how large objects should be for the model {model.name!r} is not "
            "known. Write diameter_px into its sidecar, or leave the diameter out."
        )
    if settings.diameter_um is not None:
        if um is None:
            raise SettingsError(
                "diameter_um = "
                f"{settings.diameter_um}: the pixel size of the image is not known. Give "
                "--spacing-um too, or --diameter-px."
            )
        diameter = settings.diameter_um / math.sqrt(um[0] * um[1])
        return _plan(model, diameter, stretch, "given")
    if settings.diameter_px is not None:
        return _plan(model, settings.diameter_px, stretch, "given")
    if model.image.spacing_um is not None and um is not None:
        wanted_um = model.image.spacing_um[-2:]
        scale = (um[0] / wanted_um[0], um[1] / wanted_um[1])
        diameter = model.image.diameter_px / math.sqrt(scale[0] * scale[1])
        known = diameter if model.image.sized else None
        return ScalePlan(scale=scale, diameter_px=known, source="model")
    if not is_estimated(model):
        wanted = model.image.diameter_px if model.image.sized else None
        return ScalePlan(scale=stretch, diameter_px=None, source="as-is", model_px=wanted)
    return None


def is_estimated(model: ModelDescription) -> bool:
    """Say whether a model is asked how large the objects of an image are, where nobody says it.

    It must know at which size it works best; and polygons were not tried for this.
    """
    stars = isinstance(model.output, InstanceMaps) and model.output.rays > 0
    return model.image.sized and not stars


def pixel_stretch(spacing: Spacing) -> tuple[float, float]:
    """Return factors down and across that make pixels square; 1 if unknown or within 2 %."""
    um = spacing.um("YX")
    if um is None or abs(math.log(um[0] / um[1])) < 0.02:
        return (1.0, 1.0)
    mean = math.sqrt(um[0] * um[1])
    return (um[0] / mean, um[1] / mean)


def _plan(
    model: ModelDescription, diameter: float, stretch: tuple[float, float], source: SizeSource
) -> ScalePlan:
    ratio = _ratio(model, diameter)
    return ScalePlan(
        scale=(ratio * stretch[0], ratio * stretch[1]), diameter_px=diameter, source=source
    )


def _ratio(model: ModelDescription, diameter: float) -> float:
    """Return how much nuclei of a diameter are enlarged."""
    ratio = model.image.diameter_px / diameter
    return 1.0 if _KEEP[0] <= ratio <= _KEEP[1] else ratio


def estimate_scale(
    samples: Sequence[SamplePlane], model: ModelDescription, *, stretch: tuple[float, float]
) -> ScalePlan:
    """Estimate the typical nucleus from samples of the image.

    Parameters
    ----------
    samples : sequence of SamplePlane
    model : ModelDescription
    stretch : tuple of float
        Factors that make pixels square.

    Returns
    -------
    ScalePlan
        With source ``"none"`` where there is no evidence of nuclei at any size.
    """
    first = _first(samples, model, stretch)
    if first is not None:
        return first
    best = _coarse(samples, model, stretch)
    if best is None:
        return ScalePlan(scale=stretch, diameter_px=None, source="none")
    closer = _look_closer(samples, model, best.diameter_px, stretch)
    if closer.n and closer.merit(model) >= 0.5 * best.merit(model):
        best = closer
    return _estimated(best, model, stretch)


def _estimated(
    look: NucleiLook, model: ModelDescription, stretch: tuple[float, float]
) -> ScalePlan:
    plan = _plan(model, look.diameter_px / _TOO_LARGE, stretch, "estimated")
    return replace(plan, seen=float(look.weight.sum()))


def _first(
    samples: Sequence[SamplePlane], model: ModelDescription, stretch: tuple[float, float]
) -> ScalePlan | None:
    """Return what a look at the size that a first guess says, if it is clear, or corrected once."""
    if model.image.polarity != "bright":
        return None
    diameter = guess_diameter(samples, stretch)
    side = max((min(sample.pixels.shape) for sample in samples), default=0)
    for _ in range(2):
        if diameter is None or not _LEAST_PX <= diameter <= side / _FITTING:
            return None
        scale = _whole_scale(samples, model, diameter, stretch)
        if scale is None:
            look = _look_closer(samples, model, diameter, stretch)
        else:
            look = look_at(samples, model, scale, stretch, side_px=None)
        enough = look.n >= _AGREED_N and look.merit(model) >= _AGREED
        if not (enough and _is_evidence(look, model, side)):
            return None
        if abs(math.log2(look.diameter_px / diameter)) <= _AGREED_CLOSE:
            plan = _estimated(look, model, stretch)
            return plan if scale is None else _as_seen(plan, scale, stretch)
        diameter = look.diameter_px
    return None


def _as_seen(plan: ScalePlan, scale: float, stretch: tuple[float, float]) -> ScalePlan:
    """Return the plan at the scale of a look, where that fits the estimate."""
    seen = (scale * stretch[0], scale * stretch[1])
    return replace(plan, scale=seen) if _FITS[0] <= plan.scale[0] / seen[0] <= _FITS[1] else plan


def _whole_scale(
    samples: Sequence[SamplePlane],
    model: ModelDescription,
    diameter: float,
    stretch: tuple[float, float],
) -> float | None:
    """Return the scale of the final pass for nuclei of a diameter, where it can be a look."""
    if len(samples) != 1 or samples[0].whole is None:
        return None
    scale = _ratio(model, diameter / _TOO_LARGE)
    rows, columns = samples[0].whole.shape
    return scale if rows * columns * scale**2 * stretch[0] * stretch[1] <= _WHOLE_PX else None


def _look_closer(
    samples: Sequence[SamplePlane],
    model: ModelDescription,
    diameter: float,
    stretch: tuple[float, float],
) -> NucleiLook:
    scale = _CLOSER * model.image.diameter_px / diameter
    return look_at(samples, model, scale, stretch, side_px=_CLOSER_PX)


def shared_scale(
    diameter_px: float | None, model: ModelDescription, *, stretch: tuple[float, float]
) -> ScalePlan:
    """Return the plan of an image whose run decided how large nuclei are, or that none are there.

    Parameters
    ----------
    diameter_px : float or None
        From `typical_diameter` of the plans of all images of its kind.
    model : ModelDescription
    stretch : tuple of float
        Factors that make pixels square.
    """
    if diameter_px is None:
        return ScalePlan(scale=stretch, diameter_px=None, source="none", shared=True)
    return replace(_plan(model, diameter_px, stretch, "estimated"), shared=True)


def typical_diameter(plans: Iterable[ScalePlan]) -> float | None:
    """Return the median of estimates, each counted by the nuclei it rests on; in any order."""
    known = sorted((p.diameter_px, p.seen) for p in plans if p.diameter_px is not None)
    if not known:
        return None
    diameters, seen = np.array(known).T
    return weighted_median(diameters, seen)


def _coarse(
    samples: Sequence[SamplePlane], model: ModelDescription, stretch: tuple[float, float]
) -> NucleiLook | None:
    """Return the coarse look to believe, or None where no scale gives evidence of nuclei."""
    looks = []
    side = max((min(sample.pixels.shape) for sample in samples), default=0)
    for scale in TRIED_SCALES:
        if scale < 1 and scale * side < _FITTING * model.image.diameter_px:
            continue
        look = look_at(samples, model, scale, stretch)
        merit = look.merit(model)
        if merit >= _CLEAR and abs(_off(look, model)) <= _CLOSE and look.n >= _FEW:
            return look
        if _is_evidence(look, model, side):
            looks.append(look)
    if not looks:
        return None
    most = max(look.merit(model) for look in looks)
    sure = [look for look in looks if look.n >= _FEW]
    crowded = bool(sure) and model.image.modality == "phase"  # a field is no single cell
    if not crowded and max((look.merit(model) for look in sure), default=0.0) * _BY_FAR < most:
        sure = looks
    most = max(look.merit(model) for look in sure)
    # A coarse look may take whole groups for nuclei: of good answers the finest is right.
    good = [look for look in sure if look.merit(model) >= _GOOD * most]
    return max(good, key=lambda look: look.scale)


def _is_evidence(look: NucleiLook, model: ModelDescription, side: int) -> bool:
    """Say whether a look shows nuclei, and not haze, grain or specks."""
    if not look.n:
        return False
    if model.image.polarity == "any":  # what is bright then says nothing
        return True
    if look.merit(model) < _WEAK:
        return False
    if look.n >= _FEW:
        return True
    contrast = weighted_median(look.contrast, look.weight)
    return contrast >= _FAINT and look.diameter_px * _ROOM <= side


def _off(look: NucleiLook, model: ModelDescription) -> float:
    """Return by how many doublings the typical nucleus of a look is larger than the model's."""
    return math.log2(look.typical / model.image.diameter_px)
