"""What is odd about a movie whose cells were counted, in a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Finding
from fatescope.systems.populations.inference import CUT, LOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.base import Image
    from fatescope.lineage.growth import Match, PopulationEstimate
    from fatescope.systems.populations.frames import SeenMovie
    from fatescope.systems.populations.inference import CountChances


def why_unlike(seen: SeenMovie, match: Match, output: CountChances) -> str:
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
