"""Which samples each of several trainings leaves out: units, or blocks of time of one movie."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.prepare import read_samples
from fatescope.prepare.store import SPLITS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.prepare import Sample
    from fatescope.train.leave_out_settings import LeaveOut

LEAST_UNITS = 3
BLOCKS = 5
"""Blocks of time of a movie that is the only one of its kind, where nobody asks for folds."""
GUARD = 10
"""Frames beside a block of time that no training sees: they are nearly the same images."""
_ORDER = 12  # seed of the fixed order of units; any would do


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fold:
    """What one training leaves out.

    Parameters
    ----------
    name : str
    held : frozenset of int
        Samples that it is scored on, by their row in the manifest.
    beside : frozenset of int
        Samples that it does not learn from either, since they are nearly the same as some of those.
    """

    name: str
    held: frozenset[int]
    beside: frozenset[int] = frozenset()

    def apply(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return a manifest in which the samples of this fold are the test; no other test is."""
        rows = []
        for i, s in enumerate(samples):
            if i in self.held:
                rows.append(replace(s, split="test"))
            elif i not in self.beside and s.split != "test":
                rows.append(s)
        return rows


def deal_folds(data: Path, asked: LeaveOut) -> list[_Fold]:
    """Deal the training units of a kind of image, or of all, to folds.

    A movie that is the only one of its kind is cut into blocks of time, each a unit of its own, as
    many as there are folds (else five); frames within `GUARD` of a block are beside it.

    Raises
    ------
    InputError
        If there are fewer than three units, or fewer than folds.
    """
    samples = read_samples(data, splits=SPLITS)
    kind = asked.leave_out or "all"
    units: dict[str, list[int]] = defaultdict(list)
    for i, s in enumerate(samples):
        if s.split == "train" and kind in ("all", s.kind):
            units[s.unit].append(i)
    whole = [part for unit in sorted(units) for part in _parts(unit, units[unit], samples, asked)]
    if len(whole) < max(LEAST_UNITS, asked.folds or 0):
        kinds = ", ".join(sorted({s.kind for s in samples if s.split == "train"}))
        raise InputError(
            f"--leave-out {kind}: {len(whole)} units of this kind would learn; "
            f"{max(LEAST_UNITS, asked.folds or 0)} or more are needed. Kinds are: {kinds}; or all."
        )
    if asked.folds is None:
        return whole
    order = np.random.default_rng(_ORDER).permutation(len(whole)).tolist()
    return [
        _Fold(
            name=f"part {k + 1} of {asked.folds}",
            held=frozenset().union(*(whole[i].held for i in order[k :: asked.folds])),
            beside=frozenset().union(*(whole[i].beside for i in order[k :: asked.folds])),
        )
        for k in range(asked.folds)
    ]


def _parts(
    unit: str, rows: Sequence[int], samples: Sequence[Sample], asked: LeaveOut
) -> list[_Fold]:
    """Return a unit as it is, or the blocks of time of a movie that is alone of its kind."""
    first = samples[rows[0]]
    alone = first.role == "lineage" and {unit} == {
        s.unit for s in samples if s.kind == first.kind and s.split == "train"
    }
    frames = np.array([samples[i].frame or 0 for i in rows])
    n_blocks = min(asked.folds or BLOCKS, len(rows))
    if not alone:
        return [_Fold(name=unit, held=frozenset(rows))]
    blocks = np.array_split(np.argsort(frames, kind="stable"), n_blocks)
    found = []
    for block in blocks:
        low, high = int(frames[block].min()), int(frames[block].max())
        near = (frames >= low - GUARD) & (frames <= high + GUARD)
        held = frozenset(rows[i] for i in block.tolist())
        beside = frozenset(rows[i] for i in np.flatnonzero(near).tolist()) - held
        found.append(_Fold(name=f"{unit}, frames {low} to {high}", held=held, beside=beside))
    return found
