"""What rendering an embryo costs: CPU-seconds per volume and per frame, and peak memory.

    OMP_NUM_THREADS=1 python -m benchmarks.embryo_speed [--volumes 12]

Volumes of 512 x 712 x 30 voxels at 200 cells, nuclei with truth, in one process without files and
as the command with two workers and files; movies of 512 x 712 px. Medians; a fixed piece of NumPy
work in the same run compares machines and moments. Wall time is that of this moment, whatever else
the machine does.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from fatescope.base import Execution
from fatescope.simulate.embryo import (
    EmbryoScene,
    LineageSettings,
    MovieScene,
    MovieSettings,
    VolumeSettings,
)
from fatescope.systems.simulation.embryo import write_embryo_volumes
from fatescope.systems.simulation.rendered import read_or_draw

GRID = {"planes": 30, "height": 512, "width": 712, "voxel_um": (1.0, 0.09, 0.09)}
LINEAGE = LineageSettings(minutes=200.0)


def median_cpu(work, runs: int = 5) -> float:
    work()
    spent = []
    for _ in range(runs):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return statistics.median(spent)


def reference() -> None:
    """A fixed piece of work: about 0.1 s on the machine where this was written."""
    array = np.random.default_rng(1).random((1500, 1500))
    for _ in range(3):
        np.sort(array, axis=0)


def as_command(volumes: int) -> tuple[float, float]:
    """Return wall and CPU seconds per volume of the whole command, two workers, files included."""
    settings = VolumeSettings(channels=("nuclei",), frames=tuple(range(150, 150 + volumes)), **GRID)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic(), cpu()
        write_embryo_volumes(
            Path(folder) / "out", settings, LINEAGE, seed=1, execution=Execution(workers=2)
        )
        return (time.monotonic() - begun[0]) / volumes, (cpu() - begun[1]) / volumes


def cpu() -> float:
    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--volumes", type=int, default=12)
    given = parser.parse_args()
    lives = read_or_draw(LINEAGE, table=None, seed=1)
    frames, count = lives.count()
    late = int(frames[np.argmax(count >= 195)])
    nuclei = EmbryoScene(lives, VolumeSettings(channels=("nuclei",), **GRID), seed=1)
    both = EmbryoScene(lives, VolumeSettings(), seed=1)
    movie = MovieScene(lives, MovieSettings(), seed=1)
    print(f"{len(lives.at(late))} nuclei")
    print(f"fixed NumPy work {median_cpu(reference):.3f} CPU-s")
    print(f"512 x 712 x 30, nuclei and labels {median_cpu(lambda: nuclei.render(late)):.3f} CPU-s")
    print(f"256 x 356 x 70, both channels {median_cpu(lambda: both.render(late)):.3f} CPU-s")
    print(f"frame of a movie, 512 x 712 {median_cpu(lambda: movie.render(late)):.4f} CPU-s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"peak memory of this process {peak:.0f} MB")
    wall, spent = as_command(given.volumes)
    print(f"command, {given.volumes} volumes, two workers: {wall:.2f} s and {spent:.2f} CPU-s each")


if __name__ == "__main__":
    main()
