"""How often `lineage compare` finds something in one unseen wild type against the atlas.

    python -m benchmarks.atlas_null --data ../shared/data

The embryos are the test embryos of `benchmarks/naming.py`, which are in no part of the atlas. For
each trait: cells compared, share of p below 0.05, cells found at a false discovery rate of 0.05.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from benchmarks.naming import TEST

from fatescope.acquire.lineages import read_lineage
from fatescope.lineage.against_atlas import atlas_embryo, compare_with_atlas
from fatescope.lineage.comparing import align_embryos
from fatescope.lineage.traits import embryo_traits
from fatescope.systems.lineages.reading import open_atlas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    asked = parser.parse_args()
    atlas = open_atlas()
    reference = atlas_embryo(atlas)
    for name in TEST:
        lineage = read_lineage(asked.data / "epic_tables" / f"{name}.csv.gz")
        aligned, notes = align_embryos([reference, embryo_traits(lineage, table=name)], 1)
        print(f"{name}: residual {notes[1].residual_um:.2f} um, {notes[1].residual_min:.2f} min")
        for found in compare_with_atlas(atlas, reference, aligned[1:]):
            p = found.contrast.p[np.isfinite(found.contrast.p)]
            print(
                f"  {found.trait:10}  {len(p):4d} cells  p < 0.05: {(p < 0.05).mean():.2f}  "
                f"found: {np.count_nonzero(found.q < 0.05)}"
            )


if __name__ == "__main__":
    main()
