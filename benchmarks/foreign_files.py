"""Files that other programs wrote, each as we read it and as a second library reads it.

    python -m benchmarks.foreign_writers SCRATCH [--bioformats JAR] [--imagej JAR]
    python -m benchmarks.foreign_files --written SCRATCH --data DATA --bioformats JAR

The second library is Bio-Formats where its jar is given and reads the kind, else the library that
is named in the row. A row says for each of pixels, axes, spacing, times and channels whether both
say the same; what only one of them says is a difference, unless `EXPLAINED` says why.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from benchmarks.foreign_readers import Reading, bio_formats, five, second_reader

from fatescope.base import FileFormatError

SHARED = (
    "vendor/example-pbmc.nd2",
    "vendor/example-cerevisiae.nd2",
    "vendor/DAPI_GFP.czi",
    "vendor/FOV7_HV110_P0500510000.czi",
    "vendor/FOV7_HV110_P0500510000.ome.tiff",
    "vendor/WellD6_S1.czi",
    "vendor/LeicaLASX_wavelength-sweep_example.lif",
    "vendor/fl.ics",
    "plate_layouts/mosaic_two_tiles.czi",
    "plate_layouts/ome_zarr_hcs/ez_zarr_v3/*.zarr",
    "plate_layouts/ome_zarr_hcs/ez_zarr_v2/*/B/03/0",
    "plate_layouts/ome_zarr_hcs/examples/valid/image-*.zarr",
    "plate_layouts/ome_zarr_hcs/examples/valid/plate-01.zarr/[AB]/1/0",
    "plate_layouts/operetta/Images/Index.idx.xml",
    "plate_layouts/imagexpress_live/**/*.[tT][iI][fF]",
    "plate_layouts/yokogawa_cv8000/**/*_D08_T0001F001L01A01Z01C01.tif",
    "plate_layouts/yokogawa_cv8000/**/*_E03_T0001F002L01A02Z03C02.tif",
    "plate_samples/**/*.TIF",
    "plate_samples/mcf7_pi/510_snap_1_0_4.tif",
    "devolearn_samples/*.mov",
    "devolearn_samples/*.png",
    "devolearn_samples/*.jpg",
    "membrane_3dmms/raw/*.mat",
    "tissue_volumes/*.tif",
    "nuclei3d_mouse/images/*.tif",
    "movie_breast2d/**/*.tif",
    "movie_simplus/**/*.tif",
    "movie2d_laptrack/**/*.tif",
    "u2os2d_bbbc039/images/*.tif",
    "wormimage_em/images/*.jpg",
    "nuclei2d_dsb2018/images/*.png",
    "phase_usiigaci/**/*.png",
    "live_dead_brightfield/images/*.png",
)
"""Below the data folder; of a pattern the first two files are taken."""
_MATLAB = "testmatrix_6.1_SOL2 testmatrix_6.5.1_GLNX86 testmatrix_7.4_GLNX86"
_MATLAB_3D = "test3dmatrix_6.1_SOL2 test3dmatrix_6.5.1_GLNX86 test3dmatrix_7.4_GLNX86"
_STILLS = (
    "multipage.tif multipage_rgb.tif camera.png astronaut.png cell.png coins.png horse.png ihc.png "
    "microaneurysms.png phantom.png text.png retina.jpg rocket.jpg hubble_deep_field.jpg"
)
SHIPPED = {
    "scipy": [f"io/matlab/tests/data/{n}.mat" for n in f"{_MATLAB} {_MATLAB_3D}".split()],
    "skimage": [f"data/{name}" for name in _STILLS.split()],
    "matplotlib": ["mpl-data/sample_data/grace_hopper.jpg", "mpl-data/sample_data/logo2.png"],
}
"""Files that installed packages bring."""
GIVEN_AXES = {"multipage.tif": "TYX", "multipage_rgb.tif": "TCYX"}
"""What a user must say of files that do not say it."""
_SPECTRAL = "the second library takes wavelengths for frames; pixels are compared in our shape"
_ROUNDED = "films: the second library makes red, green and blue of it, and rounds, by up to 3"
EXPLAINED = {
    ("*wavelength-sweep*", "axes channels times"): _SPECTRAL,
    ("*meristem*", "axes spacing"): "pages counted both as channels and as slices, no unit: taken "
    "as slices without a scale, with a finding; the second library takes frames and centimetres",
    ("planes.ics", "times"): "1.0 along T without a unit: not believed; the second library says ms",
    ("*.mov", "pixels"): _ROUNDED,
    ("*.mp4", "pixels"): _ROUNDED,
    ("film.avi", "pixels"): _ROUNDED,
    (
        "stack.dv",
        "pixels",
    ): "the second library shows the last row first; we, and Python's readers, show them as stored",
    ("stack.dv", "channels"): "called by their wavelength",
    ("multipage*.tif", "spacing"): "72 dots per inch are no size of a pixel",
    ("colour.tif", "spacing"): "1 dot per inch is no size of a pixel",
    (
        "recording_1",
        "channels",
    ): "named in the index, which the second library reads for axes alone",
}
"""Differences that stay, and why: a name, the quantities, the reason."""


def ours(path: Path, number: int | None = None) -> Reading:
    """Read with fatescope; of several images the one with a number."""
    from fatescope.acquire import read_image
    from fatescope.acquire.plates import PlateReading, read_field, read_plate

    if path.suffix == ".xml":
        layout = read_plate(path.parent.parent, PlateReading())
        fields = [(well, field) for well in layout.wells for field in layout.images[well]]
        image = read_field(layout, *fields[number or 0])
    else:
        inside = path / "NDTiff.index"
        scene = None if number is None else str(number)
        axes = GIVEN_AXES.get(path.name)
        image = read_image(inside if inside.exists() else path, scene=scene, axes=axes)
    steps = {a: s["value"] for a, s in image.spacing.as_record().items()}
    minutes = image.minutes or (
        tuple(np.arange(image.size("T")) * steps["T"]) if "T" in steps else ()
    )
    return Reading(
        by="fatescope",
        pixels=five(image.read(), image.axes),
        um=tuple(steps.get(a) for a in "ZYX"),
        minutes=tuple(float(m) for m in minutes),
        channels=() if image.channels == ("red", "green", "blue") else image.channels,
    )


_NOT_BIO_FORMATS = (".mat", ".mp4", ".mov", ".avi", ".zarr", ".h5", ".png", ".jpg")


_HEAD = """# Files of other programs, compared

