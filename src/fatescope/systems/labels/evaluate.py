"""Score label images on disk against the truth, matched by name."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import (
    ImageFile,
    mask_findings,
    read_labels,
    read_table,
    refuse_brightness,
    write_table,
)
from fatescope.base import FatescopeError, Image, InputError, Table, escape
from fatescope.engine import peak_memory_mb
from fatescope.engine.pairs import FilePair, pair_files, stem_of
from fatescope.evaluate import (
    LabelScores,
    ScoreSettings,
    score_labels,
    score_strata,
    summarise_scores,
)
from fatescope.pages.chart import number
from fatescope.pages.skeleton import counted

if TYPE_CHECKING:
    from fatescope.base import LabelImage, Progress

_log = logging.getLogger(__name__)

_NAME_COLUMNS = ("image", "name", "stem")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelEvaluation:
    """The scores of a set of label images.

    Parameters
    ----------
    scores : dict
        The keys of `summarise_scores`; empty where nothing could be scored.
    images : Table
        One row per scored plane or volume: ``image, frame, unit, n_true, n_pred, tp_50, fp_50,
        fn_50, merged, split, f1_10, f1_30, f1_50, f1_70, ap_50, ap_75, pq, seg, iou, dice``.
    strata : Table
        From `score_strata`; empty where no strata were given.
    problems : tuple of str
        One sentence for each file that was not scored.
    unused : tuple of str
        Predictions without a truth; they change no score.
    n_files : int
        Files that were scored.
    seconds : float
        Wall time.
    """

    scores: dict[str, Any]
    images: Table
    strata: Table
    problems: tuple[str, ...]
    unused: tuple[str, ...]
    n_files: int
    seconds: float

    @property
    def errors(self) -> Sequence[str]:
        """Return one sentence for each file that was not scored."""
        return self.problems

    @property
    def exit_code(self) -> int:
        """0 all scored, 1 some file was not, 2 none was."""
        if not self.n_files:
            return 2
        return 1 if self.problems else 0

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``evaluate labels --json``."""
        strata = {
            str(name): {c: _plain(self.strata[c][k]) for c in list(self.strata)[1:]}
            for k, name in enumerate(self.strata["stratum"] if len(self.strata) else ())
        }
        return {
            "command": "evaluate labels",
            "out": None,
            "units_done": self.n_files,
            "units_failed": len(self.problems),
            "findings": len(self.problems),
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(peak_memory_mb(), 1),
            **self.scores,
            "strata": strata,
            "problems": list(self.problems),
            "unused": list(self.unused),
            **({"answer": self.answer} if self.scores else {}),
        }

    @property
    def answer(self) -> str:
        """Say how well predicted objects agree with the true ones, and how sure that is."""
        s = self.scores
        units = counted(s["n_units"], "unit")
        sure = f"no interval: {units}"
        if s["low"] is not None:
            sure = f"95 % {s['low']:.3f} to {s['high']:.3f} over {units}"
        return (
            f"AP at 0.50 is {s['ap']['0.50']:.3f} ({sure}): "
            f"{counted(s['n_pred'], 'predicted object')} against {number(s['n_true'])} true "
            f"{'one' if s['n_true'] == 1 else 'ones'} in {counted(s['n_images'], 'image')}."
        )

    def as_lines(self) -> Sequence[str]:
        """Return what a person reads on the terminal."""
        unused = [f"prediction without truth: {name}" for name in self.unused]
        if not self.scores:
            return unused
        s = self.scores
        lines = [
            self.answer,
            f"AP 0.50 pooled     {s['ap']['0.50']:.3f}",
            f"AP 0.75 pooled     {s['ap']['0.75']:.3f}",
            f"AP 0.50-0.90 mean  {s['mean_ap_50_90']:.3f}",
            f"AP 0.50 per image  {s['ap_per_image']:.3f}",
            *(f"F1 {t}            {s['f1'][t]:.3f}" for t in ("0.10", "0.30", "0.50", "0.70")),
            f"merged, split      {s['merged']}, {s['split']} of the true objects",
            f"PQ                 {s['pq']:.3f}",
            f"SEG                {'undefined' if s['seg'] is None else format(s['seg'], '.3f')}",
            f"foreground IoU     {s['mean_iou']:.3f}",
            f"foreground Dice    {s['dice']:.3f}",
        ]
        for k in range(len(self.strata)):
            name, count, ap = (self.strata[c][k] for c in ("stratum", "n_images", "ap_50"))
            lines.append(f"{name}: AP 0.50 {ap:.3f} on {counted(int(count), 'image')}")
        return [*lines, *unused]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """Which independent unit, and which stratum, each image belongs to.

    Parameters
    ----------
    table : Path
        CSV with a column ``image`` (or ``name``, ``stem``): the image without its ending.
    unit, stratum : str, optional
        Names of columns.
    """

    table: Path
    unit: str | None = "unit"
    stratum: str | None = None


