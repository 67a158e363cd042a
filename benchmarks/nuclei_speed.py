"""What `predict nuclei` costs: CPU-seconds per input megapixel and peak memory, as commands.

    OMP_NUM_THREADS=1 python -m benchmarks.nuclei_speed [--model nuclei] [--large]

Rendered nuclei of 24 px, about 650 per megapixel, one worker. Each command runs once to warm up,
which also compiles the modules, as installing does, and then five times; the medians are printed,
as a table for docs/how-it-works.md. Time includes children; memory is that of the largest
process. "Without start-up" subtracts the command on a 64 x 64 image. A fixed piece of NumPy
work in the same run compares machines and moments.
`--large` adds a plane of 20,000 x 20,000 pixels, once. `--many N` runs N images of 256 x 256 of
nuclei of 10 to 50 px instead, by one worker and by two.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from fatescope.base import Image
from fatescope.predict import (
    RegionSums,
    add_part,
    find_regions,
    join_regions,
    open_frames,
    open_predictor,
    quantise,
)
from fatescope.simulate import NucleiMovieSettings, simulate_image
from fatescope.systems.nuclei.outline import count_tiles, segment_image
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings

RUNS = 5
BLOCK = 1000


@dataclass(frozen=True)
class Cost:
    """Of one command."""

    cpu_s: float
    peak_mb: float


def run_command(pixels: Path, out: Path, model: str, *, workers: int = 1) -> Cost:
    """Run the command in a process of its own and return what it used."""
    shutil.rmtree(out, ignore_errors=True)
    words = ["-m", "fatescope", "predict", "nuclei", str(pixels), "--out", str(out)]
    words += ["--model", model, "--workers", str(workers), "--quiet"]
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(out.parent / "compiled")}
    process = subprocess.Popen([sys.executable, *words], env={**os.environ, **compiled})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} ended with {process.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def median_cost(pixels: Path, out: Path, model: str, *, runs: int = RUNS) -> Cost:
    """Return the medians over ``runs`` commands after one to warm up."""
    run_command(pixels, out, model)
    costs = [run_command(pixels, out, model) for _ in range(runs)]
    return Cost(
        statistics.median(c.cpu_s for c in costs), statistics.median(c.peak_mb for c in costs)
    )


def render(height: int, width: int) -> np.ndarray:
    """Return an image made of one rendered block, repeated."""
    settings = NucleiMovieSettings(height=BLOCK, width=BLOCK, diameter_px=24, density=0.3)
    block, _ = simulate_image(settings, seed=1)
    tiles = (-(-height // BLOCK), -(-width // BLOCK))
    return np.tile(block, tiles)[:height, :width]


def reference_ms() -> float:
    """Return the CPU-ms of sorting a million float32 numbers."""
    values = np.random.default_rng(0).random(1_000_000, dtype=np.float32)
    times = []
    for _ in range(RUNS + 1):
        begun = time.process_time()
        np.sort(values)
        times.append(time.process_time() - begun)
    return 1000 * statistics.median(times[1:])


def stages(model: str) -> dict[str, float]:
    """Return the CPU-ms per megapixel of the stages within the process."""
    pixels = render(2000, 2000)
    predictor = open_predictor(model)
    image = Image(pixels=pixels, axes="YX")
    settings = NucleiSettings(model=model)
    frames, _ = open_frames(image)
    plan = choose_scale(frames, predictor, settings)
    network = predictor.network(
        frames[0].parts, frames[0].statistics(predictor.description.image.percentiles)
    )
    tile = np.zeros((1, 1, 512, 512), np.float32)
    tile[0, 0] = render(512, 512) / 3000
    maps = quantise(network.run(tile)[0])
    thresholds = predictor.description.instances.thresholds

    def instances() -> None:
        sums = RegionSums()
        regions = find_regions(maps, thresholds, outputs=predictor.description.instances.channels)
        add_part(sums, regions, maps, own=slice(0, 512), offset=0)
        join_regions(sums, thresholds)

    megapixels = pixels.size / 1e6
    tile_mp = 512 * 512 / 1e6
    print(f"scale {plan.scale[0]:.2f}, {count_tiles(frames, plan, predictor)} tiles")
    return {
        "whole prediction": _cost(lambda: segment_image(image, settings, predictor=predictor))
        / megapixels,
        "size of the nuclei": _cost(
            lambda: choose_scale(open_frames(image)[0], predictor, settings)
        )
        / megapixels,
        "network, per working megapixel": _cost(lambda: network.run(tile)) / tile_mp,
        "maps to nuclei, joined, per working megapixel": _cost(instances) / tile_mp,
    }


def _cost(work: object) -> float:
    assert callable(work)
    work()
    times = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return 1000 * statistics.median(times)


def write_large(path: Path) -> None:
    """Write a tiled, compressed plane of 20,000 x 20,000 pixels, tile by tile."""
    row = render(512, 20_480)
    tiles = (row[:, x : x + 512] for _ in range(40) for x in range(0, 20_480, 512))
    tifffile.imwrite(
        path,
        tiles,
        shape=(20_000, 20_000),
        dtype=np.uint16,
        tile=(512, 512),
        compression="zlib",
        bigtiff=True,
    )


def write_many(folder: Path, n: int) -> None:
    """Write ``n`` images of 256 x 256, each of nuclei of one size between 10 and 50 px."""
    folder.mkdir()
    for i in range(n):
        diameter = 10 * 5 ** (i % 17 / 16)
        look = {"height": 256, "width": 256, "diameter_px": diameter, "density": 0.2}
        pixels, _ = simulate_image(NucleiMovieSettings.from_values(look), seed=i % 40)
        tifffile.imwrite(folder / f"{i:05d}.tif", np.roll(pixels, i, axis=0))


def many(folder: Path, n: int, model: str) -> None:
    """Print what ``n`` small images cost beyond start-up, and what a second worker gains."""
    write_many(folder / "start", 1)
    write_many(folder / "many", n)
    start = run_command(folder / "start", folder / "out", model)
    for workers in (1, 2):
        begun = time.perf_counter()
        cost = run_command(folder / "many", folder / "out", model, workers=workers)
        wall = time.perf_counter() - begun
        each = (cost.cpu_s - start.cpu_s) / (n - 1)
        print(f"{n} images, {workers} workers: {each:.4f} CPU-s an image, {wall:.1f} s in all")
    print(f"{'reference: np.sort of a million float32':48s} {reference_ms():6.1f} ms")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="nuclei")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--many", type=int, default=0)
    given = parser.parse_args()
    if given.many:
        with tempfile.TemporaryDirectory() as name:
            many(Path(name), given.many, given.model)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = {"64 x 64": (64, 64), "512 x 512": (512, 512), "2000 x 2000": (2000, 2000)}
        sizes["2700 x 3600"] = (2700, 3600)
        costs: dict[str, Cost] = {}
        for title, shape in sizes.items():
            path = folder / "pixels.tif"
            tifffile.imwrite(path, render(*shape), compression="zlib")
            costs[title] = median_cost(path, folder / "out", given.model)
        start = costs["64 x 64"].cpu_s
        print("| image | CPU-s | CPU-s per megapixel without start-up | peak MB |")
        print("|--|--|--|--|")
        for title, cost in costs.items():
            area = sizes[title][0] * sizes[title][1] / 1e6
            rate = f"{(cost.cpu_s - start) / area:.3f}" if area > 1 else ""
            print(f"| {title} | {cost.cpu_s:.2f} | {rate} | {cost.peak_mb:.0f} |")
        if given.large:
            write_large(folder / "large.tif")
            cost = run_command(folder / "large.tif", folder / "out", given.model)
            rate = (cost.cpu_s - start) / 400
            print(f"| 20,000 x 20,000 | {cost.cpu_s:.0f} | {rate:.3f} | {cost.peak_mb:.0f} |")
    for stage, ms in stages(given.model).items():
        print(f"{stage:48s} {ms:6.1f} ms")
    print(f"{'reference: np.sort of a million float32':48s} {reference_ms():6.1f} ms")


if __name__ == "__main__":
    main()
