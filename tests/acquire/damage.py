"""Files with damage: a small whole one of each format, and ways in which disks and copies hurt it.

As a script it reads damaged files of one format under a limit of memory, and says in one line of
JSON what went wrong with which; `test_damaged_images` starts it.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile

ROOT = Path(__file__).resolve().parents[2]
ROOM = 2**29
"""Bytes that reading a damaged file of a few kilobytes may take beside what Python has anyway."""


def _cells(*shape: int, dtype: str = "uint16") -> np.ndarray:
    """Smooth blobs with noise: it compresses as images do."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    values = 100 + 90 * np.sin(y / 5) * np.sin(x / 6) + rng.normal(0, 3, shape)
    return values.clip(0, 255).astype(dtype)


def _tiff(**options: object) -> Callable[[Path], None]:
    dtype = str(options.pop("dtype", "uint16"))
    shape = tuple(options.pop("shape", (60, 70)))
    options.setdefault("photometric", "minisblack")
    options.setdefault("metadata", None)
    return lambda path: tifffile.imwrite(path, _cells(*shape, dtype=dtype), **options)


def _series(path: Path) -> None:
    with tifffile.TiffWriter(path) as tif:
        for _ in range(5):
            tif.write(_cells(40, 50), photometric="minisblack", metadata=None, rowsperstrip=8)


