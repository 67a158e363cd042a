"""Embryos for the reproduction of the names network, and which are for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages import LineageReading, find_lineages
from fatescope.base import FatescopeError, InputError
from fatescope.lineage.body_axes import body_axes
from fatescope.prepare import unit_hash
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.lineages.reading import read
from fatescope.systems.reproduction.engine import data_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.acquire.lineages import LineageFile
    from fatescope.base import Lineage, Progress

_FEWEST_NUCLEI = 100  # at the fullest of a table; not measured
_MOST_FALLEN = 0.75  # of the most nuclei: fewer at the end are a cliff; not measured
N_RENDERED = 12  # embryos of the quick form
_FEWEST_EMBRYOS = 8  # two test and one validates, five are left to learn from
_INSIDE = "epic_tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingEmbryo:
    """One embryo: what it is called, its lineage, and what it is for."""

    key: str
    lineage: Lineage
    split: str = "train"


def given_tables(data: Path | None) -> list[TrainingEmbryo]:
    """Return the embryos of a folder that the published runs were of, for a quick run."""
    from fatescope.systems.lineages.training.compact_names import LATER, REPORTED

    folder = None if data is None else data_folder(data, _INSIDE)
    files = [] if folder is None else find_lineages([folder])
    wanted = [f for f in files if any(run.table in f.key for run in (REPORTED, LATER))]
    read_ones = ((f.key, _usable(f)) for f in wanted)
    return [TrainingEmbryo(key=key, lineage=lineage) for key, lineage in read_ones if lineage]


def check_data(data: Path | None, *, quick: bool) -> Path | None:
    """Return the folder of tables, or ``None`` for a quick run, which renders its embryos.

    Raises
    ------
    InputError
        If there is none.
    """
    folder = None if quick else data_folder(data, _INSIDE)
    if folder is None and not quick:
        raise InputError(
            "no lineage tables to learn from. Give their folder with --data, or --quick for a "
            "short run on rendered embryos."
        )
    return folder


def load_embryos(
    data: Path | None, *, quick: bool, progress: Progress | None
) -> tuple[list[TrainingEmbryo], str]:
    """Return typical embryos and one sentence that says where they come from.

    A table is used if it is of *C. elegans*, names the cells that body axes need, reaches 100
    nuclei, and does not lose a quarter of them before its end (a scope cliff).

    Raises
    ------
    InputError
        If there is no data folder, or too few tables in it can be used.
    """
    folder = check_data(data, quick=quick)
    if folder is None:
        plans = [LineagePlan(pose=i % 4, minutes=130.0) for i in range(N_RENDERED)]
        embryos = [
            TrainingEmbryo(key=f"rendered-{i:02d}", lineage=simulate_lineage(p, seed=i))
            for i, p in enumerate(plans)
        ]
        return embryos, f"{N_RENDERED} rendered embryos (a schematic lineage, not a real one)"
    files = find_lineages([folder])
    embryos = []
    for done, file in enumerate(files, start=1):
        lineage = _usable(file) if file.path.name.startswith("CD") else None
        if lineage is not None:
            embryos.append(TrainingEmbryo(key=file.key, lineage=lineage))
        if progress is not None:
            progress(done, len(files), "tables read")
    if len(embryos) < _FEWEST_EMBRYOS:
        raise InputError(
            f"{folder}: {len(embryos)} tables can be used, {_FEWEST_EMBRYOS} are needed. Give a "
            "folder with EPIC tables (CD*.csv)."
        )
    return embryos, f"{len(embryos)} typical embryos out of {len(files)} tables"


def split_embryos(embryos: Sequence[TrainingEmbryo], *, test_share: float) -> list[TrainingEmbryo]:
    """Say which embryos are for training, validation and test, by a hash of their names.

    So the split does not depend on the order of files, and an embryo keeps its side when others
    join.
    """
    ordered = sorted(embryos, key=lambda e: unit_hash(e.key))
    n_test = max(2, round(test_share * len(ordered)))
    n_check = max(1, round(0.1 * len(ordered)))
    splits = ["test"] * n_test + ["validation"] * n_check
    splits += ["train"] * (len(ordered) - len(splits))
    return [
        TrainingEmbryo(key=e.key, lineage=e.lineage, split=s)
        for e, s in zip(ordered, splits, strict=True)
    ]


def _usable(file: LineageFile) -> Lineage | None:
    try:
        lineage = read(file, LineageReading()).lineage
        named = body_axes(lineage).from_names
    except FatescopeError:
        return None
    species = lineage.metadata.get("species")
    other = isinstance(species, dict) and "elegans" not in str(species.get("value", "elegans"))
    counts = np.bincount(lineage.frame - lineage.frame.min())
    fallen = counts[-1] < _MOST_FALLEN * counts.max()
    return (
        lineage if named and not other and counts.max() >= _FEWEST_NUCLEI and not fallen else None
    )