{n} images that other programs wrote, each read by fatescope and by a second library. Pixels, axes,
spacing, times of the frames and names of the channels are equal in {equal}, but for what the last
column explains. What is *written by* a program was written by it, or by its library, for this
comparison. A file of the *data folder* comes from an instrument or from another laboratory; some
of these were saved again as TIFF by tifffile before we had them. Of LOF, XLEF, OIB, OIF, IMS, LSM,
STK, Cytation and ScanR no file was at hand that somebody else wrote: these are tested with files
that the tests write.

`python -m benchmarks.foreign_writers SCRATCH --bioformats JAR --imagej JAR`, then
`python -m benchmarks.foreign_files --data DATA --written SCRATCH --bioformats JAR` (Bio-Formats
7.3.1, ImageJ 1.52i), whose output is this page. `pytest tests/acquire/test_files_of_others.py`
compares what can be had without Bio-Formats with the libraries of the test environment.

| file | how it came here | second library | T, C, Z, Y, X | result |
|--|--|--|--|--|"""


def found(data: Path | None, written: Path | None) -> Iterator[tuple[str, str, Path]]:
    """Yield for each file how it came here, its name in the table, and its path."""
    for pattern in SHARED if data else ():
        for path in sorted(data.glob(pattern))[:2]:
            yield "data folder", str(path.relative_to(data)), path
    for package, names in SHIPPED.items():
        spec = find_spec(package)
        for name in names if spec and spec.origin else ():
            yield f"shipped by {package}", name, Path(spec.origin).parent / name
    for folder in sorted(written.iterdir()) if written else ():
        for path in sorted(folder.iterdir()):
            yield f"written by {folder.name}", path.name, path


def differences(one: Reading, other: Reading) -> dict[str, str]:
    """Return for each quantity what differs, and nothing for what both say the same."""
    said, theirs = {}, other.pixels
    if one.pixels.shape != theirs.shape:
        said["axes"] = f"{one.pixels.shape} for {theirs.shape}"
        theirs = theirs.reshape(one.pixels.shape) if theirs.size == one.pixels.size else theirs
    if one.pixels.shape != theirs.shape:
        said["pixels"] = "other sizes"
    elif not np.array_equal(one.pixels, theirs, equal_nan=one.pixels.dtype.kind == "f"):
        wide = np.float64 if one.pixels.itemsize > 1 else np.int16
        apart = np.abs(one.pixels.astype(wide) - theirs.astype(wide))
        said["pixels"] = f"{(apart > 0).mean():.1%} differ, by up to {apart.max():g}"
    pairs = zip("ZYX", one.um, other.um, one.pixels.shape[2:], strict=True)
    pairs = (p[:3] for p in pairs if p[0] != "Z" or p[3] > 1)
    wrong = [f"{a} {mine} for {his}" for a, mine, his in pairs if not _close(mine, his)]
    if wrong:
        said["spacing"] = ", ".join(wrong)
    if one.pixels.shape[0] > 1 and not (
        len(one.minutes) == len(other.minutes)
        and np.allclose(one.minutes, other.minutes, rtol=1e-5)
    ):
        said["times"] = f"{one.minutes[:3]} for {other.minutes[:3]}"
    if one.channels != other.channels:
        said["channels"] = f"{one.channels} for {other.channels}"
    return said


def unexplained(path: Path, said: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the differences that nothing explains, and the reasons for the others."""
    reasons = {
        quantity: reason
        for (pattern, quantities), reason in EXPLAINED.items()
        for quantity in quantities.split()
        if fnmatch(path.name, pattern) and quantity in said
    }
    left = {q: text for q, text in said.items() if q not in reasons}
    return left, list(dict.fromkeys(reasons.values()))