@dataclass(slots=True)
class _Tally:
    scores: list[LabelScores] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    strata: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    n_files: int = 0


def score_files(
    true: Path,
    pred: Path,
    *,
    settings: ScoreSettings,
    units: Path | None = None,
    unit_column: str = "unit",
    stratum_column: str | None = None,
    axes: str | None = None,
    table: Path | None = None,
    progress: Progress | None = None,
) -> LabelEvaluation:
    """Do `evaluate_label_files` with units that a table names, and write its table of images."""
    grouping = None
    if units is not None:
        grouping = Grouping(table=units, unit=unit_column, stratum=stratum_column)
    result = evaluate_label_files(
        true, pred, settings, grouping=grouping, axes=axes, progress=progress
    )
    if table is not None:
        write_image_scores(result, table)
    return result


def evaluate_label_files(
    true: Path,
    pred: Path,
    settings: ScoreSettings,
    *,
    grouping: Grouping | None = None,
    axes: str | None = None,
    progress: Progress | None = None,
) -> LabelEvaluation:
    """Score predicted label images against true ones.

    Parameters
    ----------
    true, pred : Path
        Two files, or two folders whose files are matched by their path below the folder without
        the ending, else by name alone. A ``pred`` that fatescope wrote may be the output folder
        itself.
    settings : ScoreSettings
        The bootstrap.
    grouping : Grouping, optional
        Independent units and strata of the images. Without it every file is a unit; the frames
        of one file are never independent.
    axes : str, optional
        Axes of the true files, where they do not say it.
    progress : callable, optional
        Called with done, total and the image.

    Returns
    -------
    LabelEvaluation
        A file that cannot be scored costs one problem, and the others are complete.

    Raises
    ------
    InputError
        If ``true`` or ``pred`` is missing or holds no image, or ``grouping`` does not fit.
    """
    begun = time.monotonic()
    found = pair_files(true, pred, what="prediction")
    groups = _read_grouping(grouping)
    tally = _Tally(problems=list(found.problems.values()))
    for done, pair in enumerate(found.pairs):
        if progress is not None:
            progress(done, len(found.pairs), pair.key)
        try:
            _score_file(tally, pair, axes=axes, group=_group_of(pair.first, groups))
        except FatescopeError as error:
            tally.problems.append(_named(pair, error))
    strata = Table()
    if tally.scores and grouping is not None and grouping.stratum is not None:
        strata = score_strata(tally.scores, tally.strata, settings, units=tally.units)
    scores = {}
    if tally.scores:
        scores = summarise_scores(tally.scores, settings, units=tally.units)
    return LabelEvaluation(
        scores=scores,
        images=_as_table(tally.rows),
        strata=strata,
        problems=tuple(tally.problems),
        unused=found.unused,
        n_files=tally.n_files,
        seconds=time.monotonic() - begun,
    )


def write_image_scores(evaluation: LabelEvaluation, path: Path) -> None:
    """Write one row per image, CSV or Parquet by the ending; nothing where nothing was scored."""
    if len(evaluation.images):
        write_table(evaluation.images, path)


