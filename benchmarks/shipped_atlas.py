"""Build the shipped atlas again from the tables that are there, and compare both.

    python benchmarks/shipped_atlas.py $FATESCOPE_DATA/epic_tables [--write]

Takes the embryos that the shipped atlas lists (no test or tuning embryo of ``naming.py`` is among
them), as far as their tables are there, and prints the largest difference of every array.
``--write`` replaces the shipped file; measure names again then (``naming.py``). Last, the settled
division axes are scored on the tables that are in no part of the atlas.
"""

import argparse
import csv
from importlib.resources import files
from pathlib import Path

import numpy as np

from fatescope.acquire.lineages import LineageFile, LineageReading, read_lineage
from fatescope.acquire.lineages.atlas_file import SHIPPED, read_arrays, write_arrays
from fatescope.lineage import axes_of_atlas, division_axes, fit_axes
from fatescope.lineage.atlas import atlas_arrays, atlas_from_arrays
from fatescope.lineage.atlas_build import build_atlas
from fatescope.systems.lineages.atlas import embryos_of


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tables", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    old, metadata = read_arrays()
    listed = set(metadata["embryos"])
    paths = [*sorted(asked.tables.glob("CD*.csv.gz")), asked.tables / "cells_other.csv.gz"]
    embryos = []
    for path in paths:
        if path.name.split(".")[0] in listed or not path.name.startswith("CD"):
            found, _ = embryos_of(
                LineageFile(key=path.name, path=path), LineageReading(), frozenset()
            )
            embryos += [e for e in found if e.title in listed]
    built = build_atlas(embryos, metadata={"name": metadata["name"]})
    new = atlas_arrays(built)
    for name, values in sorted(new.items()):
        if name not in old:
            print(f"{name:18} new, {values.nbytes / 1000:.0f} kB before compression")
        elif old[name].shape != values.shape:
            print(f"{name:18} shape {old[name].shape} -> {values.shape}")
        else:
            away = np.abs(old[name].astype(float) - values.astype(float))
            print(f"{name:18} largest difference {np.nanmax(away):.3g}")
    missing = sorted(listed - set(built.metadata["embryos"]))
    print(
        f"{len(built.metadata['embryos'])} embryos; not among them: {', '.join(missing) or 'none'}"
    )
    if asked.write:
        path = Path(str(files("fatescope") / "lineage/shipped" / SHIPPED))
        write_arrays(path, new, built.metadata)
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    compare_axes(asked.tables, atlas_from_arrays(new, built.metadata), listed)


def compare_axes(tables, atlas, listed):
    with (tables / "index.csv").open() as file:
        kinds = {r["file"]: r["class"] for r in csv.DictReader(file)}
    unseen = [
        n
        for n, kind in sorted(kinds.items())
        if kind not in ("briggsae", "oddnames") and n.split(".")[0] not in listed
    ]
    reference = axes_of_atlas(atlas)
    cosines = []
    for name in unseen:
        cosines += fit_axes(division_axes(read_lineage(tables / name)), reference).cosine.values()
    cosines = np.array(cosines)
    angle = np.degrees(np.arccos(np.clip(np.median(cosines), -1, 1)))
    print(f"{len(cosines)} axes of {len(unseen)} unseen embryos: median angle {angle:.1f} degrees")
    for limit in (0.0, -0.2, -0.5):
        print(f"cosine below {limit}: {(cosines < limit).mean():.3%}")


if __name__ == "__main__":
    main()
