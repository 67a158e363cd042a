"""Make the growth curves that ship: ``python -m benchmarks.growth_curves [FILE]``.

From the lineage tables of the data folder, except that of the movie of the data (so that counts in
it can be scored) and two that trace few branches.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.lineages.growth_file import SHIPPED, write_growth
from fatescope.lineage.growth import build_growth
from fatescope.systems.lineages.reading import open_atlas

LEFT_OUT = ("ceh-432x3", "nob1GFP", "nob-1GFP")


def main() -> None:
    """Write the file."""
    data = Path(os.environ.get("FATESCOPE_DATA", "../shared/data")) / "epic_tables"
    tables = [p for p in sorted(data.glob("CD*.csv.gz")) if not any(w in p.name for w in LEFT_OUT)]
    lineages = {p.name.removesuffix(".csv.gz"): read_lineage(p) for p in tables}
    curves, left_out = build_growth(open_atlas(), lineages)
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else SHIPPED
    write_growth(target, curves.count, curves.tempo, curves.metadata)
    print(f"{len(curves)} embryos, without {left_out}, in {target}")


if __name__ == "__main__":
    main()
