"""The card of a package, the same for every task: what it takes, what it is worth, what not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fatescope.models import ModelDescription, ModelPackage
    from fatescope.train.provenance import Provenance
    from fatescope.train.recipe_settings import Recipe

_HELD_OUT = "Held-out score"
OTHER_KINDS = "Images of other kinds"
_NOT_MEASURED = (
    "Not measured: how often images of another kind pass without the finding `unlike-training`, "
    "and how often one of this kind gets it. Single numbers of an image are compared with their "
    "ranges in training; traits are not weighed together, also where the package that this one was "
    "trained from does so. Look at the outlines of images from elsewhere."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What one task says of its package; Markdown without headings.

    Parameters
    ----------
    expects : str
        What the network takes, and the thresholds by which its output is decoded.
    step : str
        What a step of training takes, for instance ``"16 crops of 96 px"``.
    saw : str
        What was seen in training and validation, for instance ``"9 images with 300 nuclei"``.
    held_out : str
        Scores on test units with their intervals; empty where there were none.
    limits : str
        What the scores do not cover.
    more : tuple of (heading, text)
        Other sections, after the scores.
    """

    expects: str
    step: str
    saw: str
    held_out: str
    limits: str
    more: tuple[tuple[str, str], ...] = ()


def write_card(
    card: Card, description: ModelDescription, *, recipe: Recipe, provenance: Provenance
) -> str:
    """Return the card of a package, Markdown."""
    held_out = card.held_out or "There were no test units: its worth is unknown."
    if provenance.twin is not None:
        held_out = _of_twin(description, provenance.twin)
    sections = [
        ("What it expects", card.expects),
        ("How it was made", _made(card, description, recipe, provenance)),
        (_HELD_OUT, held_out),
        *card.more,
        ("What the numbers do not cover", card.limits),
    ]
    if description.cite:
        lines = (f"- {c.text}{f' <{c.url}>' if c.url else ''}" for c in description.cite)
        sections.append(("To be cited", "\n".join(lines)))
    if description.input.kind == "image":
        sections.append((OTHER_KINDS, _other_kinds(description)))
    parts = [f"# {description.name}", description.summary]
    return "\n\n".join([*parts, *(f"## {name}\n\n{text}" for name, text in sections)]) + "\n"


def _other_kinds(d: ModelDescription) -> str:
    return d.image.likeness.record if d.image.likeness is not None else _NOT_MEASURED


def section_of(card: str, heading: str) -> str:
    """Return the text of a section of a card; empty where there is none."""
    _, _, rest = card.partition(f"\n## {heading}\n")
    return rest.partition("\n## ")[0].strip()


def _of_twin(d: ModelDescription, twin: ModelPackage) -> str:
    seen, of = len(twin.description.training.units_seen), len(d.training.units_seen)
    return (
        f"The network in this package was trained on all {of} units, so that it has no held-out "
        f"score of its own. This is that of its twin: the same recipe and seed, trained on {seen} "
        f"of them.\n\n{section_of(twin.files['card.md'].decode(), _HELD_OUT)}"
    )


def score_table(rows: Iterable[tuple[str, float, tuple[float, float] | None]]) -> str:
    """Return a Markdown table of scores: their words, value, and 95 % interval or none."""
    lines = ["| | value | 95 % |", "|--|--|--|"]
    for words, value, interval in rows:
        known = f"{value:.3f}" if math.isfinite(value) else "unknown"
        between = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else ""
        lines.append(f"| {words} | {known} | {between} |")
    return "\n".join(lines)


def _made(card: Card, d: ModelDescription, recipe: Recipe, provenance: Provenance) -> str:
    minutes = provenance.cpu_minutes
    cost = f"{minutes:.1f} CPU-minutes" if minutes else "cost not recorded"
    stages = f" in {len(recipe.stages)} stages" if len(recipe.stages) > 1 else ""
    before = ""
    if provenance.start is not None:
        t = provenance.start.training
        before = (
            f" It went on from `{provenance.start.name}`, which had seen {t.n_images} images"
            f"{f' with {t.n_objects:,} objects' if t.n_objects else ''}, and what that one went "
            "on from."
        )
        if d.image.modality == "any" != provenance.start.image.modality:
            before += " Its training images are unlike those, so their kind was not taken over."
    return (
        f"`{provenance.command}`: recipe `{recipe.name}`, seed {recipe.seed}, "
        f"{provenance.steps:,} steps of {card.step}{stages}, {cost}. It saw {card.saw}.{before} "
        f"The hashes of all {len(d.training.units_seen)} units are in `rdf.yaml`: a score on them "
        "is not a held-out score. One seed was trained: the spread between seeds is not known."
    )