def _png(mode: str, **options: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        grey = PIL.Image.fromarray(_cells(60, 70, dtype="uint8"))
        wide = PIL.Image.fromarray(_cells(60, 70) * 200)
        (wide if mode == "I;16" else grey.convert(mode)).save(path, "PNG", **options)

    return write


def _jpeg(path: Path, *, colour: bool = False, **options: object) -> None:
    grey = PIL.Image.fromarray(_cells(60, 70, dtype="uint8"))
    (grey.convert("RGB") if colour else grey).save(path, "JPEG", **options)


def _zarr(path: Path, *, format: int, **options: object) -> None:
    import zarr

    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    scale = [{"type": "scale", "scale": [1.0, 0.2, 0.2]}]
    levels = [{"path": "0", "coordinateTransformations": scale}]
    about = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": levels}]}
    attributes = {"ome": {"version": "0.5", **about}} if format == 3 else about
    group = zarr.create_group(store=path, zarr_format=format, attributes=attributes)
    array = group.create_array("0", shape=(3, 60, 70), chunks=(1, 32, 32), dtype="u2", **options)
    array[:] = _cells(3, 60, 70)


def _mat(path: Path, **options: bool) -> None:
    import scipy.io

    scipy.io.savemat(path, {"embryo": _cells(40, 50, 6), "scale": 0.18}, **options)


def _microscope(kind: str, *shape: int, **options: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import microscope_files  # beside this script

        getattr(microscope_files, kind)(path, _cells(*shape), **options)

    return write


def _set(kind: str, *shape: int, **options: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        import file_sets  # beside this script

        path.mkdir()
        getattr(file_sets, kind)(path, _cells(*shape), **options)

    return write


def _ome_set(path: Path, **options: bool) -> None:
    import file_sets

    path.mkdir()
    file_sets.ome_set(path, {"": _cells(2, 2, 1, 40, 50)}, "T", **options)


def _vision(path: Path) -> None:
    import file_sets

    file_sets.deltavision(path, _cells(2, 2, 3, 40, 50))


def _lif(path: Path) -> None:
    import microscope_files

    pixels = _cells(3, 2, 40, 50, dtype="uint8")
    microscope_files.lif(path, {"a": (pixels, (0, 5, 60, 65, 120, 125))})


WHOLE: dict[str, Callable[[Path], None]] = {
    "plain.tif": _tiff(),
    "big.tif": _tiff(bigtiff=True, byteorder=">"),
    "strips.tif": _tiff(rowsperstrip=8),
    "lzw.tif": _tiff(compression="lzw", rowsperstrip=16),
    "predictor.tif": _tiff(compression="lzw", predictor=True, rowsperstrip=16),
    "deflate.tif": _tiff(compression="adobe_deflate", rowsperstrip=16),
    "tiles.tif": _tiff(compression="adobe_deflate", tile=(32, 32)),
    "zstd.tif": _tiff(compression="zstd", tile=(32, 32)),
    "packbits.tif": _tiff(compression="packbits", dtype="uint8", rowsperstrip=16),
    "jpeg.tif": _tiff(compression="jpeg", dtype="uint8", tile=(32, 32)),
    "float.tif": _tiff(dtype="float32", predictor=True, compression="adobe_deflate"),
    "colours.tif": _tiff(shape=(3, 60, 70), dtype="uint8", photometric="rgb", planarconfig=2),
    "palette.tif": _tiff(
        dtype="uint8", photometric="palette", colormap=np.arange(768, dtype="u2").reshape(3, 256)
    ),
    "imagej.tif": _tiff(
        shape=(4, 40, 50),
        imagej=True,
        metadata={"axes": "ZYX", "spacing": 0.5, "unit": "um"},
        resolution=(5, 5),
    ),
    "ome.tif": _tiff(
        shape=(2, 3, 40, 50),
        ome=True,
        rowsperstrip=8,
        compression="adobe_deflate",
        metadata={"axes": "TZYX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm"},
    ),
    "ome plain.tif": _tiff(
        shape=(2, 3, 40, 50),
        ome=True,
        metadata={"axes": "TCYX", "Channel": {"Name": ["a", "b", "c"]}},
    ),
    "shaped.tif": lambda path: tifffile.imwrite(path, _cells(5, 40, 50)),
    "pages.tif": _series,
    "grey.png": _png("L"),
    "16 bit.png": _png("I;16"),
    "palette.png": _png("P"),
    "bits.png": _png("1"),
    "colours.png": _png("RGBA"),
    "grey.jpg": _jpeg,
    "progressive.jpg": lambda path: _jpeg(path, colour=True, progressive=True),
    "packed.mat": lambda path: _mat(path, do_compression=True),
    "plain.mat": lambda path: _mat(path, do_compression=False),
    "ome 0.4.zarr": lambda path: _zarr(path, format=2),
    "ome 0.5.zarr": lambda path: _zarr(path, format=3),
    "shards.zarr": lambda path: _zarr(path, format=3, shards=(1, 64, 96)),
    "zeiss.czi": _microscope("czi", 2, 1, 2, 40, 50),
    "leica.lif": _lif,
    "imaris.ims": _microscope("ims", 2, 1, 3, 40, 50),
    "raw.ics": _microscope("ics", 3, 40, 50),
    "packed.ics": _microscope("ics", 3, 40, 50, packed=True),
    "vision.dv": _vision,
    "olympus.oib": _microscope("oib", 2, 3, 40, 50),
    "files.ome-set": _ome_set,
    "companion.ome-set": lambda path: _ome_set(path, companion=True),
    "planes 1.micromanager": _set("micromanager", 2, 2, 1, 40, 50, version=1),
    "planes 2.micromanager": _set("micromanager", 2, 2, 1, 40, 50, version=2),
    "stack.ndtiff": _set("ndtiff", 1, 2, 2, 1, 40, 50),
}
"""How a whole file of each format comes about."""
_VENDOR = Path(os.environ.get("FATESCOPE_DATA", ROOT / "../shared/data")) / "vendor"
if (_NIKON := _VENDOR / "example-cerevisiae.nd2").is_file():  # nothing here writes ND2
    WHOLE["nikon.nd2"] = lambda path: path.write_bytes(_NIKON.read_bytes())

_SECONDS = 5
AXES = {"shaped.tif": "TYX", "pages.tif": "TYX"}
_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_DIGITS = re.compile(rb"\d+")


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return ``content`` with one to four injuries; half of them where headers usually are."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        content = _injured(content, rng)
    return content


def _injured(content: bytes, rng: np.random.Generator) -> bytes:
    if not content:
        return bytes(rng.integers(0, 256, 8, dtype=np.uint8))
    at = int(rng.integers(len(content)))
    if rng.random() < 0.5:
        at = min(at, int(rng.integers(400)))
    if rng.random() < 0.2:
        at = max(0, len(content) - 1 - int(rng.integers(400)))
    n = int(rng.choice([1, 1, 2, 4, 8, 64]))
    noise = bytes(rng.integers(0, 256, n, dtype=np.uint8))
    how = rng.choice(["cut", "changed", "bit", "inserted", "removed", "extreme", "number", "moved"])
    if how == "cut":
        return content[:at]
    if how == "changed":
        return content[:at] + noise + content[at + n :]
    if how == "bit":
        return content[:at] + bytes([content[at] ^ 1 << int(rng.integers(8))]) + content[at + 1 :]
    if how == "inserted":
        return content[:at] + noise + content[at:]
    if how == "removed":
        return content[:at] + content[at + n :]
    if how == "extreme":
        size, order = int(rng.choice([2, 4, 8])), str(rng.choice(["little", "big"]))
        value = int(rng.choice(_EXTREMES)) % 256**size
        return content[:at] + value.to_bytes(size, order) + content[at + size :]
    if how == "number":
        found = list(_DIGITS.finditer(content))
        if not found:
            return content
        where = found[int(rng.integers(len(found)))]
        value = str(rng.choice([0, -1, 1, 7, 40, 65536, 10**9, 10**18])).encode()
        return content[: where.start()] + value + content[where.end() :]
    other = int(rng.integers(len(content)))
    return content[:at] + content[other : other + 16] + content[at + 16 :]


def damaged_copies(whole: Path, target: Path, *, seed: int, first: int, n: int) -> Iterator[int]:
    """Put damaged copies of a file or folder at ``target``, one after another; yield the number."""
    for number in range(first, first + n):
        rng = np.random.default_rng([seed, number])
        if whole.is_dir():
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(whole, target)
            files = sorted(p for p in target.rglob("*") if p.is_file())
            # Few of the files are metadata, and they are where the harm is.
            texts = (".json", ".txt", ".index", ".ome", ".zarray", ".zattrs", ".zgroup")
            about = [p for p in files if p.name.endswith(texts)]
            files = about if about and rng.random() < 0.6 else files
            victim = files[int(rng.integers(len(files)))]
            victim.write_bytes(damaged(victim.read_bytes(), rng))
        else:
            target.write_bytes(damaged(whole.read_bytes(), rng))
        yield number


class _Overheard(logging.Handler):
    """Keep what any library logs: none of it may reach the user."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())


class _TooLong(BaseException):
    """No reader catches it."""


def _too_long(*_: object) -> None:
    raise _TooLong(f"took more than {_SECONDS} s")


def _limit_memory() -> None:
    with Path("/proc/self/statm").open() as stream:
        now = int(stream.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, now + ROOM))


def _read_all(path: Path) -> None:
    """Do with an image what every workflow does first."""
    from fatescope.acquire import check_image, check_pixels, find_images, gauged, read_image

    of_files = path.is_dir() and path.suffix != ".zarr"
    file = find_images([path])[0] if of_files else path
    image = gauged(read_image(file, axes=AXES.get(path.name)))
    check_image(image)
    planes = itertools.product(*(range(min(n, 6)) for n in image.shape[:-2]))
    for index, y in itertools.product(planes, range(0, min(image.size("Y"), 2000), 512)):
        at = dict(zip(image.axes, index, strict=False))
        image.read(**at, Y=slice(y, y + 512), X=slice(0, 2000))
    check_pixels(image)


def _asked_for_memory(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MemoryError) or "start new thread" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def trouble_with(names: list[str], *, seed: int, first: int, n: int) -> list[str]:
    """Read ``n`` damaged files of each format; return a text for each that was not dealt with."""
    overheard = _Overheard()
    logging.getLogger().addHandler(overheard)
    for kind in (UserWarning, RuntimeWarning):
        warnings.simplefilter("error", kind)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        whole.mkdir()
        for name in names:
            WHOLE[name](whole / name)
            _read_all(whole / name)  # also loads what reading needs, before memory is limited
        _limit_memory()
        signal.signal(signal.SIGALRM, _too_long)
        for name in names:
            target = Path(folder, name)
            for number in damaged_copies(whole / name, target, seed=seed, first=first, n=n):
                text = _outcome(target)
                if overheard.found:
                    text += f" logged: {overheard.found[0]}"
                    overheard.found.clear()
                if text:
                    found.append(f"{name} seed {seed} number {number}: {text}")
    return found


def _outcome(path: Path) -> str:
    """Return what is wrong with how a damaged file was dealt with; nothing if all is well."""
    from fatescope.base import FatescopeError

    signal.alarm(_SECONDS)
    try:
        _read_all(path)
    except FatescopeError as error:
        if _asked_for_memory(error) or not str(error).endswith("."):
            return f"refused with: {error}"
    except (Exception, _TooLong) as error:
        last = traceback.extract_tb(error.__traceback__)[-1 - isinstance(error, _TooLong)]
        return f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
    finally:
        signal.alarm(0)
    return ""


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    json.dump(trouble_with(**asked), sys.stdout)
