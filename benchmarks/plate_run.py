"""How near are viability and times of death, without a stain, to the truth of simulated plates?

    python -m benchmarks.plate_run PLATE... [--model viability] [--out DIR]

Each PLATE is a folder that `simulate plate` wrote. `plate run` follows its cells in bright field;
its tables are compared with those of ``truth/``. Prints for each plate the mean absolute error of
viability over wells and frames, in points of 100, cells found beside true ones, the median error of
the frame of death over cells that are matched to a true one by their place, and the error of the
median time of death over wells in which half of the cells died, in frames.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from fatescope.acquire import read_table
from fatescope.base import Execution
from fatescope.plate import PlateRunSettings, survival_of_wells, tabulate_fates
from fatescope.systems.plates.run import run_plate
from fatescope.systems.plates.settings import PlateModel

COLUMNS = ("well", "frame", "viability")


def compare(plate, out):
    """Return the numbers of one plate."""
    truth, found = (read_table(f / "viability.csv") for f in (plate / "truth", out))
    key = [
        {(str(w), int(f)): v for w, f, v in zip(*(t[c] for c in COLUMNS), strict=True)}
        for t in (truth, found)
    ]
    both = sorted(set(key[0]) & set(key[1]))
    errors = np.array([abs(key[0][k] - key[1][k]) for k in both])
    errors = errors[np.isfinite(errors)]
    fates = [read_table(f / "fates.csv") for f in (plate / "truth", out)]
    shifts = np.concatenate([death_shifts(plate, out, *fates), np.zeros(0)])
    medians = [medians_of(f) for f in fates]
    wells = [w for w in medians[0] if np.isfinite(medians[0][w]) and w in medians[1]]
    away = np.array([abs(medians[0][w] - medians[1][w]) for w in wells])
    return {
        "wells": len(set(map(str, truth["well"]))),
        "viability error": f"{100 * errors.mean():.2f}",
        "largest": f"{100 * errors.max():.1f}",
        "cells found": f"{len(fates[1])} of {len(fates[0])}",
        "median death shift": f"{np.median(shifts) if len(shifts) else np.nan:.1f}",
        "mean abs death shift": f"{np.abs(shifts).mean() if len(shifts) else np.nan:.2f}",
        "median time error": f"{np.nanmax(away) if len(away) else np.nan:.2f} ({len(away)} wells)",
    }


def medians_of(fates):
    """Return the frame at which half of the cells of each well have died; NaN where never."""
    wells = tabulate_fates(fates)
    survival = survival_of_wells(wells)
    found = {}
    for name, curve in zip(wells.well, survival, strict=True):
        below = np.flatnonzero(curve <= 0.5)
        found[str(name)] = float(below[0]) if len(below) else np.nan
    return found


def death_shifts(plate, out, true, found):
    """Return the frames by which deaths were called late, of cells that lie together."""
    places = [read_table(f) for f in (plate / "truth" / "cells.csv", out / "cells.csv")]
    shifts = []
    for well in sorted(set(map(str, found["well"]))):
        t, f = (p.rows(p["well"].astype(str) == well) for p in places)
        dies = [
            dict(zip(r["cell"].tolist(), r["death_frame"].astype(float).tolist(), strict=True))
            for r in (x.rows(x["well"].astype(str) == well) for x in (true, found))
        ]
        votes = {}
        for frame in np.unique(f["frame"]):
            a, b = t.rows(t["frame"] == frame), f.rows(f["frame"] == frame)
            if not len(a) or not len(b):
                continue
            origin = offset(plate, well, a, b)
            tree = cKDTree(np.column_stack([a["y"], a["x"]]) - origin)
            d, i = tree.query(np.column_stack([b["well_y"], b["well_x"]]))
            for cell, other, near in zip(b["cell"].tolist(), a["cell"][i].tolist(), d, strict=True):
                if near < 6:
                    votes.setdefault(cell, {}).setdefault(other, 0)
                    votes[cell][other] += 1
        for cell, own in votes.items():
            other = max(own, key=own.get)
            shift = dies[1][cell] - dies[0][other]
            if np.isfinite(shift) and dies[0][other] > 0:
                shifts.append(shift)
    return np.array(shifts)


def offset(plate, well, a, b):
    """Return where the image of the well begins in the well of the truth."""
    table = read_table(plate / "truth" / "positions.csv")
    mine = table.rows(table["well"].astype(str) == well)
    return np.array([mine["y_px"].min(), mine["x_px"].min()])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plates", type=Path, nargs="+")
    parser.add_argument("--model", default="viability")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    for number, plate in enumerate(asked.plates):
        with tempfile.TemporaryDirectory() as folder:
            out = (asked.out or Path(folder)) / plate.name
            run_plate(
                plate,
                out=out,
                settings=PlateRunSettings(map=plate / "map.csv"),
                model=PlateModel(model=asked.model),
                execution=Execution(workers=1),
                fresh=True,
            )
            found = compare(plate, out)
        if not number:
            print("| plate |" + "|".join(found) + "|\n|--|" + "--:|" * len(found))
        print(f"| {plate.name} |" + "|".join(map(str, found.values())) + "|", flush=True)


if __name__ == "__main__":
    main()
