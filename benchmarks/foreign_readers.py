"""What other libraries read of a file, in one form: the second readings of `foreign_files`."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

AXES = "TCZYX"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one library says of one image; what it does not say is None or empty."""

    by: str
    pixels: Any
    """T, C, Z, Y, X."""
    um: tuple[float | None, ...] = (None, None, None)
    """Z, Y, X."""
    minutes: tuple[float, ...] = ()
    channels: tuple[str, ...] = ()
    name: str = ""


def five(data: Any, axes: str) -> Any:
    """Give an array all of T, C, Z, Y, X; samples are channels."""
    axes = axes.replace("S", "C")
    data = np.asarray(data)
    for axis in AXES:
        if axis not in axes:
            data, axes = data[None], axis + axes
    return data.transpose([axes.index(a) for a in AXES])


def bio_formats(paths: Sequence[Path], jar: Path, folder: Path) -> dict[Path, list[Reading]]:
    """Read files with Bio-Formats, all in one process."""
    program = Path(__file__).with_name("ReadWithBioFormats.java")
    tool = ["java", "-Xmx4g", "-cp", str(jar), str(program), str(folder)]
    asked = "\n".join(str(p) for p in paths)
    done = subprocess.run(tool, input=asked, capture_output=True, text=True, check=True)
    readings: dict[Path, list[Reading]] = {p: [] for p in paths}
    for line in done.stdout.splitlines():
        path, number, *said = line.split("\t")
        if not number:
            print(f"{path}: Bio-Formats: {said[0]}", file=sys.stderr)
            continue
        form, sizes, kind, order, um, interval, times, names, raw, name = said
        if um == ",1.0,1.0" and "TIFF" in form.replace(
            "Tagged Image File Format", "TIFF"
        ):  # a resolution without a unit
            um = ",,"
        shape = [int(n) for n in sizes.split(",")]
        dtype = {"float": "f4", "double": "f8", "bit": "u1"}.get(kind) or np.dtype(kind).str[1:]
        pixels = np.fromfile(raw, order + dtype).reshape(shape)
        seconds = times.split("|")
        minutes: tuple[float, ...] = ()
        if shape[0] > 1 and all(seconds):
            minutes = tuple((float(s) - float(seconds[0])) / 60 for s in seconds)
        elif shape[0] > 1 and interval:
            minutes = tuple(np.arange(shape[0]) * float(interval) / 60)
        readings[Path(path)].append(
            Reading(
                by="Bio-Formats",
                pixels=pixels,
                um=tuple(float(v) if v else None for v in um.split(",")),
                minutes=minutes,
                channels=tuple(names.split("|")) if names.strip("|") else (),
                name=name,
            )
        )
    return readings


def by_scipy(path: Path) -> Reading:
    """Read the one array of a MATLAB file."""
    from scipy.io import loadmat

    (data,) = (v for k, v in loadmat(path).items() if not k.startswith("__"))
    return Reading(by="SciPy", pixels=five(data, "YXZT"[: data.ndim]))


def by_opencv(path: Path) -> Reading:
    """Read a film; frames that are grey everywhere are one channel."""
    import cv2

    film, frames = cv2.VideoCapture(str(path)), []
    while (got := film.read())[0]:
        frames.append(got[1][..., ::-1])
    data = np.stack(frames)
    grey = (np.ptp(data, axis=-1) <= 3).all()  # of one brightness, rounded three times
    return Reading(
        by="OpenCV", pixels=five(data[..., 0] if grey else data, "TYXC"[: 3 + (not grey)])
    )


def by_opencv_still(path: Path) -> Reading:
    """Read a still; colours that are equal everywhere are one channel, transparency is left out."""
    import cv2

    data = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if data.ndim == 3:
        data = data[..., 2::-1]
        data = data[..., 0] if (data == data[..., :1]).all() else data
    return Reading(by="OpenCV", pixels=five(data, "YXC"[: data.ndim]))


