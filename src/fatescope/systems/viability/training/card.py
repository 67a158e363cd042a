"""The card of a package for classes at pixels: what it is worth, on what, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.evaluate import PixelCounts, score_classes
from fatescope.models import PixelClasses
from fatescope.numeric import BootstrapSettings, bootstrap_interval
from fatescope.train.card import Card, score_table, write_card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fatescope.base.types import FloatArray
    from fatescope.models import ModelDescription
    from fatescope.systems.viability.training.settings import ViabilityRecipe
    from fatescope.train.provenance import Provenance

_LIMITS = (
    "Other cells, microscopes, focus and media than in the training images; cells that die "
    "otherwise than these did; wells so full that cells lie on each other."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPlane:
    """How one plane was classified.

    Parameters
    ----------
    unit : str
        The well, or plate.
    pixels : PixelCounts
    cells : tuple of int
        True nuclei, found ones, matched ones, of these with the right state.
    viability : tuple of float
        True share of living nuclei, and that found; NaN where there are none.
    """

    unit: str
    pixels: PixelCounts
    cells: tuple[int, int, int, int]
    viability: tuple[float, float]


def write_viability_card(
    description: ModelDescription,
    scored: Mapping[str, Sequence[ScoredPlane]],
    *,
    recipe: ViabilityRecipe,
    provenance: Provenance,
) -> str:
    """Return the card, Markdown.

    ``scored``: test planes by precision, ``fp32`` and ``int8``; both empty where there are none;
    ``recipe``, ``provenance``: how the network was made.
    """
    seen, test = description.training, scored["int8"]
    card = Card(
        expects=_expects(description),
        step=f"{recipe.fit.batch} crops of {recipe.crops.size_px} px",
        saw=f"{seen.n_images} images with {seen.n_objects:,} nuclei; thresholds were chosen on "
        "validation wells",
        held_out=_cells(test) if test else "",
        more=(("Pixels", _pixels(description, test)), ("int8", _int8(scored))) if test else (),
        limits=recipe.limits or _LIMITS,
    )
    return write_card(card, description, recipe=recipe, provenance=provenance)


def _expects(d: ModelDescription) -> str:
    output = d.output_as(PixelClasses)
    size = f"nuclei of {d.image.diameter_px:g} px"
    if d.image.spacing_um is not None:
        size += f", at {d.image.spacing_um[-1]:g} µm a pixel"
    objects = "It gives classes alone, no objects."
    if output.live:
        objects = (
            f"Objects are pixels that are {output.live} or {output.dead} with "
            f"{output.foreground:g} together, at least {output.min_area_px} px, dead from "
            f"{output.least_dead:g} on."
        )
    return (
        f"One plane of {d.image.modality} without a stain, any bit depth: "
        "each pixel is compared with the light around it, and contrast is measured on the whole "
        f"plane. Sizes: {size}. Classes: {', '.join(output.channels)}. {objects}"
    )


def _cells(scored: Sequence[ScoredPlane]) -> str:
    units = _by_unit(scored)
    cells = np.array([np.sum([s.cells for s in own], axis=0) for own in units.values()])
    errors = np.array(
        [
            [sum(abs(a - b) for a, b in known), len(known)]
            for own in units.values()
            for known in [[s.viability for s in own if np.isfinite(s.viability).all()]]
        ]
    )
    rows = [
        ("detection F1 of nuclei", *_ratio(2 * cells[:, 2], cells[:, 0] + cells[:, 1])),
        ("live or dead, of those found", *_ratio(cells[:, 3], cells[:, 2])),
        (
            "viability of an image, mean absolute error, points",
            *_ratio(100 * errors[:, 0], errors[:, 1]),
        ),
    ]
    return (
        f"{len(scored)} images of {len(units)} wells that neither training "
        f"nor the choice of thresholds has seen, {int(cells[:, 0].sum()):,} nuclei; int8, 95 % "
        "intervals by bootstrap over wells. A found nucleus is matched to the true one that it "
        f"overlaps most.\n\n{score_table(rows)}"
    )


def _ratio(above: FloatArray, below: FloatArray) -> tuple[float, tuple[float, float] | None]:
    """Return a ratio of sums over units, and its 95 % bootstrap interval."""
    sums = np.stack([above, below], axis=1).astype(np.float64)
    value = sums[:, 0].sum() / max(sums[:, 1].sum(), 1e-12)
    found = bootstrap_interval(
        sums, lambda s: s[:, 0] / np.maximum(s[:, 1], 1e-12), BootstrapSettings()
    )
    return float(value), found


def _pixels(d: ModelDescription, scored: Sequence[ScoredPlane]) -> str:
    names = d.output_as(PixelClasses).channels
    units = [PixelCounts.total([s.pixels for s in own]) for own in _by_unit(scored).values()]
    whole = score_classes(PixelCounts.total(units))
    lines = []
    for i, name in enumerate(names):
        low, high = _interval(units, partial(_auprc, number=i))
        values = (whole.auroc, whole.precision, whole.recall, whole.f1)
        rest = " | ".join(f"{v[i]:.3f}" for v in values)
        span = f" ({low:.3f}-{high:.3f})" if np.isfinite(low) else ""
        lines.append(f"| {name} | {whole.auprc[i]:.3f}{span} | {rest} |")
    spread = " (95 %)" if len(units) > 1 else ""
    head = f"| class | AUPRC{spread} | AUROC | precision | recall | F1 |\n|--|--|--|--|--|--|\n"
    return (
        "All pixels of whole images, empty background included; accuracy "
        f"{whole.accuracy:.3f}.\n\n{head}" + "\n".join(lines)
    )


def _auprc(counts: PixelCounts, *, number: int) -> float:
    return float(score_classes(counts).auprc[number])


def _interval(
    units: Sequence[PixelCounts], score: Callable[[PixelCounts], float], *, resamples: int = 200
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval over units of a score of pooled counts."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(resamples if len(units) > 1 else 0):
        chosen = rng.integers(0, len(units), len(units))
        values.append(score(PixelCounts.total([units[i] for i in chosen])))
    known = np.array(values)[np.isfinite(values)] if values else np.zeros(0)
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def _int8(scored: Mapping[str, Sequence[ScoredPlane]]) -> str:
    said = []
    for name in ("fp32", "int8"):
        cells = np.sum([s.cells for s in scored[name]], axis=0)
        pixels = PixelCounts.total([s.pixels for s in scored[name]])
        said.append(
            f"{name}: F1 {2 * cells[2] / max(1, cells[0] + cells[1]):.4f}, live or dead "
            f"{cells[3] / max(1, cells[2]):.4f}, accuracy of pixels "
            f"{score_classes(pixels).accuracy:.4f}"
        )
    return f"Calibrated on training images. {'; '.join(said)}."


def _by_unit(scored: Sequence[ScoredPlane]) -> dict[str, list[ScoredPlane]]:
    found: dict[str, list[ScoredPlane]] = {}
    for s in scored:
        found.setdefault(s.unit, []).append(s)
    return found
