"""CPU-seconds and memory of a whole process that opens a file of 20 GB and reads its first tile.

    python -m benchmarks.first_tile [--folder SCRATCH] [--repeats 3]

Files are sparse, or compressed zeros: what is measured is how much of a file is read, not how fast
a disk is. A plane of OIB and OIF is a TIFF of its own.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

SIDE, PLANES = 2048, 2400
"""Planes of 16 bits: 20.1 GB."""
_TILE = """
import resource, sys
from fatescope.acquire import find_images, read_image
image = read_image(find_images([sys.argv[1]])[0])
first = {a: 0 for a in image.axes[:-2]}
assert image.read(**first, Y=slice(0, 512), X=slice(0, 512)).shape == (512, 512)
used = resource.getrusage(resource.RUSAGE_SELF)
status = open("/proc/self/status").read()  # ru_maxrss is at least that of the parent
peak = int(status.split("VmHWM:")[1].split()[0]) / 1e3
print(used.ru_utime + used.ru_stime, peak, "x".join(map(str, image.shape)))
"""


class Announced:
    """Pixels that have a shape and a type, and no bytes: the file is made as long afterwards."""

    def __init__(self, *shape: int, dtype: str = "uint16") -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.size = int(np.prod(shape))

    def astype(self, *_: object) -> Announced:
        """Return the same."""
        return self

    transpose = astype

    def tobytes(self) -> bytes:
        """Return no bytes."""
        return b""


def _extended(path: Path, pixels: Announced) -> Path:
    """Make a file as long as its pixels ask for; nothing is written."""
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size + pixels.size * pixels.dtype.itemsize)
    return path


def tiff(folder: Path) -> Path:
    """One page that stands for all planes, as tifffile writes an array."""
    import tifffile

    shape = (PLANES, SIDE, SIDE)
    how = {"bigtiff": True, "metadata": {"axes": "TYX"}}
    tifffile.imwrite(folder / "a.tif", shape=shape, dtype="uint16", **how)
    return folder / "a.tif"


def ome_tiff(folder: Path) -> Path:
    """A page for each plane."""
    import tifffile

    with tifffile.TiffWriter(folder / "a.ome.tif", bigtiff=True, ome=True) as tif:
        tif.write(shape=(PLANES, SIDE, SIDE), dtype="uint16", metadata={"axes": "TYX"})
    return folder / "a.ome.tif"


def tiled_tiff(folder: Path) -> Path:
    """One plane of 100,000 x 100,000 pixels in tiles."""
    import tifffile

    how = {"tile": (512, 512), "metadata": None, "photometric": "minisblack", "bigtiff": True}
    tifffile.imwrite(folder / "a.tif", shape=(100_352, 100_352), dtype="uint16", **how)
    return folder / "a.tif"


def ome_zarr(folder: Path) -> Path:
    """Chunks that are not stored."""
    import zarr

    axes = [{"name": a, "type": "time" if a == "t" else "space"} for a in "tyx"]
    scale = [{"type": "scale", "scale": [1.0, 0.2, 0.2]}]
    levels = [{"path": "0", "coordinateTransformations": scale}]
    about = {"ome": {"version": "0.5", "multiscales": [{"axes": axes, "datasets": levels}]}}
    group = zarr.create_group(folder / "a.zarr", zarr_format=3, attributes=about)
    group.create_array("0", shape=(PLANES, SIDE, SIDE), chunks=(1, 512, 512), dtype="u2")
    return folder / "a.zarr"


def czi(folder: Path) -> Path:
    """Planes of 4096 x 4096 zeros, packed by Zeiss's library."""
    from pylibCZIrw import czi as library

    plane = np.zeros((4096, 4096), "uint16")
    how = "zstd1:ExplicitLevel=1;PreProcess=HiLoByteUnpack"
    with library.create_czi(str(folder / "a.czi"), compression_options=how) as document:
        for t in range(600):
            document.write(plane, plane={"T": t, "C": 0, "Z": 0})
        document.write_metadata("made", scale_x=2e-7, scale_y=2e-7)
    return folder / "a.czi"


def nd2(folder: Path) -> Path:
    """Metadata and the map of frames; each frame is a hole."""
    from tests.acquire.nd2_file import nd2 as write

    pixels = Announced(PLANES, 1, 1, 1, SIDE, SIDE)
    return write(folder / "a.nd2", pixels, channels=("a",), seconds=range(PLANES))


