"""What it costs to hand out one unit: `python benchmarks/cluster_overhead.py [--units 2000]`.

Times units that do nothing, in worker processes and on a Dask cluster on this machine, and the
ledger's part of a unit; CPU-seconds of the driver, and wall seconds, for each unit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from fatescope.base import Table
from fatescope.engine import Run
from fatescope.engine.execute import map_units


def cost(function, n):
    cpu, wall = time.process_time(), time.perf_counter()
    function()
    return 1e3 * (time.process_time() - cpu) / n, 1e3 * (time.perf_counter() - wall) / n


def ledger(folder, n):
    columns = {"label": np.arange(100), "y": np.arange(100.0), "x": np.arange(100.0)}
    with Run.open(folder, command="overhead", settings={}) as run:
        for key in run.pending([f"unit {i}" for i in range(n)]):
            run.record(key, table=Table(columns))
        run.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=2000)
    n = parser.parse_args().units
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "c.toml"
        file.write_text('kind = "local"\nworkers = 2\n')

        def cluster(units):
            return lambda: list(map_units(abs, range(units), workers=None, cluster=str(file)))

        start = cost(cluster(1), 1)
        whole = cost(cluster(n), n)
        rows = {
            "2 processes": cost(lambda: list(map_units(abs, range(n), workers=2)), n),
            "Dask, 2 workers": tuple(w - s / n for w, s in zip(whole, start, strict=True)),
            "ledger and tables": cost(lambda: ledger(Path(name) / "out", n), n),
        }
    print("| a unit costs the driver | CPU-ms | wall ms |\n|--|--|--|")
    for what, (cpu, wall) in rows.items():
        print(f"| {what} | {cpu:.2f} | {wall:.2f} |")
    print(f"| (start and end of the Dask cluster, once) | {start[0]:.0f} | {start[1]:.0f} |")


if __name__ == "__main__":
    main()
