"""Learn the mean division axes from EPIC tables and write ``division_axis_facts.py``.

    python benchmarks/build_division_axes.py $FATESCOPE_DATA/epic_tables

Takes the tables that ``index.csv`` calls typical, short or cliff (other species and partial
tables would blur the means). ``--check`` prints, by four-fold cross-validation over embryos, how
many axes of unseen embryos point to the wrong side.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from fatescope.acquire.lineages import read_lineage
from fatescope.lineage.division_axes import division_axes, fit_axes, mean_axes

HEAD = '''"""Mean division axes by mother, learnt from {n} embryos of the EPIC collection.

Made by ``benchmarks/build_division_axes.py``. Columns: mother, then mean of unit vectors in percent
(posterior, right, third axis), then number of embryos.
"""

from __future__ import annotations

MEAN_AXES = """
{lines}
"""
'''


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", type=Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    with (asked.tables / "index.csv").open() as file:
        kinds = {r["file"]: r["class"] for r in csv.DictReader(file)}
    names = [n for n, kind in sorted(kinds.items()) if kind not in ("briggsae", "oddnames")]
    embryos = [division_axes(read_lineage(asked.tables / n)) for n in names]
    if asked.check:
        cross_validate(embryos)
    reference = mean_axes(embryos, fewest=5)
    lines = [
        f"{m} {' '.join(str(round(100 * float(x))) for x in reference.mean[m])} "
        f"{reference.embryos[m]}"
        for m in sorted(reference.mean)
    ]
    if asked.out:
        asked.out.write_text(HEAD.format(n=len(names), lines="\n".join(lines)))


def cross_validate(embryos):
    cosines = []
    for fold in range(4):
        reference = mean_axes([e for i, e in enumerate(embryos) if i % 4 != fold], fewest=5)
        for axes in embryos[fold::4]:
            cosines += list(fit_axes(axes, reference).cosine.values())
    cosines = np.array(cosines)
    angle = np.degrees(np.arccos(np.clip(np.median(cosines), -1, 1)))
    print(f"{len(cosines)} axes of {len(embryos)} unseen embryos: median angle {angle:.1f} degrees")
    for limit in (0.0, -0.2, -0.5):
        print(f"cosine below {limit}: {(cosines < limit).mean():.3%}")


if __name__ == "__main__":
    main()
