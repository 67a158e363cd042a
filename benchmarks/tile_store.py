"""How fast are crops of 160 px read in random order, with their labels, on one core?

    python -m benchmarks.tile_store [--planes 4] [--reads 4000]

Planes of 2700 x 3600 px, 16 bit, cells on noise, as `prepare crops` stores them, against a file
of crops in one array and HDF5 in the published layout (1000 crops to a chunk: raw, and packed),
one crop to a chunk, and no chunks. Each read copies image and labels into a batch. Prints reads a
second of wall and of processor time, and the size on disk. The page cache is warm: a cold disk is
slower for all.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from fatescope.base import Table
from fatescope.prepare.crop_store import PlaneCrops, PublishedCrops, write_plane
from fatescope.prepare.crops import crop_starts

SHAPE, SIZE, STRIDE = (2700, 3600), 160, 80
PACKED_READS = 20


def plane(rng):
    """Return a plane of cells on noise, and its classes."""
    image = rng.normal(2000, 30, SHAPE)
    classes = np.zeros(SHAPE, np.uint8)
    yy, xx = np.mgrid[-12:13, -12:13]
    disc = yy**2 + xx**2 < 120
    for y, x in rng.integers(12, np.array(SHAPE) - 13, (5000, 2)):
        window = (slice(y - 12, y + 13), slice(x - 12, x + 13))
        image[window][disc] += 400
        classes[window][disc] = 1 + (y + x) % 2
    return np.clip(image, 0, 65535).astype(np.uint16), classes


def stores(folder, n_planes):
    """Yield the name of each store, how a crop is read, how many there are, and its bytes."""
    rng = np.random.default_rng(0)
    y, x = (crop_starts(n, size=SIZE, stride=STRIDE, edge="leave") for n in SHAPE)
    keys = [f"p{i}" for i in range(n_planes)]
    for key in keys:
        write_plane(folder, key, *plane(rng))
    n = len(y) * len(x)
    table = Table(
        {
            "image": np.repeat(np.array(keys, dtype=object), n),
            "y": np.tile(np.repeat(y, len(x)), n_planes),
            "x": np.tile(np.tile(x, len(y)), n_planes),
        }
    )
    planes = PlaneCrops(folder, keys, table, size_px=SIZE)
    yield "planes, memory map (default)", planes.read, len(table), size_of(folder / "planes")

    images = np.lib.format.open_memmap(folder / "i.npy", "w+", np.uint16, (len(table), SIZE, SIZE))
    labels = np.lib.format.open_memmap(folder / "l.npy", "w+", np.uint8, images.shape)
    for i in range(len(table)):
        images[i], labels[i] = planes.read(i)
    bytes_ = sum((folder / f).stat().st_size for f in ("i.npy", "l.npy"))
    view = images.view(np.ndarray), labels.view(np.ndarray)
    yield "crops, memory map", lambda i: (view[0][i], view[1][i]), len(table), bytes_

    kinds = {
        "HDF5, chunk 1000, raw (published)": {"chunk": 1000},
        "HDF5, no chunks": {"chunk": None},
        "HDF5, chunk 1, raw": {"chunk": 1},
        "HDF5, chunk 1000, gzip 1": {"chunk": 1000, "compression": "gzip", "compression_opts": 1},
    }
    for name, how in kinds.items():
        path, chunk = folder / "crops.h5", how.pop("chunk")
        with h5py.File(path, "w") as file:
            for data, shape, values in (
                ("images", (len(table), 1, SIZE, SIZE), images[:, None]),
                ("labels", images.shape, labels),
            ):
                chunks = None if chunk is None else (min(chunk, len(table)), *shape[1:])
                file.create_dataset(data, shape, values.dtype, chunks=chunks, **how)[:] = values
        crops = PublishedCrops(path)
        yield name, crops.read, len(table), path.stat().st_size
        path.unlink()


def size_of(folder):
    return sum(p.stat().st_size for p in folder.iterdir())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--planes", type=int, default=4)
    parser.add_argument("--reads", type=int, default=4000)
    asked = parser.parse_args()
    print("| store | reads/s | reads per CPU-s | GB on disk |\n|--|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, read, n, size in stores(Path(folder), asked.planes):
            reads = PACKED_READS if "gzip" in name else asked.reads
            order = np.random.default_rng(1).integers(0, n, reads)
            image, classes = np.empty((SIZE, SIZE), np.uint16), np.empty((SIZE, SIZE), np.uint8)
            for i in order[:50] if reads > 50 else ():
                read(int(i))
            wall, cpu = time.perf_counter(), time.process_time()
            for i in order:
                image[:], classes[:] = read(int(i))
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            print(f"| {name} | {reads / wall:,.4g} | {reads / cpu:,.4g} | {size / 1e9:.2f} |")


if __name__ == "__main__":
    main()
