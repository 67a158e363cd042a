"""Nuclei in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage


def duplicate_positions(lineage: Lineage, *, file: str) -> list[Finding]:
    """Report pairs of nuclei in exactly one place, each pair once."""
    order = np.lexsort((*lineage.position.T, lineage.frame))
    place, frame = lineage.position[order], lineage.frame[order]
    same = (frame[1:] == frame[:-1]) & (place[1:] == place[:-1]).all(axis=1)
    pairs: dict[str, list[int]] = {}
    for at in np.flatnonzero(same).tolist():
        rows = sorted((int(order[at]), int(order[at + 1])))
        names = [str(lineage.name[r]) or f"row {r + 1}" for r in rows]
        pairs.setdefault("|".join(names), []).append(int(frame[at]))
    return [
        Finding(
            file=file,
            rule="duplicate-position",
            frame=min(frames),
            object=pair,
            value=float(len(frames)),
            limit=0.0,
            severity="error",
            reason=f"{pair.replace('|', ' and ')} are in one place in {len(frames)} frames.",
        )
        for pair, frames in pairs.items()
    ]
