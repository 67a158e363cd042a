"""Old against new on membranes: the same held-out planes, paired, by stratum, as films.

A volume is the unit of work: both sides segment it, every plane with cells is scored, and label
images of both lie in the folder. The page and the films are made of those.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, read_table
from fatescope.base import Execution, InputError, ModelError, SettingsError, Table, WorkUnit
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.evaluate import (
    MembraneScores,
    PairedDifference,
    borders_of,
    compare_membrane_scores,
    compare_scores,
    published_interior,
    score_labels,
    score_membranes,
)
from fatescope.evaluate.score import THRESHOLDS, LabelScores
from fatescope.prepare import SliceVolume, close_gaps, group_slices, read_slice_volume, unit_hash
from fatescope.prepare.store import SPLITS, read_samples, unit_ids, write_image_file
from fatescope.systems.compared import (
    SIDES,
    ModelsCompared,
    Side,
    refuse_none,
    refuse_seen,
    two_names,
)
from fatescope.systems.membranes.compare_page import MembraneComparison, write_membrane_comparison
from fatescope.systems.membranes.sides import open_membrane_side, without_small

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Progress
    from fatescope.evaluate import ComparedScore, CompareSettings
    from fatescope.prepare import Sample
    from fatescope.systems.membranes.sides import FoundPlane, MembraneSide

BLOCK_PLANES = 8
"""Neighbouring planes are alike: of a single unit, blocks of so many are resampled together."""
_SUMS = tuple(MembraneScores.__dataclass_fields__)
SCORES: dict[ComparedScore, str] = {
    "wall_f1": "F1 of walls at 2 px",
    "iou": "pixel IoU of interiors (the published measure)",
    "ap_50": "AP of cells at 0.50",
}


@dataclass(frozen=True, slots=True)
class _HeldOut(WorkUnit):
    """The test planes of one volume: a unit of work."""

    samples: tuple[Sample, ...]
    identity: str

    @property
    def key(self) -> str:
        """Its unit, with the frame of a division by time; a single plane by its name."""
        first = self.samples[0]
        return first.key if first.plane is None else f"{first.unit}@{first.frame}"

    @property
    def paths(self) -> list[Path]:
        """Images and labels."""
        return [p for s in self.samples for p in s.paths]


def _answer(d: PairedDifference, names: tuple[str, str], over: str) -> str:
    """Return the result as one sentence."""
    sure = f"95 % {d.span}, over {over}" if d.span else "no interval"
    shown = f"{d.n_images} held-out planes"
    return d.sentence(names, score=SCORES[d.score], sure=sure, shown=shown)


def compare_membranes(
    old: Path | str,
    new: Path | str,
    *,
    data: Path,
    out: Path,
    settings: CompareSettings,
    fresh: bool = False,
    progress: Progress | None = None,
) -> ModelsCompared:
    """Score two models of membranes on the test units of a manifest.

    Parameters
    ----------
    old, new : path or str
        ``classical``, packages of walls, or ONNX files with a sidecar of six lines.
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are used and no others.
    out : Path
        Gets ``report.html``, ``planes.csv`` and ``.parquet``, ``film.mp4`` and ``film.gif``,
        ``regressions/`` and ``labels/old`` and ``labels/new``.
    settings : CompareSettings
    fresh : bool
    progress : callable, optional

    Raises
    ------
    InputError
        If there is no test unit, or a package has seen one of them.
    ModelError
        If a model cannot be read or draws something else.
    SettingsError
        If the score is none of membranes.
    """
    sides = dict(zip(SIDES, map(open_membrane_side, (old, new)), strict=True))
    units = held_out(data, list(sides.values()))
    score = asked_score(settings)
    names = two_names(sides["old"].name, sides["new"].name)
    record = settings.model_dump(mode="json") | {s: sides[s].sha256 for s in SIDES}
    with Run.open(
        out, command="compare", settings=record | {"data": str(data)}, fresh=fresh
    ) as run:
        todo = pending(run, units)
        spacing = settings.spacing_um or (0.43, 0.18, 0.18)
        job = partial(compare_volume, out=run.out, sides=sides, spacing=spacing)
        work_through(run, todo, job, execution=Execution(workers=1), progress=progress)
        summary = run.finish()
        if not summary.units_done:
            raise InputError(f"{data}: no test volume could be compared. {summary.errors[0]}")
        rows = read_table(out / "planes.parquet")
        wanted = {u.key for u in units}
        rows = rows.rows(np.array([u in wanted for u in rows["unit"]]))
        drawn, over = what_is_drawn(rows)
        compared = {s: difference(rows, drawn, s, settings) for s in SCORES}
        answer = _answer(compared[score], names, over)
        page = MembraneComparison(
            rows=rows,
            names=names,
            lead=answer,
            over=over,
            differences=[(SCORES[s], d) for s, d in compared.items()],
            strata=strata(rows, drawn, score, settings),
            units={u.key: u.samples for u in units},
            score=score,
        )
        for file in write_membrane_comparison(run.out, page):
            run.wrote(file)
    return ModelsCompared(
        summary=summary, names=names, difference=compared[score], answer=answer, over=over
    )


def asked_score(settings: CompareSettings) -> ComparedScore:
    """Return the score that decides: that of the user, or F1 of walls."""
    if "score" not in settings.model_fields_set:
        return "wall_f1"
    if settings.score not in SCORES:
        raise SettingsError(
            f"--score {settings.score}: not measured on membranes. Take one of: "
            f"{', '.join(SCORES)}."
        )
    return settings.score


def held_out(data: Path, sides: Sequence[MembraneSide]) -> list[_HeldOut]:
    """Return the test volumes; raise where a model has seen one of them."""
    rows = read_samples(data, splits=SPLITS)
    known = {s.key: i for s, i in zip(rows, unit_ids(rows), strict=True)}
    groups = group_slices([s for s in rows if s.split == "test"])
    refuse_none(groups, data)
    whole = [s for g in groups for s in g if s.plane is None and read_image(s.image).size("Z") > 1]
    if whole:
        raise InputError(
            f"{whole[0].image}: planes are compared, and this test unit is a file with a whole "
            "volume. Cut it with `fatescope prepare slices`."
        )
    units = [_HeldOut(tuple(g), known[g[0].key]) for g in groups]
    hashes = [
        (u.key, {unit_hash(u.identity), unit_hash(u.samples[0].unit), unit_hash(u.key)})
        for u in units
    ]
    for side in sides:
        refuse_seen(side.name, side.seen, hashes, data)
    return units


def compare_volume(
    unit: _HeldOut, *, out: Path, sides: Mapping[Side, MembraneSide], spacing: Sequence[float]
) -> Outcome:
    """Segment a volume with both sides, and score its planes that hold cells."""
    begun = time.monotonic()
    volume = read_slice_volume(unit.samples)
    if volume.pixels.dtype.kind not in "iuf":
        raise ModelError(f"{unit.key}: values of type {volume.pixels.dtype} cannot be compared.")
    truth = _true_cells(volume, spacing)
    planes = [z for z in volume.planes if truth[z].any()] or list(volume.planes)
    found = {s: side.segment(volume.pixels, spacing, planes) for s, side in sides.items()}
    names = {z: s.image.stem for z, s in zip(volume.planes, volume.samples, strict=True)}
    rows = [
        _row(unit, volume, truth[z], z, i / max(len(planes) - 1, 1), names[z], found)
        for i, z in enumerate(planes)
    ]
    n_cells = len(np.unique(truth)) - 1
    columns = {k: np.array([r[k] for r in rows], dtype=_type(rows[0][k])) for k in rows[0]}
    columns["stage"] = np.full(len(rows), n_cells)
    files = []
    for side in SIDES:
        for z in planes:
            path = out / "labels" / side / unit.key.replace("/", "-") / f"{names[z]}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image_file(path, found[side][z].cells.astype(np.uint16))
            files.append(path.relative_to(out))
    return Outcome(
        input=describe_files(unit.paths),
        tables={"planes": Table(columns)},
        files=[str(f) for f in files],
        seconds={"compare": time.monotonic() - begun},
    )


def _type(value: object) -> Any:
    return object if isinstance(value, str) else None


def _true_cells(volume: SliceVolume, spacing: Sequence[float]) -> NDArray[np.int32]:
    if len(volume.labels) == 1:
        return close_gaps(volume.labels[0], spacing[1:])[None]
    return close_gaps(volume.labels, spacing)


def _row(
    unit: _HeldOut,
    volume: SliceVolume,
    truth: NDArray[np.int32],
    z: int,
    depth: float,
    name: str,
    found: Mapping[Side, Mapping[int, FoundPlane]],
) -> dict[str, Any]:
    """Score both sides on one plane."""
    large = without_small(truth)
    row: dict[str, Any] = {
        "unit": unit.key,
        "image": name,
        "plane": z,
        "depth": depth,
        "cells": len(np.unique(large)) - 1,
    }
    for side in SIDES:
        plane = found[side][z]
        scores = score_membranes(
            plane.interior,
            borders_of(plane.cells),
            true_interior=published_interior(volume.labels[z]),
            true_walls=borders_of(truth),
        )
        row |= {f"{k}_{side}": v for k, v in zip(_SUMS, scores.as_sums(), strict=True)}
        row[f"iou_{side}"], row[f"wall_f1_{side}"] = scores.iou, scores.wall_f1
        cells = score_labels(large, without_small(plane.cells))
        row |= {
            f"cells_n_true_{side}": cells.n_true,
            f"cells_n_pred_{side}": cells.n_pred,
            f"cells_tp_{side}": cells.tp[0],
        }
    return row


def what_is_drawn(rows: Table) -> tuple[list[str], str]:
    """Return what the bootstrap draws for each plane, and in words."""
    units = [str(u) for u in rows["unit"]]
    embryos = {u.rpartition("@")[0] or u for u in units}
    within = ", within one embryo" if len(embryos) == 1 else ""
    if len(set(units)) > 1:
        return units, f"{len(set(units))} volumes{within}"
    blocks = [f"{u}/{int(z) // BLOCK_PLANES}" for u, z in zip(units, rows["plane"], strict=True)]
    return blocks, f"blocks of {BLOCK_PLANES} planes of one volume"


def difference(
    rows: Table, drawn: Sequence[str], score: ComparedScore, settings: CompareSettings
) -> PairedDifference:
    """Return the difference of one score over rows of planes."""
    if score == "ap_50":
        cells = [_cells(rows, side) for side in SIDES]
        return compare_scores(cells[0], cells[1], units=drawn, score=score, settings=settings)
    sums = [
        [
            MembraneScores(**{k: int(rows[f"{k}_{side}"][i]) for k in _SUMS})
            for i in range(len(rows))
        ]
        for side in SIDES
    ]
    return compare_membrane_scores(sums[0], sums[1], units=drawn, score=score, settings=settings)


def _cells(rows: Table, side: str) -> list[LabelScores]:
    """Return what is needed of the scores of cells: matches at 0.50."""
    none = (0,) * (len(THRESHOLDS) - 1)
    return [
        LabelScores(
            n_images=1,
            n_true=int(rows[f"cells_n_true_{side}"][i]),
            n_pred=int(rows[f"cells_n_pred_{side}"][i]),
            tp=(int(rows[f"cells_tp_{side}"][i]), *none),
            iou_sum=0.0,
            seg_sum=0.0,
            shared_px=0,
            true_px=0,
            pred_px=0,
        )
        for i in range(len(rows))
    ]


def strata(
    rows: Table, drawn: Sequence[str], score: ComparedScore, settings: CompareSettings
) -> dict[str, list[tuple[str, PairedDifference]]]:
    """Return the difference by stage, depth and density."""
    stage, depth, cells = (np.asarray(rows[k], float) for k in ("stage", "depth", "cells"))
    groups = {
        "stage": [
            ("up to 8 cells", stage <= 8),
            ("9 to 27 cells", (stage > 8) & (stage < 28)),
            ("28 to 99 cells", (stage >= 28) & (stage < 100)),
            ("100 cells and more", stage >= 100),
        ],
        "depth": [
            ("first third of the planes", depth < 1 / 3),
            ("middle third", (depth >= 1 / 3) & (depth <= 2 / 3)),
            ("last third", depth > 2 / 3),
        ],
        "density": [
            ("up to 5 cells in the plane", cells <= 5),
            ("6 to 15", (cells > 5) & (cells <= 15)),
            ("16 and more", cells > 15),
        ],
    }
    units = np.array(drawn, dtype=object)
    return {
        name: [
            (words, difference(rows.rows(chosen), units[chosen].tolist(), score, settings))
            for words, chosen in parts
            if chosen.any()
        ]
        for name, parts in groups.items()
    }