def _close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(np.isclose(one, other, rtol=1e-5))


def compare(
    files: Sequence[tuple[str, str, Path]], jar: Path | None
) -> Iterator[tuple[str, str, Reading | None, dict[str, str], list[str]]]:
    """Yield a row for each image: origin, name, the second reading, what differs, and why."""
    with tempfile.TemporaryDirectory() as folder:
        asked = [p for _, _, p in files if _for_bio_formats(p)]
        second = bio_formats(asked, jar, Path(folder)) if jar else {}
        for origin, name, path in files:
            reader = second_reader(path)
            others = second.get(path) or ([reader(path)] if reader else [None])
            for n, other in enumerate(others):
                several = len(others) > 1
                called = f"{name} [{n}]" if several else name
                if other is None:
                    yield origin, called, None, {}, []
                    continue
                try:
                    said = differences(ours(path, n if several else None), other)
                except FileFormatError as error:
                    said = {"refused": str(error)}
                yield origin, called, other, *unexplained(path, said)


def _for_bio_formats(path: Path) -> bool:
    """Say whether Bio-Formats reads a file; it knows nothing of what tifffile writes as JSON."""
    if path.is_dir() or path.suffix.lower() in _NOT_BIO_FORMATS:
        return False
    with path.open("rb") as stream:
        return b'{"shape": [' not in stream.read(2**12)


def main() -> None:
    """Print a row for each file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--written", type=Path)
    parser.add_argument("--bioformats", type=Path)
    given = parser.parse_args()
    rows = list(compare(list(found(given.data, given.written)), given.bioformats))
    equal = sum(row[2] is not None and not row[3] for row in rows)
    print(_HEAD.format(n=len(rows), equal=equal))
    for origin, name, other, left, reasons in rows:
        by, shape = (other.by, "x".join(map(str, other.pixels.shape))) if other else ("none", "")
        result = str(left) if left else "; ".join(reasons) or ("equal" if other else "not compared")
        print(f"| {name.rpartition('/')[2]} | {origin} | {by} | {shape} | {result} |")


if __name__ == "__main__":
    main()
