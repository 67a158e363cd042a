"""What the card of a network that outlines objects says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.evaluate import ScoreSettings, summarise_scores
from fatescope.models import DISTANCE_MAPS
from fatescope.pages import CELL_WORDS, in_other_words
from fatescope.train.card import Card, write_card

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.models import ModelDescription
    from fatescope.train.provenance import Provenance
    from fatescope.train.scoring import Scored
    from fatescope.train.settings import InstanceRecipe

SIZES = (("under 14 px", 0, 14), ("14 to 30 px", 14, 30), ("30 px and more", 30, float("inf")))
_HEAD = (
    "| | images | nuclei | AP 0.50{spread} | AP 0.75 | mean AP 0.50-0.90 | F1 0.50 "
    "| pixel IoU, pooled |\n"
    "|--|--|--|--|--|--|--|--|"
)
_FLUORESCENCE = (
    "Other laboratories, stains and microscopes; colour, phase contrast and electron "
    "micrographs; nuclei that overlap in projection; images whose size had to be estimated. "
    "Nuclei cut by the edge of an image count like all others. Truth is hand-drawn or "
    "computed and has faults of its own: some visible nuclei lack a label."
)
_ELECTRON = (
    "Few images, and sections of one series are alike: the interval is one over images, not "
    "over embryos, and says nothing about other embryos, stages, fixations and microscopes. "
    "Dividing cells were in no image at all; late embryos with many small nuclei, larvae and "
    "adults were in no real one. Outlines were drawn by "
    "hand and kept as JPEG, so their edges are rough. Sizes were given: an image whose size has "
    "to be estimated can do worse."
)
_OTHER = (
    "Other laboratories, cells and microscopes, and every kind of image that is not among the "
    "held-out ones; objects that overlap in projection; images whose size had to be estimated. "
    "Objects cut by the edge of an image count like all others. Truth was drawn or computed and "
    "has faults of its own."
)
_LIMITS = {"electron": _ELECTRON, "fluorescence": _FLUORESCENCE}
_KINDS = {
    "fluorescence": " (fluorescence)",
    "phase": " (phase contrast)",
    "bright-field": " (brightfield)",
    "electron": " (electron micrograph)",
    "any": ", of a kind that its training images show and its recipe does not name",
}


def write_instance_card(
    description: ModelDescription,
    scored: Mapping[str, Sequence[Scored]],
    *,
    recipe: InstanceRecipe,
    provenance: Provenance,
    n_validation: int,
    left_out: Sequence[Scored] | None = None,
) -> tuple[str, dict[str, float]]:
    """Write the model card, and return its main numbers.

    Parameters
    ----------
    description : ModelDescription
        With the chosen thresholds.
    scored : mapping of str to sequence of Scored
        Held-out samples by precision, ``"fp32"`` and ``"int8"``; may be empty. Where ``left_out``
        is given, the same samples as there, which the network has seen.
    recipe, provenance : InstanceRecipe, Provenance
        How the network was made.
    n_validation : int
        Images on which thresholds were chosen.
    left_out : sequence of Scored, optional
        Scores of other networks, each trained without the unit it is scored on.

    Returns
    -------
    str, dict
        Markdown, and held-out scores by name: ``ap_50``, ``ap_75``, ``mean_ap_50_90``, and their
        int8 twins where there are test samples.
    """
    held = scored["fp32"] if left_out is None else left_out
    scores = _main_numbers(held) if held else {}
    if held and left_out is None:
        scores |= {f"{k}_int8": v for k, v in _main_numbers(scored["int8"]).items()}
    seen = description.training
    card = Card(
        expects=_expects(description),
        step=f"{recipe.fit.batch} crops of {recipe.crops.size_px} px",
        saw=f"{seen.n_images} images with {seen.n_objects:,} nuclei, {n_validation} of the images "
        "for the choice of thresholds only",
        held_out=_held_out(held, left_out=left_out is not None) if held else "",
        more=(
            ("Six images", _planes(held)),
            ("int8", _int8(scored, seen=left_out is not None)),
        )
        if held
        else (),
        limits=_LIMITS.get(description.image.modality, _OTHER),
    )
    text = write_card(card, description, recipe=recipe, provenance=provenance)
    if description.task.startswith("nuclei"):
        return text, scores
    return in_other_words(text, CELL_WORDS), scores


def _expects(d: ModelDescription) -> str:
    image, channels, t = d.image, d.instances.channels, d.instances.thresholds
    (least, most), (low, high) = image.percentiles, image.diameter_range_px
    route = f"{t.votes:g} smoothed votes for a centre, centres more than {t.apart_px} px apart"
    if channels == DISTANCE_MAPS:
        route = (
            f"core {t.core:g}, border weight {t.border_weight:g}, merge where border is under "
            f"{t.merge_border:g} and distance over {t.merge_distance:g}"
        )
    bright = "" if image.polarity == "any" else f", {image.polarity} objects"
    return (
        f"One plane{_KINDS[image.modality]}{bright}, any bit depth: percentiles "
        f"{least:g} and {most:g} of the whole plane become 0 and 1. Objects "
        f"are brought to {image.diameter_px:g} px (trained from {low:g} to {high:g} px). "
        f"Maps: {', '.join(channels)}.\n\n"
        f"Thresholds: foreground {t.foreground:g}, {route}, smallest area {t.min_area_px} px at "
        f"working size, least score {t.min_score:g}."
    )


def _held_out(scored: Sequence[Scored], *, left_out: bool) -> str:
    rows = [_row("all", scored)]
    for source in _several({_source(s) for s in scored}):
        rows.append(_row(f"of these, {source}", [s for s in scored if _source(s) == source]))
    kinds = _several({s.sample.kind for s in scored})
    rows += [_row(k, [s for s in scored if s.sample.kind == k]) for k in kinds]
    for name, low, high in SIZES:
        inside = [s for s in scored if low <= s.diameter_px < high]
        rows += [_row(f"median diameter of the unit {name}", inside)] if inside else []
    units = len({s.sample.unit for s in scored})
    head = _HEAD.format(spread=" (95 %)" if units > 1 else "")
    who = (
        f"{len(scored)} images of {units} units, each left out once: its score is that of a "
        "network trained in the same way, thresholds included, on all the others. The network in "
        "this package was trained on all of them, so that it has no held-out score of its own. "
        "Each image was"
        if left_out
        else f"{len(scored)} images of {units} units that neither training nor the choice of "
        "thresholds has seen, each"
    )
    return (
        f"{who} "
        "analysed at the working size by the true median diameter of its unit. AP is "
        "TP / (TP + FP + FN), pooled over images; intervals by bootstrap over units.\n\n"
        + "\n".join([head, *rows])
    )


def _source(scored: Scored) -> str:
    """Return the data set of a sample: what stands before the slash in its unit."""
    head, slash, _ = scored.sample.unit.rpartition("/")
    return head if slash else ""


def _several(names: set[str]) -> list[str]:
    """Return names that divide the samples, sorted; none where all samples have one name."""
    return sorted(names - {""}) if len(names) > 1 else []


def _row(name: str, scored: Sequence[Scored]) -> str:
    found = _summary(scored)
    interval = f" ({found['low']:.3f}-{found['high']:.3f})" if found["low"] is not None else ""
    return (
        f"| {name} | {found['n_images']} | {found['n_true']:,} | {found['ap']['0.50']:.3f}"
        f"{interval} | {found['ap']['0.75']:.3f} | {found['mean_ap_50_90']:.3f} | "
        f"{found['f1']['0.50']:.3f} | {found['iou_pooled'] or 0:.3f} |"
    )


def _summary(scored: Sequence[Scored]) -> dict[str, Any]:
    return summarise_scores(
        [s.scores for s in scored], ScoreSettings(), units=[s.sample.unit for s in scored]
    )


def _planes(scored: Sequence[Scored]) -> str:
    """Describe six images: the two best, two in the middle, the two worst by AP at 0.50."""
    ordered = sorted(
        (s for s in scored if s.scores.n_true),
        key=lambda s: (-s.scores.ap(50), -s.scores.ap(75), s.sample.image.name),
    )
    middle = len(ordered) // 2
    chosen = {"best": ordered[:2], "median": ordered[2:][middle - 3 :][:2], "worst": ordered[-2:]}
    lines = [
        f"| {word} | {s.sample.image.stem} | {s.sample.kind} | {s.scores.n_true} | "
        f"{s.scores.n_pred} | {s.scores.tp[0]} | {s.scores.ap(50):.3f} | {s.scores.ap(75):.3f} |"
        for word, those in chosen.items()
        for s in those
    ]
    return (
        "Of the held-out ones, by AP at 0.50.\n\n"
        "| | image | kind | true | found | matched | AP 0.50 | AP 0.75 |\n"
        "|--|--|--|--|--|--|--|--|\n" + "\n".join(lines)
    )


def _main_numbers(scored: Sequence[Scored]) -> dict[str, float]:
    found = _summary(scored)
    return {
        "ap_50": round(found["ap"]["0.50"], 4),
        "ap_75": round(found["ap"]["0.75"], 4),
        "mean_ap_50_90": round(found["mean_ap_50_90"], 4),
    }


def _int8(scored: Mapping[str, Sequence[Scored]], *, seen: bool) -> str:
    exact, small = (_main_numbers(scored[precision]) for precision in ("fp32", "int8"))
    loss = exact["mean_ap_50_90"] - small["mean_ap_50_90"]
    where = " On these images, which both networks of this package have seen:" if seen else ""
    return (
        f"Calibrated on training images.{where} Mean AP {small['mean_ap_50_90']:.3f} against "
        f"{exact['mean_ap_50_90']:.3f} in f32, a loss of {loss:.4f}; AP at 0.50 "
        f"{small['ap_50']:.3f} against {exact['ap_50']:.3f}."
    )