def by_tifffile(path: Path) -> Reading:
    """Read the first series; of OME the scale is that of its text."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        one = tif.series[0]
        letters = one.axes.replace("Q", "T").replace("I", "T")
        data, about = five(one.asarray(), letters), tif.imagej_metadata or {}
        um: list[float | None] = [None, None, None]
        if about.get("unit") in ("um", "micron", "µm", "\\u00B5m"):
            x, y = (tif.pages[0].tags[n].value for n in ("XResolution", "YResolution"))
            um = [about.get("spacing"), y[1] / y[0], x[1] / x[0]]
        elif not tif.is_ome and tif.pages[0].resolutionunit in (2, 3):
            um = [None, *(1 / n for n in tif.pages[0].get_resolution("micrometer")[::-1])]
        step = about.get("finterval")
        plane = (tif.metaseries_metadata or {}).get("PlaneInfo", {})
        names = (plane["_IllumSetting_"],) if "_IllumSetting_" in plane else ()
        if plane.get("spatial-calibration-units") == "um":
            um = [None, *(plane[f"spatial-calibration-{a}"] for a in "yx")]
        if tif.ome_metadata:
            told = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
            told = (told[0] if isinstance(told, list) else told)["Pixels"]
            um = [told.get(f"PhysicalSize{a}") for a in "ZYX"]
            step = told.get("TimeIncrement")
            listed = told.get("Channel", [])
            listed = [c.get("Name") for c in (listed if isinstance(listed, list) else [listed])]
            names = tuple(listed) if all(listed) else ()
    minutes = tuple(np.arange(len(data)) * step / 60) if step and len(data) > 1 else ()
    return Reading(by="tifffile", pixels=data, um=tuple(um), minutes=minutes, channels=names)


def by_czifile(path: Path) -> Reading | None:
    """Read pixels, and the scale and the channels of the text; zstd is not known to it."""
    import czifile

    with czifile.CziFile(path) as file:
        if any(entry.compression > 4 for entry in file.filtered_subblock_directory):
            return None
        axes, data = file.axes, file.asarray()
        text = file.metadata(raw=False)["ImageDocument"]["Metadata"]
    kept = [n for n, a in enumerate(axes) if a in AXES]
    data = data[tuple(slice(None) if n in kept else 0 for n in range(data.ndim))]
    steps = _listed(text.get("Scaling", {}), "Items", "Distance")
    um = {d["Id"]: float(d["Value"]) * 1e6 or None for d in steps if d.get("Value")}
    listed = _listed(text["Information"]["Image"], "Dimensions", "Channels", "Channel")
    shown = _listed(text, "DisplaySetting", "Channels", "Channel")
    names = tuple(c.get("Name") for c in listed)
    names = names if all(names) else tuple(c.get("Name") for c in shown)
    return Reading(
        by="czifile",
        pixels=five(data, "".join(axes[n] for n in kept)),
        um=tuple(um.get(a) for a in "ZYX"),
        channels=names if names and all(names) else (),
    )


def _listed(text: Any, *path: str) -> list[Any]:
    """Return what an XML dictionary has below a path, one or many, as a list."""
    for key in path:
        text = (text or {}).get(key) if isinstance(text, dict) else None
    return text if isinstance(text, list) else [text] if text else []


def by_nd2(path: Path) -> Reading:
    """Read the pixels, and what the library says of channels and pixels."""
    import nd2

    with nd2.ND2File(path) as file:
        size = file.voxel_size()
        names = tuple(c.channel.name for c in file.metadata.channels)
        axes, data = "".join(file.sizes), file.asarray()
    return Reading(by="nd2", pixels=five(data, axes), um=(None, size.y, size.x), channels=names)


def by_zarr(path: Path) -> Reading:
    """Read the arrays and the attributes, as the specification says."""
    import zarr

    group = zarr.open_group(path, mode="r")
    about: Any = dict(group.attrs)
    about = about.get("ome", about)
    (one, *_) = about["multiscales"]
    axes = [a["name"].upper() for a in one["axes"]]
    told = one["datasets"][0].get("coordinateTransformations", [])
    scale = next((t["scale"] for t in told if "scale" in t), [0.0] * len(axes))
    data = np.asarray(group[str(one["datasets"][0]["path"])])
    units = {"micrometer": 1.0, "nanometer": 1e-3, "second": 1 / 60, "minute": 1.0, "": None}
    steps = {}
    for axis, letter, step in zip(one["axes"], axes, scale, strict=True):
        unit = units.get(axis.get("unit", ""))
        steps[letter] = None if unit is None else step * unit
    whole = five(data, "".join(axes))
    minutes = tuple(np.arange(len(whole)) * steps["T"]) if steps.get("T") and len(whole) > 1 else ()
    names = tuple(c["label"] for c in about.get("omero", {}).get("channels", []))
    um = tuple(steps.get(a) for a in "ZYX")
    return Reading(by="zarr", pixels=whole, um=um, minutes=minutes, channels=names)


def by_tifffile_ndtiff(path: Path) -> Reading:
    """Read a recording of Micro-Manager: pixels and axes."""
    import tifffile

    with tifffile.TiffFile(next(path.glob("*.tif"))) as tif:
        one = tif.series[0]
        about, pixels = tif.micromanager_metadata["Summary"], five(one.asarray(), one.axes)
    um = (about["z-step_um"], about["PixelSizeUm"], about["PixelSizeUm"])
    return Reading(by="tifffile", pixels=pixels, um=um)


def by_bytes(path: Path) -> Reading:
    """Read an ICS of one plane as its text says; Bio-Formats fails on the only real one."""
    text, packed = re.split(rb"\nend[ \t\r]*\n", path.read_bytes(), maxsplit=1)
    lines = [x.split("\t") for x in text.decode().splitlines()]
    said = {tuple(x[:2]): x[2:] for x in lines}
    bits, *sizes = (int(n) for n in said["layout", "sizes"])
    letters = [a[0].upper() for a in said["layout", "order"][1:]]
    pixels = np.frombuffer(gzip.decompress(packed), f"<u{bits // 8}")
    pixels = pixels.reshape(sizes[::-1])
    return Reading(by="NumPy", pixels=five(pixels, "".join(reversed(letters))))


def by_h5py(path: Path) -> Reading:
    """Read the one array."""
    import h5py

    with h5py.File(path) as file:
        (data,) = (v[:] for v in file.values())
    return Reading(by="h5py", pixels=five(data, "YX"))


SECOND: dict[str, Callable[[Path], Reading | None]] = {
    ".mat": by_scipy,
    ".mp4": by_opencv,
    ".mov": by_opencv,
    ".avi": by_opencv,
    ".png": by_opencv_still,
    ".jpg": by_opencv_still,
    ".tif": by_tifffile,
    ".tiff": by_tifffile,
    ".btf": by_tifffile,
    ".tf8": by_tifffile,
    ".czi": by_czifile,
    ".nd2": by_nd2,
    ".zarr": by_zarr,
    ".h5": by_h5py,
    ".ics": by_bytes,
}


def second_reader(path: Path) -> Callable[[Path], Reading | None] | None:
    """Return what reads a file beside Bio-Formats."""
    if path.is_dir() and any(path.glob("NDTiff.index")):
        return by_tifffile_ndtiff
    return by_zarr if path.is_dir() else SECOND.get(path.suffix.lower())
