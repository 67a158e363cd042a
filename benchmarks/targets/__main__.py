"""Three targets for the nuclei network at an equal budget of training; decision 0125.

    fatescope prepare pairs data/nuclei2d_dsb2018 data/nuclei_ce_slices --out pairs
    OMP_NUM_THREADS=1 python -m benchmarks.targets --data pairs --minutes 20 --out targets

The same body, crops, optimiser and schedule, one seed; a design has as many steps as the budget
in CPU-minutes pays for, by the median cost of a step, measured in turn before the first run. The
three are trained in turns. Killed, it continues where it was; with `--end-at 8` the cycles fall to
their end at 8 CPU-minutes. Thresholds are chosen on one half of the validation units, scores are
those of the other half, and the halves change places. Test units are not opened.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from benchmarks.targets import distance, embedding, rays
from benchmarks.targets.design import WORKING_PX, LabelledCrops
from benchmarks.targets.fit import Run, fit_in_turns, seconds_per_step
from benchmarks.targets.table import compare, print_tables

from fatescope.prepare import read_samples
from fatescope.train.pictures import load_pictures
from fatescope.train.settings import CropSettings, FitSettings

DESIGNS = {d.name: d for d in (distance.DESIGN, rays.DESIGN, embedding.DESIGN)}


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


def end_early(out: Path, minutes: float) -> None:
    """Change the plan: from the last checkpoint on, cycles fall to their end at ``minutes``."""
    path = out / "plan.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    for name, values in plan["fit"].items():
        done = int(torch.load(out / f"{name}.ckpt", weights_only=True)["n_steps"])
        steps = int(60 * minutes / plan["seconds_per_step"][name])
        values["shortened"] = [done, values["steps"]]
        values["steps"] = max(steps, done + 1)
    path.write_text(json.dumps(plan, indent=2), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("targets"))
    parser.add_argument("--minutes", type=float, default=20.0, help="CPU-minutes for each design")
    parser.add_argument("--end-at", type=float, help="end a run that was begun, at these minutes")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    pictures = load_pictures(read_samples(asked.data, splits=["train"]), working_px=WORKING_PX)
    crops = LabelledCrops(pictures, settings=CropSettings(), seed=asked.seed)
    if asked.end_at is not None:
        end_early(asked.out, asked.end_at)
    plan = plan_runs(asked.out / "plan.json", asked.minutes, crops, seed=asked.seed)
    runs = [Run(d, crops, settings=plan[name], seed=asked.seed) for name, d in DESIGNS.items()]
    fit_in_turns(runs, asked.out)
    documents = compare(runs, read_samples(asked.data, splits=["validation"]))
    (asked.out / "scores.json").write_text(json.dumps(documents, indent=2), encoding="utf-8")
    print_tables(documents)


if __name__ == "__main__":
    main()
