"""What is compared between designs, with intervals over units, and the tables of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.targets.judge import Judge, cost, folds

from fatescope.evaluate import THRESHOLDS, ScoreSettings, bootstrap_interval, pool_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.targets.fit import Run

    from fatescope.prepare import Sample
    from fatescope.train.scoring import Scored

ERRORS = ("merged", "split", "missed", "inexact", "invented", "extra")
UP_TO_90 = [THRESHOLDS.index(t) for t in range(50, 95, 5)]
MEASURES = {"ap50": slice(0, 1), "ap75": slice(5, 6), "mean": slice(0, 9)}

Document = dict[str, Any]


def compare(runs: Sequence[Run], samples: Sequence[Sample]) -> list[Document]:
    """Score trained designs; each is also compared with the first, unit by unit."""
    documents: list[Document] = []
    first: list[Scored] = []
    for run in runs:
        document, scored = judge(run, samples)
        first = first or scored
        document["less the first"] = differences(scored, first)
        documents.append(document)
    return documents


def judge(run: Run, samples: Sequence[Sample]) -> tuple[Document, list[Scored]]:
    """Return what is known of one design, and its scores with thresholds of the other half."""
    network = run.averaged.eval()
    bench = Judge(run.design, network, samples)
    parts = folds(samples)
    tuned = [bench.tune(part) for part in parts]
    chosen = [tuned[i in parts[0]] for i in range(len(samples))]
    scored = [bench.score(i, thresholds) for i, thresholds in enumerate(chosen)]
    errors = bench.errors(chosen)
    kinds: dict[str, Document] = {}
    for kind in sorted({s.kind for s in samples}):
        members = [i for i, s in enumerate(samples) if s.kind == kind]
        kinds[kind] = _summary([scored[i] for i in members], [errors[i] for i in members])
    document = {
        "title": run.design.title,
        "steps": run.n_steps,
        "cpu_minutes": run.cpu_seconds / 60,
        "thresholds": tuned,
        "all": _summary(scored, errors),
        "kinds": kinds,
        "cost": cost(run.design, network, tuned[0]),
    }
    return document, scored


def _summary(scored: Sequence[Scored], errors: Sequence[dict[str, int]]) -> Document:
    pooled = pool_scores([s.scores for s in scored])
    mean = float(np.mean([pooled.ap(THRESHOLDS[k]) for k in UP_TO_90]))
    found: Document = {"ap50": pooled.ap(50), "ap75": pooled.ap(75), "mean": mean}
    return found | {"n_true": pooled.n_true} | {e: sum(c.get(e, 0) for c in errors) for e in ERRORS}


def counts_by_unit(scored: Sequence[Scored]) -> np.ndarray:
    """Return matches at 0.50 to 0.90, and objects in truth and prediction together: (units, 10)."""
    units = sorted({s.sample.unit for s in scored})
    rows = np.zeros((len(units), len(UP_TO_90) + 1))
    for s in scored:
        found = [*np.take(s.scores.tp, UP_TO_90), s.scores.n_true + s.scores.n_pred]
        rows[units.index(s.sample.unit)] += found
    return rows


def differences(scored: Sequence[Scored], other: Sequence[Scored]) -> Document:
    """Return intervals of each measure of ``scored`` less that of ``other``, over units."""
    both = np.hstack([counts_by_unit(scored), counts_by_unit(other)])
    half = both.shape[1] // 2

    def precision(sums: np.ndarray) -> np.ndarray:
        return sums[:, :-1] / np.maximum(sums[:, -1:] - sums[:, :-1], 1)

    def less(columns: slice) -> Callable[[np.ndarray], np.ndarray]:
        def statistic(sums: np.ndarray) -> np.ndarray:
            change = precision(sums[:, :half]) - precision(sums[:, half:])
            return np.asarray(change[:, columns].mean(axis=1))

        return statistic

    return {m: bootstrap_interval(both, less(c), ScoreSettings()) for m, c in MEASURES.items()}


def print_tables(documents: Sequence[Document]) -> None:
    """Print one column for each design."""
    _line("", [d["title"] for d in documents])
    _line("--", ["--"] * len(documents))
    _line("steps of 16 crops", [f"{d['steps']:,}" for d in documents])
    _line("training, CPU-min", [f"{d['cpu_minutes']:.1f}" for d in documents])
    for name, title in (("ap50", "AP 0.50"), ("ap75", "AP 0.75"), ("mean", "mean AP 0.50-0.90")):
        _line(title, [f"{d['all'][name]:.3f}" for d in documents])
        _line("less that of the first", [_interval(d["less the first"][name]) for d in documents])
    for error in ERRORS:
        _line(error, [str(d["all"][error]) for d in documents])
    for kind, first in documents[0]["kinds"].items():
        cells = [d["kinds"][kind] for d in documents]
        _line(
            f"{kind} ({first['n_true']}): AP 0.50 / 0.75 / mean",
            [f"{c['ap50']:.3f} / {c['ap75']:.3f} / {c['mean']:.3f}" for c in cells],
        )
        _line(
            f"{kind}: merged / split / missed",
            [f"{c['merged']} / {c['split']} / {c['missed']}" for c in cells],
        )
    costs = [d["cost"] for d in documents]
    _line("network, torch float32, CPU-s/MP", [f"{c['network']:.3f}" for c in costs])
    _line("decoding, CPU-s/MP", [f"{c['decode']:.3f}" for c in costs])
    _line("nuclei found in that picture", [f"{c['n_found']} of {c['n_true']}" for c in costs])
    for d in documents:
        print(f"\n{d['title']}, thresholds of the two halves:", *d["thresholds"], sep="\n")


def _line(title: str, cells: Sequence[str]) -> None:
    print(f"| {title} | " + " | ".join(cells) + " |")


def _interval(low_high: tuple[float, float] | None) -> str:
    return "unknown" if low_high is None else f"{low_high[0]:+.3f} to {low_high[1]:+.3f}"
