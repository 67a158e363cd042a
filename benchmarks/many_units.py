"""Time and memory of a run of very many units: what is pending, and the composing of results.

    python -m benchmarks.many_units [--units 1000000]

The units are written into the ledger at once, each with one row and one finding, since working
through them is what `benchmarks/pools.py` measures.
"""

from __future__ import annotations

import argparse
import json
import resource
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np

from fatescope.base import Finding, Table, pack_table
from fatescope.engine import Run


def fill(out: Path, n: int) -> None:
    """Begin a folder whose ``n`` units are done."""
    with Run.open(out, command="count", settings={}) as run:
        run.pending(str(i) for i in range(n))
    row = Table({"image": np.array(["a"], object), "label": np.array([1])})
    finding = Finding(file="a.tif", rule="no-scale", severity="info", reason="No step is known.")
    with sqlite3.connect(out / "ledger.sqlite") as db:
        said = [json.dumps([finding.as_row()]), json.dumps({"path": "a.tif", "n_objects": 1})]
        db.execute("UPDATE units SET state = 'done', findings = ?, input = ?", said)
        db.execute("INSERT INTO rows SELECT key, 'objects', 0, ? FROM units", [pack_table(row)])


def main() -> None:
    """Print seconds and peak memory of each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--units", type=int, default=1_000_000)
    n = parser.parse_args().units
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        fill(out, n)
        with Run.open(out, command="count", settings={}) as run:
            for name, part in (
                ("pending", lambda: run.pending(str(i) for i in range(n))),
                ("images.csv", run.list_images),
                ("tables and record", run.finish),
            ):
                begun = time.process_time()
                part()
                spent = time.process_time() - begun
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
                print(f"{name:20} {spent:8.1f} CPU-s  {peak:8.0f} MB")


if __name__ == "__main__":
    main()