def _score_file(tally: _Tally, pair: FilePair, *, axes: str | None, group: tuple[str, str]) -> None:
    truth = pair.first
    true = read_labels(truth.paths[0], axes=axes)
    pred = read_labels(pair.second.paths[0])
    if true.shape != pred.shape or true.axes != pred.axes:
        raise InputError(
            f"{pair}: has axes {true.axes} and shape {true.shape}, but the "
            f"prediction has {pred.axes} and {pred.shape}. Predict on the image that the truth "
            "belongs to."
        )
    for given in (true, pred):
        for finding in mask_findings(given):
            _log.warning("%s: %s", escape(given.name), finding.reason)
    scored = []
    for frame, ours, theirs in _frames(true, pred):
        refuse_brightness(ours, truth.paths[0])
        refuse_brightness(theirs, pair.second.paths[0])
        scored.append((frame, score_labels(ours, theirs)))
    for frame, score in scored:
        tally.scores.append(score)
        tally.units.append(group[0])
        tally.strata.append(group[1])
        tally.rows.append(_row(pair.key, frame, group[0], score))
    tally.n_files += 1


def _frames(true: Image, pred: Image) -> Iterator[tuple[int, LabelImage, LabelImage]]:
    if "T" not in true.axes:
        yield 0, true.read(), pred.read()
        return
    for frame in range(true.size("T")):
        yield frame, true.read(T=frame), pred.read(T=frame)


def _named(pair: FilePair, error: FatescopeError) -> str:
    """Return the sentence of an error, with the file in it."""
    text = str(error)
    return text if str(pair) in text else f"{pair}: {text}"


def _read_grouping(grouping: Grouping | None) -> dict[str, tuple[str, str]] | None:
    """Return unit and stratum of each name."""
    if grouping is None:
        return None
    table = read_table(grouping.table)
    name = next((c for c in _NAME_COLUMNS if c in table), None)
    wanted = [c for c in (grouping.unit, grouping.stratum) if c is not None]
    absent = [c for c in wanted if c not in table]
    if name is None or absent:
        lacks = "image" if name is None else absent[0]
        raise InputError(
            f"{escape(grouping.table)}: has no column {lacks!r}; it has {', '.join(table)}."
        )
    keys = [PurePosixPath(str(v)).name for v in table[name].tolist()]
    units = keys if grouping.unit is None else [str(v) for v in table[grouping.unit].tolist()]
    strata = [""] * len(keys)
    if grouping.stratum is not None:
        strata = [str(v) for v in table[grouping.stratum].tolist()]
    return dict(zip(keys, zip(units, strata, strict=True), strict=True))


def _group_of(truth: ImageFile, groups: dict[str, tuple[str, str]] | None) -> tuple[str, str]:
    if groups is None:
        return truth.key, ""
    stem = stem_of(truth)
    if stem not in groups:
        raise InputError(f"the table of units has no row for image {stem!r}. Add it.")
    return groups[stem]


def _row(image: str, frame: int, unit: str, score: LabelScores) -> dict[str, Any]:
    return {
        "image": image,
        "frame": frame,
        "unit": unit,
        "n_true": score.n_true,
        "n_pred": score.n_pred,
        "tp_50": score.tp[0],
        "fp_50": score.fp(50),
        "fn_50": score.fn(50),
        "merged": score.merged,
        "split": score.split,
        "f1_10": score.f1(10),
        "f1_30": score.f1(30),
        "f1_50": score.f1(50),
        "f1_70": score.f1(70),
        "ap_50": score.ap(50),
        "ap_75": score.ap(75),
        "pq": score.pq,
        "seg": np.nan if score.seg is None else score.seg,
        "iou": score.iou,
        "dice": score.dice,
    }


def _as_table(rows: Sequence[dict[str, Any]]) -> Table:
    if not rows:
        return Table()
    text = ("image", "unit")
    return Table(
        {
            name: np.array([r[name] for r in rows], dtype=object if name in text else None)
            for name in rows[0]
        }
    )


def _plain(value: Any) -> int | float | None:
    """Return a number as JSON has it; NaN is null."""
    number = value.item()
    return None if number != number else number
