"""What counting the cells of a movie costs: CPU-seconds and peak memory of the whole command.

    OMP_NUM_THREADS=1 python -m benchmarks.population_speed [--frames 300] [--runs 5]

A rendered movie of 512 x 712 px, from file to report with one worker, start-up included: the median
of some runs after one to warm up. A fixed piece of NumPy work in the same run compares machines and
moments.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fatescope.acquire.movies import write_frames
from fatescope.simulate.embryo import LineageSettings, MovieScene, MovieSettings
from fatescope.systems.simulation.rendered import read_or_draw

FRAME = {"height": 512, "width": 712, "voxel_um": (1.0, 0.09, 0.09)}


def write_movie(path: Path, frames: int) -> None:
    """Render a movie of an embryo drawn from the atlas, a frame a minute, at most 258 of them new.

    Lives of the atlas end there; what is longer shows the last frame again.
    """
    lineage = LineageSettings(minutes=float(min(frames, 258)), interval_min=1.0)
    settings = MovieSettings.from_values({**FRAME, "frames": frames})
    scene = MovieScene(read_or_draw(lineage, table=None, seed=4), settings, seed=4)
    shown = (scene.render(k) for k in range(frames))
    write_frames(path, shown, frames_per_second=7, codec="mpeg4", kbit_s=400)


def cost_of(movie: Path, out: Path) -> tuple[float, float]:
    """Return CPU-seconds, children included, and peak memory in MB of one run of the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "fatescope", "predict", "populations", str(movie)]
    command += ["--out", str(out), "--workers", "1", "--quiet", "--fresh"]
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    record = json.loads((out / "run.json").read_text("utf-8"))
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, float(record["peak_memory_mb"])


def reference() -> float:
    """Return CPU-seconds for sorting ten million numbers."""
    values = np.random.default_rng(0).random(10_000_000)
    begun = time.process_time()
    np.sort(values)
    return time.process_time() - begun


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="population_speed", description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--runs", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        movie = Path(folder) / "embryo.mp4"
        write_movie(movie, asked.frames)
        cost_of(movie, Path(folder) / "out")
        costs = [cost_of(movie, Path(folder) / "out") for _ in range(asked.runs)]
    seconds, memory = (statistics.median(c[i] for c in costs) for i in (0, 1))
    megapixels = asked.frames * FRAME["height"] * FRAME["width"] / 1e6
    print(f"{asked.frames} frames of 512 x 712 px, median of {asked.runs}")
    print(f"CPU-seconds, start-up included   {seconds:6.2f}")
    print(f"CPU-seconds per megapixel        {seconds / megapixels:6.3f}")
    print(f"peak memory, MB                  {memory:6.0f}")
    print(f"sorting 10 million numbers, s    {reference():6.2f}")


if __name__ == "__main__":
    main()
