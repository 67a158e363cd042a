"""How many links and divisions are found again when a table's own are hidden.

    python -m benchmarks.linking --data DATA

Tracked EPIC tables up to 350 cells; every frame, or each third; all nuclei, or 98 % of them. Means
over tables with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fatescope.acquire.lineages import read_lineage
from fatescope.base import Lineage, Spacing
from fatescope.base.types import IntArray
from fatescope.lineage.link import link_detections
from fatescope.numeric import BootstrapSettings, mean_interval
from fatescope.track import ObjectLinkSettings

_MOST = 350
_SPACING = Spacing.of(source="assumed", Z=1.0, Y=0.09, X=0.09)
_SCORES = ("links right", "links found", "divisions right", "divisions found")


def main() -> None:
    """Print a table of scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with epic_tables/")
    parser.add_argument("--every", type=int, default=10, help="one table in so many is used")
    asked = parser.parse_args()
    tables = sorted((asked.data / "epic_tables").glob("CD*.csv.gz"))[:: asked.every]
    print("| frames | nuclei |", " | ".join(_SCORES), "|\n|--|--|--|--|--|--|")
    for step in (1, 3):
        for share in (1.0, 0.98):
            found = np.array([score(t, step=step, share=share) for t in tables])
            cells = []
            for column in found.T:
                value, low, high = mean_interval(column, BootstrapSettings())
                cells.append(f"{value:.3f} ({low:.3f} to {high:.3f})")
            print(f"| each {step} | {100 * share:.0f} % |", " | ".join(cells), "|", flush=True)


def score(table: Path, *, step: int, share: float) -> tuple[float, ...]:
    """Return precision and recall of links and of divisions."""
    truth = thinned(read_lineage(table), step=step, share=share)
    found = link_detections(truth, ObjectLinkSettings())
    values = []
    for events in (_links, _divisions):
        true, mine = set(events(truth.parent)), set(events(found.parent))
        both = len(true & mine)
        values += [both / max(len(mine), 1), both / max(len(true), 1)]
    return tuple(values)


def thinned(lineage: Lineage, *, step: int, share: float) -> Lineage:
    """Return the lineage up to 350 cells, with one frame in ``step``, and some nuclei missed."""
    frame = lineage.frame - lineage.frame.min()
    many = np.flatnonzero(np.bincount(frame) >= _MOST)
    kept = (frame <= (many[0] if len(many) else frame.max())) & (frame % step == 0)
    kept &= np.random.default_rng(0).random(len(frame)) < share
    row = np.flatnonzero(kept)
    new = np.full(len(frame), -1)
    new[row] = np.arange(len(row))
    parent = lineage.parent[row]
    while (gone := (parent >= 0) & ~kept[parent]).any():
        parent[gone] = lineage.parent[parent[gone]]
    return replace(
        lineage,
        frame=frame[row] // step,
        position=lineage.position[row],
        parent=np.where(parent >= 0, new[parent], -1),
        name=lineage.name[row],
        radius_px=lineage.radius_px[row],
        spacing=_SPACING,
        extra=lineage.extra.rows(row),
    )


def _links(parent: IntArray) -> Iterator[tuple[int, int]]:
    return ((int(parent[r]), int(r)) for r in np.flatnonzero(parent >= 0))


def _divisions(parent: IntArray) -> Iterator[tuple[int, ...]]:
    n = np.bincount(parent[parent >= 0], minlength=len(parent))
    daughters: dict[int, list[int]] = {}
    for row in np.flatnonzero((parent >= 0) & (n[parent] == 2)):
        daughters.setdefault(int(parent[row]), []).append(int(row))
    return ((mother, *sorted(pair)) for mother, pair in daughters.items())


if __name__ == "__main__":
    main()