def lif(folder: Path) -> Path:
    """The header, and the block of pixels as a hole."""
    from tests.acquire.microscope_files import lif as write

    pixels = Announced(2 * PLANES, SIDE, SIDE, dtype="uint8")
    return _extended(write(folder / "a.lif", {"a": (pixels, ())}), pixels)


def ims(folder: Path) -> Path:
    """Chunks that are not stored."""
    import h5py

    with h5py.File(folder / "a.ims", "w") as file:
        where = "DataSet/ResolutionLevel 0/TimePoint 0/Channel 0/Data"
        file.create_dataset(where, (PLANES, SIDE, SIDE), "u2", chunks=(8, 256, 256))
        image = file.create_group("DataSetInfo/Image")
        for name, value in {"X": SIDE, "Y": SIDE, "Z": PLANES}.items():
            image.attrs[name] = np.array(list(str(value)), dtype="S1")
    return folder / "a.ims"


def ics(folder: Path) -> Path:
    """The header, and a hole."""
    from tests.acquire.microscope_files import ics as write

    pixels = Announced(PLANES, SIDE, SIDE)
    return _extended(write(folder / "a.ics", pixels), pixels)


def deltavision(folder: Path) -> Path:
    """The header, and a hole."""
    from tests.acquire.file_sets import deltavision as write

    pixels = Announced(1, 1, PLANES, SIDE, SIDE)
    return _extended(write(folder / "a.dv", pixels), pixels)


def micromanager(folder: Path) -> Path:
    """A file for each plane, and the text that speaks of them."""
    import tifffile

    said: dict[str, object] = {"Summary": {"ChNames": ["a"], "PixelSize_um": 0.2}}
    for t in range(PLANES):
        name = f"img_channel000_position000_time{t:09d}_z000.tif"
        plane = {"FrameIndex": t, "ChannelIndex": 0, "SliceIndex": 0, "Frame": t}
        said[f"Coords-Default/{name}"] = {"Frame": t, "Channel": 0, "Slice": 0}
        said[f"Metadata-Default/{name}"] = {**plane, "Camera": {"PropVal": "x" * 2000}}
        tifffile.imwrite(folder / name, shape=(SIDE, SIDE), dtype="uint16", metadata=None)
    (folder / "metadata.txt").write_text(json.dumps(said, indent=2))
    return folder


def ndtiff(folder: Path) -> Path:
    """An index, and stacks of 4 GB with holes."""
    size, index = 2 * SIDE * SIDE, b""
    head = struct.pack("<2sHI", b"II", 42, 0) + struct.pack("<5I", 483729, 3, 0, 2355492, 2) + b"{}"
    per_file = (2**32 - 4096) // size
    for number, first in enumerate(range(0, PLANES, per_file)):
        name = f"NDTiffStack_{number}.tif"
        n = min(per_file, PLANES - first)
        for k in range(n):
            for text in (json.dumps({"time": first + k}), name):
                index += struct.pack("<I", len(text)) + text.encode()
            about = (len(head) + n * size, 2)
            index += struct.pack("<8I", len(head) + k * size, SIDE, SIDE, 1, 0, *about, 0)
        with (folder / name).open("wb") as stream:
            stream.write(head)
            stream.seek(n * size, 1)
            stream.write(b"{}")
    (folder / "NDTiff.index").write_bytes(index)
    return folder


MADE: dict[str, Callable[[Path], Path]] = {
    "TIFF, one page for all planes": tiff,
    "OME-TIFF, a page for each plane": ome_tiff,
    "TIFF, one plane in tiles": tiled_tiff,
    "OME-Zarr 0.5": ome_zarr,
    "ND2": nd2,
    "CZI": czi,
    "LIF": lif,
    "IMS": ims,
    "ICS": ics,
    "DeltaVision": deltavision,
    "Micro-Manager, 2,400 files": micromanager,
    "NDTiff": ndtiff,
}


def main() -> None:
    """Print a row for each format: the median of several processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    print("| file | shape | CPU-s | MB |\n|--|--|--|--|")
    for name, make in MADE.items():
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            path = make(Path(folder))
            asked = [sys.executable, "-c", _TILE, str(path)]
            runs = []
            for _ in range(given.repeats):
                done = subprocess.run(asked, capture_output=True, text=True, check=False)
                if done.returncode:
                    raise SystemExit(f"{name}: {done.stderr}")
                runs.append(done.stdout.split())
            cpu, memory = (median(float(r[k]) for r in runs) for k in (0, 1))
            print(f"| {name} | {runs[0][2]} | {cpu:.2f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
