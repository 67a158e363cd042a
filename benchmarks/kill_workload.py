"""A small real run, to be killed: label bright spots of every image in a folder.

    python -m benchmarks.kill_workload IMAGES OUT [--workers N] [--slow SECONDS]

It uses the output folder, the worker processes, the reader and the writers as the commands do.
`python -m benchmarks.kill_workload --draw N FOLDER` draws the images.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.ndimage as ndi
import tifffile

from fatescope.acquire import (
    ImageFile,
    check_pixels,
    find_images,
    gauged,
    read_image,
    write_labels,
)
from fatescope.base import Finding, Table
from fatescope.engine import Run, Summary, input_record
from fatescope.engine.execute import map_units


@dataclass(frozen=True)
class Outcome:
    """What a worker sends back."""

    input: dict[str, Any]
    table: Table
    findings: list[Finding]
    file: str


def draw(folder: Path, n: int, *, seed: int = 0) -> None:
    """Write ``n`` images of blurred spots, 96 x 96 pixels, 16 bit; every 17th is black."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        pixels = np.zeros((96, 96))
        pixels[rng.integers(0, 96, 12), rng.integers(0, 96, 12)] = 1
        spots = ndi.gaussian_filter(pixels, 3) * 4e5 * (i % 17 != 16)
        tifffile.imwrite(folder / f"field {i}.tif", spots.astype(np.uint16))


def label(file: ImageFile, *, out: Path, slow: float) -> Outcome:
    """Label one image and write the labels."""
    image = gauged(read_image(file))
    pixels = image.read()
    time.sleep(slow)
    labels, n = ndi.label(pixels > 2000)
    path = f"labels/{file.key}.tif"
    write_labels(
        out / path,
        labels,
        shape=image.shape,
        axes=image.axes,
        dtype=np.uint8,
        spacing=image.spacing,
    )
    index = np.arange(1, n + 1)
    table = Table(
        {
            "image": np.array([file.key] * n, dtype=object),
            "label": index,
            "area_px": np.bincount(labels.ravel(), minlength=n + 1)[1:],
            "mean_0": np.asarray(ndi.mean(pixels, labels, index), dtype=float).reshape(n),
        }
    )
    found = [replace(f, file=file.key) for f in check_pixels(image)]
    return Outcome(input_record(image, file.paths), table, found, path)


def run(images: Path, out: Path, *, workers: int, slow: float) -> Summary:
    """Label all images of a folder; continue where an earlier call was killed."""
    files = {f.key: f for f in find_images([images])}
    with Run.open(out, command="kill workload", settings={"threshold": 2000}) as folder:
        todo = folder.pending(files, paths={k: f.paths for k, f in files.items()})
        function = partial(label, out=out, slow=slow)
        for file, outcome in map_units(function, [files[k] for k in todo], workers=workers):
            if isinstance(outcome, Exception):
                raise outcome
            folder.record(
                file.key,
                input=outcome.input,
                table=outcome.table,
                findings=outcome.findings,
                files=[outcome.file],
            )
        folder.processes = workers if workers > 1 else 0
        return folder.finish()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--draw", type=int)
    given = parser.parse_args()
    if given.draw:
        draw(given.images, given.draw)
        return 0
    return run(given.images, given.out, workers=given.workers, slow=given.slow).exit_code


if __name__ == "__main__":
    sys.exit(main())
