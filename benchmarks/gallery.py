"""Make the figures and films of the published pages again, for the gallery.

``python -m benchmarks.gallery --runs FOLDER`` runs each command into ``FOLDER`` where its result is
not there yet (about ten minutes of one processor), and keeps what the pages show as small images
in ``docs/images/gallery``. Needs the extra ``train`` and Chromium. Everything is rendered: no
recording is needed. Figures of lineages are those of ``benchmarks/docs_images.py``.
"""

from __future__ import annotations

import argparse
import io
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.docs_images import Browser
from PIL import Image, ImageSequence

GALLERY = Path(__file__).resolve().parents[1] / "docs" / "images" / "gallery"
MOVIE = "--minutes 130 --interval-min 1.5 --height 192 --width 268 --voxel-um 1,0.24,0.24"
COMMANDS = {
    "membranes-2021": "reproduce membranes-2021 --out membranes-2021 --quick",
    "movies-2020": "reproduce movies-2020 --out movies-2020 --quick",
    "lineage-names-2020": "reproduce lineage-names-2020 --out lineage-names-2020 --quick",
    "nuclei-2020": "reproduce nuclei-2020 --out nuclei-2020 --quick",
    "live-dead-2024": "reproduce live-dead-2024 --out live-dead-2024 --quick",
    "rendered": f"simulate movie --out rendered --count 4 {MOVIE} --faults line,patch "
    "--table-faults cliff --seed 3",
    "more": f"simulate movie --out more --count 3 {MOVIE} --seed 9",
    "checked": "clean rendered/movies rendered/counts more/counts --out checked",
}
"""What is run in the folder, by the name of its result."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A part of a page that is kept: an element, after a choice in its list where it has one."""

    name: str
    page: str
    element: str
    choice: int | None = None
    width: int = 620


SHOTS = (
    Shot("less-noisy", "nuclei-2020", ".look .stage", 1),
    Shot("rate", "lineage-names-2020", "figure:has(h3:text('as published, and given'))"),
    Shot("accuracy", "lineage-names-2020", "figure:has(h3:text-is('Accuracy')) >> nth=0"),
    Shot("red-patch", "checked", ".look .stage", 0),
    Shot("red-line", "checked", ".look .stage", 1),
    Shot("cliffs", "checked", "figure:has(h3:text('All tables'))"),
    Shot("cliffs-alone", "checked", "figure:has(h3:text('with a cliff'))"),
    Shot("cliffs-without", "checked", "figure:has(h3:text('without one'))"),
    Shot("lossy-frames", "movies-2020", "figure:has(h3:text('training frame: reported'))"),
    Shot("training-data", "membranes-2021", "section:has(h2:text('Old and new')) .stage"),
    Shot("training-loss", "membranes-2021", "figure:has(h3:text-is('Loss')) >> nth=0"),
    Shot("training-iou", "membranes-2021", "figure:has(h3:text-is('Pixel IoU')) >> nth=0"),
    Shot("old-and-new", "membranes-2021", "section:has(h2:text('mask, old, new')) .stage"),
    Shot("adam", "live-dead-2024", "section:has(h2:text('adam_warm')) figure >> nth=1"),
    Shot("sgd", "live-dead-2024", "section:has(h2:text('sgd_plateau')) figure >> nth=1"),
)
FILMS = {
    "old-and-new-film": ("membranes-2021/films/corrected.gif", 380, 6),
    "training-film": ("live-dead-2024/films/sgd_kicks_published.gif", 440, 12),
}
"""Film, width in pixels, and most frames."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the results")
    runs = parser.parse_args().runs
    runs.mkdir(parents=True, exist_ok=True)
    for name, command in COMMANDS.items():
        if not (runs / name / "run.json").exists():
            words = [sys.executable, "-m", "fatescope", *shlex.split(command)]
            subprocess.run(words, cwd=runs, check=True)
    GALLERY.mkdir(exist_ok=True)
    with Browser() as browser:
        for shot in SHOTS:
            keep(browser, runs, shot)
    for name, (source, width, most) in FILMS.items():
        shorten(runs / source, GALLERY / f"{name}.gif", width=width, most=most)
    for path in sorted(GALLERY.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def keep(browser: Browser, runs: Path, shot: Shot) -> None:
    """Keep a part of a page as an image of 64 colours."""
    address = (runs / shot.page / "report.html").resolve().as_uri()
    view = browser.open(address, size=(1100, 900))
    view.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    view.wait_for_timeout(300)
    if shot.choice is not None:
        view.locator(".look select").first.select_option(index=shot.choice)
        view.wait_for_timeout(300)
    seen = Image.open(io.BytesIO(view.locator(shot.element).first.screenshot())).convert("RGB")
    view.close()
    if seen.width > shot.width:
        size = (shot.width, round(seen.height * shot.width / seen.width))
        seen = seen.resize(size, Image.Resampling.LANCZOS)
    few = seen.quantize(64, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(GALLERY / f"{shot.name}.png", optimize=True)


def shorten(source: Path, target: Path, *, width: int, most: int) -> None:
    """Write a film with at most so many frames and this width."""
    film = Image.open(source)
    frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(film)]
    every = -(-len(frames) // most)
    size = (width, round(film.height * width / film.width))
    small = [f.resize(size, Image.Resampling.LANCZOS).quantize(32) for f in frames[::every]]
    small[0].save(target, save_all=True, append_images=small[1:], duration=400, loop=0)


if __name__ == "__main__":
    main()
