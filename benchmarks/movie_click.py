"""Measure the time from a click to the mended tree on the page of a lineage on its movie.

    python -m benchmarks.movie_click [--cells 350] [--frames 200]

A lineage of so many cells in nearly every frame, beside a movie, is opened in Chromium. Tracks are
cut and joined again, rows are removed and brought back; the page measures each from the key to the
tree that it drew. Prints the median and the longest, in milliseconds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from tests.app.browsing import asked, chromium, drawn, eventually, people
from tests.app.served import served

from fatescope.acquire.lineages import write_lineage
from fatescope.base import Lineage, Spacing

_TIMES, _SIDE = 10, 64


def crowd(n_cells: int, n_frames: int, *, seed: int = 0) -> Lineage:
    """Return a lineage that grows to ``n_cells`` cells in its first seventh and keeps them."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, str]] = []
    position: list[np.ndarray] = []
    alive = [(name, -1) for name in ("ABa", "ABp", "EMS", "P2")]
    for t in range(n_frames):
        wanted = min(n_cells, int(4 * (n_cells / 4) ** (7 * t / n_frames)))
        while len(alive) < wanted:
            name, parent = alive.pop(int(rng.integers(1 + len(alive) // 2)))
            alive += [(f"{name}a", parent), (f"{name}p", parent)]
        for k, (name, parent) in enumerate(alive):
            alive[k] = (name, len(rows))
            rows.append((t, parent, name))
            position.append(rng.uniform((0, 4, 4), (5, _SIDE - 4, _SIDE - 4)))
    frame, parents, names = zip(*rows, strict=True)
    return Lineage(
        frame=np.array(frame),
        position=np.array(position),
        parent=np.array(parents),
        name=np.array(names, dtype=object),
        radius_px=np.full(len(rows), 3.0),
        spacing=Spacing.given((1.0, 0.3, 0.3), 1.0),
    )


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=350)
    parser.add_argument("--frames", type=int, default=200)
    chosen = parser.parse_args()
    lineage = crowd(chosen.cells, chosen.frames)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_lineage(lineage, folder / "embryo.csv")
        noise = np.random.default_rng(0).integers(0, 99, (chosen.frames, 6, _SIDE, _SIDE), np.uint8)
        tifffile.imwrite(folder / "movie.tif", noise, imagej=True, metadata={"axes": "TZYX"})
        with (
            served(folder / "files") as app,
            chromium() as browser,
            people(app, browser) as opened,
        ):
            page = opened()
            asked(page, [folder / "embryo.csv", folder / "movie.tif"], "Check lineages")
            page.get_by_role("link", name="on its movie").click()
            movie = page.locator("#movie[aria-busy=false]")
            movie.wait_for()
            drawn(page)
            times = []
            for key in ("x", "Control+z", "d", "Control+z") * _TIMES:
                if key == "x":  # what was removed is chosen no longer
                    page.locator("#tree").click(position={"x": 60, "y": 200})
                before = movie.get_attribute("data-revision")
                page.locator("#stage").press(key)
                eventually(page, lambda b=before: movie.get_attribute("data-revision") != b)
                times.append(int(movie.get_attribute("data-milliseconds") or 0))
    print(f"{len(lineage):,} rows, {len(times)} edits")
    print(f"median {np.median(times):.0f} ms, longest {max(times)} ms")


if __name__ == "__main__":
    main()
