"""From what the network says of frames to counts, tables, and what is odd about a movie."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.lineages.growth_file import read_growth
from fatescope.base import Finding, InputError, Table
from fatescope.lineage.growth import (
    GROUPS,
    GrowthCurves,
    GrowthMatch,
    PopulationEstimate,
    estimate_populations,
    match_growth,
)
from fatescope.systems.populations.inference import (
    CUT,
    LOST,
    CountChances,
    cells_of_bins,
    frame_chances,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.systems.populations.frames import SeenMovie

LETTERS = {
    "A": ("AB",),
    "E": ("E", "EMS"),
    "M": ("MS",),
    "P": ("P0", "P1", "P2", "P3"),
    "C": ("C",),
    "D": ("D",),
}
"""Founders whose cells begin with a letter; P4 is P as one cell and Z as two."""


def infer_populations(
    seen: SeenMovie,
    output: CountChances,
    *,
    interval_min: float | None,
    curves: GrowthCurves,
) -> tuple[GrowthMatch, PopulationEstimate]:
    """Return how a movie fits the growth of embryos, and the counts that follow.

    Raises
    ------
    InputError
        If no frame is without a fault.
    """
    if not seen.used.any():
        raise InputError("every frame has a fault or is excluded, so nothing can be counted.")
    match = match_growth(
        frame_chances(seen.logits[:, :-1]),
        seen.used,
        cells_of_bins(),
        curves,
        interval_min=interval_min,
        errors=output.frame_errors(),
        floor=output.floor,
    )
    estimate = estimate_populations(
        match, curves, n_frames=len(seen.used), up_to=output.counts_up_to
    )
    return match, estimate


@cache
def shipped_growth() -> GrowthCurves:
    """Read the growth of recorded embryos once per process."""
    count, tempo, metadata = read_growth()
    return GrowthCurves(count=count, tempo=tempo, metadata=metadata)


def abstained_from(estimate: PopulationEstimate) -> PopulationEstimate:
    """Return an estimate that says nothing of any frame."""
    zero = np.zeros_like(estimate.count)
    return PopulationEstimate(
        count=zero,
        low=zero,
        high=zero,
        clock_min=estimate.clock_min,
        abstained=np.ones_like(estimate.abstained),
    )


def count_rows(estimate: PopulationEstimate) -> Table:
    """Return ``frame, founder, count, low, high``; empty where the frame is abstained from."""
    n = len(estimate.abstained)
    gone = np.repeat(estimate.abstained, len(GROUPS))

    def column(values: NDArray[Any]) -> NDArray[Any]:
        flat = values.ravel().astype(object)
        flat[gone] = None
        return flat

    return Table(
        {
            "frame": np.repeat(np.arange(n), len(GROUPS)),
            "founder": np.array(GROUPS * n, dtype=object),
            "count": column(estimate.count),
            "low": column(estimate.low),
            "high": column(estimate.high),
        }
    )


def frame_rows(estimate: PopulationEstimate) -> Table:
    """Return ``frame, clock_min, abstained``; the clock is empty where it is abstained from."""
    clock = np.round(estimate.clock_min, 1).astype(object)
    clock[estimate.abstained] = None
    return Table(
        {
            "frame": np.arange(len(clock)),
            "clock_min": clock,
            "abstained": estimate.abstained.astype(np.int64),
        }
    )


def letter_rows(estimate: PopulationEstimate) -> Table:
    """Return cells by the first letter of their names, as published tables have them."""
    of = {g: estimate.count[:, i] for i, g in enumerate(GROUPS)}
    columns = {
        letter: np.sum([of[f] for f in founders], axis=0) for letter, founders in LETTERS.items()
    }
    columns["P"] = columns["P"] + (of["P4"] == 1)
    columns["Z"] = np.where(of["P4"] >= 2, of["P4"], 0)
    order = ("A", "E", "M", "P", "C", "D", "Z")
    kept = ~estimate.abstained
    return Table(
        {
            "frame": np.flatnonzero(kept),
            **{x: columns[x][kept].astype(np.int64) for x in order},
            "total": of["total"][kept],
        }
    )


def why_unlike(seen: SeenMovie, match: GrowthMatch, output: CountChances) -> str:
    """Return in what a movie is unlike the training data; empty where it is like them."""
    if seen.unlike:
        return "; ".join(seen.unlike)
    if match.fit < output.least_fit:
        return (
            "no growth of a recorded embryo explains it "
            f"({match.fit:.1f}; at least {output.least_fit:.1f} in training)"
        )
    return ""


def movie_findings(
    image: Image,
    seen: SeenMovie,
    estimate: PopulationEstimate,
    output: CountChances,
    unlike: str,
) -> Iterator[Finding]:
    """Say what is odd about a movie: unlike the training data, neighbour, cut, bridged frames."""
    if unlike:
        yield Finding(
            file=image.name,
            rule="unlike-training",
            severity="warning",
            reason=f"The movie is unlike those that the model was trained on: {unlike}. Nothing "
            "was counted. It takes maximum projections of nuclei in C. elegans embryos.",
        )
        return
    beside = 1 / (1 + np.exp(-seen.logits[seen.used, -1].astype(np.float64)))
    chance = float(np.median(beside))
    if chance > output.neighbour:
        yield Finding(
            file=image.name,
            rule="neighbour",
            severity="warning",
            value=round(chance, 3),
            limit=output.neighbour,
            reason="Part of another embryo seems to be in the field. Its nuclei are not counted; "
            "crop the movie where the two overlap.",
        )
    if seen.border > CUT:
        yield Finding(
            file=image.name,
            rule="cut",
            severity="warning",
            value=round(seen.border, 3),
            limit=CUT,
            reason="The border of the frames seems to cut into the embryo: along "
            f"{seen.border:.0%} of its length it reaches the edge. "
            + (
                "So many nuclei are outside that nothing was counted. "
                if seen.border > LOST
                else "Nuclei outside are not seen, so the counts may be too low. "
            )
            + "Use frames with all of it.",
        )
        if seen.border > LOST:
            return
    if seen.rules:
        named = ", ".join(sorted(set(seen.rules.values())))
        yield Finding(
            file=image.name,
            rule="bridged",
            severity="info",
            value=float(len(seen.rules)),
            reason=f"{len(seen.rules)} of {len(seen.used)} frames are faulty or excluded "
            f"({named}); their counts come from the frames around them.",
        )
    gone = int(estimate.abstained.sum())
    if gone:
        first = int(np.flatnonzero(estimate.abstained)[0])
        yield Finding(
            file=image.name,
            frame=first,
            rule="abstained",
            severity="info",
            value=float(gone),
            reason=f"{gone} of {len(seen.used)} frames, the first of them {first}, are of a stage "
            f"that no recording of the training covers (more than about {output.counts_up_to} "
            "cells); nothing is said of them.",
        )
