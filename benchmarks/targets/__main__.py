"""Three targets for the nuclei network at an equal budget of training; decision 0125.

    fatescope prepare pairs data/nuclei2d_dsb2018 data/nuclei_ce_slices --out pairs
    OMP_NUM_THREADS=1 python -m benchmarks.targets --data pairs --minutes 20 --out targets

The same body, crops, optimiser and schedule, one seed; a design has as many steps as the budget
in CPU-minutes pays for, by the median cost of a step, measured in turn before the first run.
Thresholds are chosen on one half of the validation units, scores are those of the other half,
and the halves change places. Test units are not opened. Killed, it continues where it was.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from benchmarks.targets import distance, embedding, rays
from benchmarks.targets.design import WORKING_PX, LabelledCrops
from benchmarks.targets.fit import Run, fit_in_turns, seconds_per_step
from benchmarks.targets.judge import Judge, cost, folds

from fatescope.evaluate import ScoreSettings, pool_scores
from fatescope.evaluate.bootstrap import bootstrap_interval
from fatescope.evaluate.score import THRESHOLDS
from fatescope.prepare import read_samples
from fatescope.train.pictures import load_pictures
from fatescope.train.settings import CropSettings, FitSettings

if TYPE_CHECKING:
    from fatescope.train.scoring import Scored

DESIGNS = {d.name: d for d in (distance.DESIGN, rays.DESIGN, embedding.DESIGN)}
ERRORS = ("merged", "split", "missed", "inexact", "invented", "extra")
UP_TO_90 = [THRESHOLDS.index(t) for t in range(50, 95, 5)]


def plan_runs(
    path: Path, minutes: float, crops: LabelledCrops, *, seed: int
) -> dict[str, FitSettings]:
    """Return how long each design is trained: measured once, then read back."""
    if not path.exists():
        seconds = seconds_per_step(list(DESIGNS.values()), crops, seed=seed)
        steps = {name: int(60 * minutes / s) for name, s in seconds.items()}
        plan = {"seconds_per_step": seconds, "fit": {n: {"steps": k} for n, k in steps.items()}}
        path.write_text(json.dumps(plan, indent=2), encoding="utf-8")
    read = json.loads(path.read_text(encoding="utf-8"))
    return {name: FitSettings.from_values(values) for name, values in read["fit"].items()}


def end_early(path: Path, minutes: float, done: dict[str, int]) -> None:
    """Change the plan: from the steps ``done``, cycles fall to their end at ``minutes``."""
    plan = json.loads(path.read_text(encoding="utf-8"))
    for name, values in plan["fit"].items():
        steps = int(60 * minutes / plan["seconds_per_step"][name])
        values["shortened"] = [done[name], values["steps"]]
        values["steps"] = max(steps, done[name] + 1)
    path.write_text(json.dumps(plan, indent=2), encoding="utf-8")


def ap(scored: list[Scored], kind: str = "") -> dict[str, float]:
    pooled = pool_scores([s.scores for s in scored if s.sample.kind.startswith(kind)])
    mean = float(np.mean([pooled.ap(t) for t in range(50, 95, 5)]))
    return {"ap50": pooled.ap(50), "ap75": pooled.ap(75), "mean": mean, "n_true": pooled.n_true}


def counts_by_unit(scored: list[Scored]) -> np.ndarray:
    """Return matches at 0.50 to 0.90, and objects in truth and prediction together: (units, 10)."""
    units = sorted({s.sample.unit for s in scored})
    rows = np.zeros((len(units), len(UP_TO_90) + 1))
    for s in scored:
        found = [*np.take(s.scores.tp, UP_TO_90), s.scores.n_true + s.scores.n_pred]
        rows[units.index(s.sample.unit)] += found
    return rows


def differences(scored: list[Scored], other: list[Scored]) -> dict[str, Any]:
    """Return intervals of AP of ``scored`` less that of ``other``, by bootstrap over units."""
    both = np.hstack([counts_by_unit(scored), counts_by_unit(other)])
    half = both.shape[1] // 2

    def precision(sums: np.ndarray) -> np.ndarray:
        return sums[:, :-1] / np.maximum(sums[:, -1:] - sums[:, :-1], 1)

    def less(columns: slice) -> Any:
        def statistic(sums: np.ndarray) -> np.ndarray:
            change = precision(sums[:, :half]) - precision(sums[:, half:])
            return np.asarray(change[:, columns].mean(axis=1))

        return bootstrap_interval(both, statistic, ScoreSettings())

    return {"ap50": less(slice(0, 1)), "ap75": less(slice(5, 6)), "mean": less(slice(0, 9))}


def judge(run: Run, samples: list[Any]) -> tuple[dict[str, Any], list[Scored]]:
    """Return the document of a trained design, and its scores with thresholds of the other half."""
    network = run.averaged.eval()
    bench = Judge(run.design, network, samples)
    parts = folds(samples)
    everything = bench.tune(range(len(samples)))
    chosen = [everything] * len(samples)
    for own, other in (parts, parts[::-1]):
        thresholds = bench.tune(other)
        for i in own:
            chosen[i] = thresholds
    scored = [bench.scores(t)[i] for i, t in enumerate(chosen)]
    errors = bench.errors(chosen)
    kinds = sorted({s.kind for s in samples})
    spent = cost(run.design, network, everything)
    document = {
        "title": run.design.title,
        "steps": run.n_steps,
        "cpu_minutes": run.cpu_seconds / 60,
        "thresholds": dict(everything),
        "all": ap(scored),
        "same units": ap(bench.scores(everything)),
        "kinds": {k: ap(scored, k) for k in kinds},
        "errors": {e: sum(c.get(e, 0) for c in errors) for e in ERRORS},
        "errors by kind": {
            k: {
                e: sum(c.get(e, 0) for c, s in zip(errors, samples, strict=True) if s.kind == k)
                for e in ERRORS
            }
            for k in kinds
        },
        "cost": {
            "network": spent.network,
            "decode": spent.decode,
            "n_true": spent.n_true,
            "n_found": spent.n_found,
        },
    }
    return document, scored


def print_tables(documents: dict[str, dict[str, Any]]) -> None:
    rows = list(documents.values())
    print("\n| | " + " | ".join(d["title"] for d in rows) + " |")
    print("|--|" + "--|" * len(rows))

    def line(title: str, cells: list[str]) -> None:
        print(f"| {title} | " + " | ".join(cells) + " |")

    line("steps of 16 crops", [f"{d['steps']:,}" for d in rows])
    line("training, CPU-min", [f"{d['cpu_minutes']:.1f}" for d in rows])
    for name, title in (("ap50", "AP 0.50"), ("ap75", "AP 0.75"), ("mean", "mean AP 0.50-0.90")):
        line(title, [f"{d['all'][name]:.3f}" for d in rows])
        line(
            "less that of the first (95 %)",
            ["" if i == 0 else _interval(d["less"][name]) for i, d in enumerate(rows)],
        )
        line(
            f"{title}, thresholds of the same units", [f"{d['same units'][name]:.3f}" for d in rows]
        )
    for kind in rows[0]["kinds"]:
        title = f"{kind} ({rows[0]['kinds'][kind]['n_true']})"
        cells = [d["kinds"][kind] for d in rows]
        line(title, [f"{c['ap50']:.3f} / {c['ap75']:.3f} / {c['mean']:.3f}" for c in cells])
    for error in ERRORS:
        line(error, [str(d["errors"][error]) for d in rows])
    line("network, torch float32, CPU-s/MP", [f"{d['cost']['network']:.3f}" for d in rows])
    line("decoding, CPU-s/MP", [f"{d['cost']['decode']:.3f}" for d in rows])
    line(
        "nuclei found in that MP",
        [f"{d['cost']['n_found']} of {d['cost']['n_true']}" for d in rows],
    )


def _interval(low_high: tuple[float, float] | None) -> str:
    return "unknown" if low_high is None else f"{low_high[0]:+.3f} to {low_high[1]:+.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("targets"))
    parser.add_argument("--minutes", type=float, default=20.0, help="CPU-minutes for each design")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    pictures = load_pictures(read_samples(asked.data, splits=["train"]), working_px=WORKING_PX)
    crops = LabelledCrops(pictures, settings=CropSettings(), seed=asked.seed)
    plan = plan_runs(asked.out / "plan.json", asked.minutes, crops, seed=asked.seed)
    samples = read_samples(asked.data, splits=["validation"])
    runs = {
        name: Run(design, crops, settings=plan[name], seed=asked.seed)
        for name, design in DESIGNS.items()
    }
    fit_in_turns(list(runs.values()), asked.out)
    documents: dict[str, dict[str, Any]] = {}
    first: list[Scored] = []
    for name, run in runs.items():
        documents[name], scored = judge(run, samples)
        first = first or scored
        documents[name]["less"] = differences(scored, first)
        (asked.out / "scores.json").write_text(json.dumps(documents, indent=2), encoding="utf-8")
    print_tables(documents)


if __name__ == "__main__":
    main()
