"""Old against new: two packages on the same images, which neither of them has seen.

read manifest -> refuse units that a package saw -> segment each test image with both -> paired
difference over units -> the images on which they differ most. An image is the unit of work.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import Execution, InputError, SettingsError, Table
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.evaluate import (
    THRESHOLDS,
    CompareSettings,
    LabelScores,
    PairedDifference,
    compare_scores,
    score_labels,
)
from fatescope.predict import Predictor, open_predictor, plane_statistics
from fatescope.predict.decoders.instances import check_maps
from fatescope.prepare import (
    check_samples,
    read_label_plane,
    read_plane,
    read_samples,
    unit_hash,
    unit_ids,
)
from fatescope.prepare.splits import Split
from fatescope.prepare.store import SPLITS
from fatescope.systems.compared import (
    SIDES,
    ModelsCompared,
    Side,
    refuse_none,
    refuse_seen,
    two_names,
)
from fatescope.systems.comparison.page import SCORES, ComparePage, write_compare_page
from fatescope.systems.membranes.compare import compare_membranes
from fatescope.systems.membranes.sides import is_of_membranes
from fatescope.train.planes import unit_diameters
from fatescope.train.scoring import segment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.base import LabelImage, Progress
    from fatescope.models import ModelDescription
    from fatescope.prepare import Sample


def outcome_sentence(
    d: PairedDifference, names: tuple[str, str], *, images: str = "held-out images"
) -> str:
    """Return the result as one sentence; ``images`` says which they were."""
    sure = f"95 % {d.span}" if d.span else "one unit, so no interval"
    shown = f"{d.n_images} {images} of {d.n_units} units"
    return d.sentence(names, score=SCORES[d.score], sure=sure, shown=shown)


def compare_models(
    old: Path | str,
    new: Path | str,
    *,
    data: Path,
    out: Path,
    settings: CompareSettings | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> ModelsCompared:
    """Score two packages on the test units of a manifest, and say whether the new one is better.

    Parameters
    ----------
    old, new : path or str
        ``classical``, which has seen nothing, shipped names, packages, or ONNX files with a
        sidecar of six lines.
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are used and no others.
    out : Path
        Gets ``report.html``, ``scores.csv`` and ``.parquet``, ``run.json``.
    settings : CompareSettings, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Raises
    ------
    InputError
        If there is no test unit, or a package has seen one of them: the units are named.
    ModelError
        If a package cannot be read or is not for outlines of objects.

    Notes
    -----
    Each image is analysed at the working size of each network, by the true median diameter of
    its unit, as for the card: what is compared is the network, not the guess of a size.
    """
    settings = settings or CompareSettings()
    if is_of_membranes(old) or is_of_membranes(new):
        return compare_membranes(
            old, new, data=data, out=out, settings=settings, fresh=fresh, progress=progress
        )
    if settings.score == "wall_f1":
        raise SettingsError("--score wall_f1: measured where both models draw membranes, only.")
    models = {side: open_side(m, settings) for side, m in zip(SIDES, (old, new), strict=True)}
    test = unseen(data, [m.description for m in models.values()])
    record = settings.model_dump() | {s: models[s].sha256 for s in SIDES} | {"data": str(data)}
    names = two_names(models["old"].name, models["new"].name)
    with Run.open(out, command="compare", settings=record, fresh=fresh) as run:
        by_key = {s.key: s for s in test}
        diameters = {s.key: d for s, d in zip(test, unit_diameters(test), strict=True)}
        job = partial(_compare_image, diameters=diameters, models=models)
        todo = pending(run, list(by_key.values()))
        work_through(run, todo, job, execution=Execution(workers=1), progress=progress)
        summary = run.finish()
        if not summary.units_done:
            raise InputError(f"{data}: no test image could be compared. {summary.errors[0]}")
        rows = _rows(run.out, by_key)
        scores = {side: _read_scores(rows, side) for side in SIDES}
        units = [str(u) for u in rows["unit"]]
        difference = compare_scores(
            scores["old"], scores["new"], units=units, score=settings.score, settings=settings
        )
        shown = [str(rows["image"][i]) for i in _most_different(scores, settings.shown)]
        answer = outcome_sentence(difference, names)
        page = ComparePage(
            difference=difference,
            lead=answer,
            names=names,
            kinds=[str(k) for k in rows["kind"]],
            units=units,
            scores=(scores["old"], scores["new"]),
            images=[(k, *_segmented(by_key[k], diameters[k], models)) for k in shown],
        )
        write_compare_page(run.out / "report.html", page, settings=settings)
        run.wrote("report.html")
    return ModelsCompared(summary=summary, names=names, difference=difference, answer=answer)


def open_side(name_or_path: Path | str, settings: CompareSettings) -> Predictor:
    """Open ``classical``, a package, or an ONNX file with its sidecar, to compare outlines."""
    model = open_predictor(name_or_path, precision=settings.precision)
    check_maps(model.description.instances)
    return model


def unseen(
    data: Path, models: Iterable[ModelDescription], *, split: Split = "test"
) -> list[Sample]:
    """Return the samples of a split; raise where a package has seen one of their units.

    Raises
    ------
    InputError
        If there is none, or a package lists a unit, whole or by its frame, among those it saw.
    """
    rows = read_samples(data, splits=SPLITS)
    found = [(s, i) for s, i in zip(rows, unit_ids(rows), strict=True) if s.split == split]
    refuse_none(found, data, split=split)
    units = sorted(((s.unit, _hashes(s, i)) for s, i in found), key=lambda u: u[0])
    for model in models:
        refuse_seen(model.name, model.training.units_seen, units, data, split=split)
    return [s for s, _ in found]


def _hashes(sample: Sample, identity: str) -> set[str]:
    """Return the hashes under which a package may know the unit of a sample."""
    return {unit_hash(sample.unit), unit_hash(identity), unit_hash(f"{sample.unit}@{sample.frame}")}


def _compare_image(
    sample: Sample, *, diameters: Mapping[str, float], models: Mapping[Side, Predictor]
) -> Outcome:
    """Score both networks on one image."""
    begun = time.monotonic()
    _, truth, found = _segmented(sample, diameters[sample.key], models)
    scored = {side: score_labels(truth, found[side]) for side in SIDES}
    columns: dict[str, Any] = {
        "image": np.array([sample.key], dtype=object),
        "unit": np.array([sample.unit], dtype=object),
        "kind": np.array([sample.kind], dtype=object),
        "diameter_px": np.array([diameters[sample.key]]),
        "n_true": np.array([scored["old"].n_true]),
    }
    for side, s in scored.items():
        columns[f"ap_50_{side}"] = np.array([s.ap(50)])
        columns[f"n_{side}"] = np.array([s.n_pred])
        columns |= {f"tp_{t}_{side}": np.array([n]) for t, n in zip(THRESHOLDS, s.tp, strict=True)}
        columns |= {f"{c}_{side}": np.array([getattr(s, c)]) for c in _SUMS}
    seconds = {"compare": time.monotonic() - begun}
    findings = [*check_samples([sample])]
    return Outcome(tables={"scores": Table(columns)}, seconds=seconds, findings=findings)


_SUMS = ("iou_sum", "seg_sum", "shared_px", "true_px", "pred_px")


def _segmented(
    sample: Sample, diameter: float, models: Mapping[Side, Predictor]
) -> tuple[NDArray[Any], LabelImage, dict[Side, LabelImage]]:
    """Return the pixels of an image, its truth, and what each network makes of it."""
    pixels, truth = read_plane(sample.image), read_label_plane(sample.labels)
    found: dict[Side, LabelImage] = {}
    for side in SIDES:
        d = models[side].description
        size = diameter if np.isfinite(diameter) else d.image.diameter_px
        statistics = plane_statistics(lambda: [pixels], percentiles=d.image.percentiles)
        found[side] = segment(
            models[side].network(lambda: [pixels], statistics),
            pixels,
            description=d,
            thresholds=d.instances.thresholds,
            scale=d.image.diameter_px / size if d.image.sized else 1.0,
        )
    return pixels, truth, found


def _rows(out: Path, wanted: Collection[str]) -> Table:
    """Return the rows of the images of this call."""
    rows = read_table(out / "scores.parquet")
    return rows.rows(np.array([key in wanted for key in rows["image"]]))


def _read_scores(rows: Table, side: Side) -> list[LabelScores]:
    """Return the scores that `_compare_image` stored."""

    def counts(i: int) -> dict[str, Any]:
        return {c: int(rows[f"{c}_{side}"][i]) for c in _SUMS[2:]}

    return [
        LabelScores(
            n_images=1,
            n_true=int(rows["n_true"][i]),
            n_pred=int(rows[f"n_{side}"][i]),
            tp=tuple(int(rows[f"tp_{t}_{side}"][i]) for t in THRESHOLDS),
            iou_sum=float(rows[f"iou_sum_{side}"][i]),
            seg_sum=float(rows[f"seg_sum_{side}"][i]),
            **counts(i),
        )
        for i in range(len(rows))
    ]


def _most_different(scores: Mapping[Side, Sequence[LabelScores]], most: int) -> list[int]:
    """Return the images in which the number of right and wrong objects differs most."""

    def gain(i: int) -> int:
        old, new = (scores[side][i] for side in SIDES)
        return (new.tp[0] - new.fp(50)) - (old.tp[0] - old.fp(50))

    order = sorted(range(len(scores["old"])), key=lambda i: (-abs(gain(i)), i))
    return [i for i in order if gain(i)][:most]
