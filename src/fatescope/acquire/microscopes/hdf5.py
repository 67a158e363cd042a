"""HDF5: Imaris IMS, and plain arrays, each by its path inside, through h5py."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.microscopes.scenes import LibraryPixels, Opened, Scene
from fatescope.base import FileFormatError, escape, imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_ARRAYS = 200  # offered as scenes; a guess
_UNNAMED = "QUVWH"


def open_scenes(path: Path) -> list[Scene]:
    """Return the image of an Imaris file, or the arrays of any other HDF5 file."""
    holder = Opened(imported("h5py").File(path, "r"))
    if "DataSet/ResolutionLevel 0/TimePoint 0" in holder.file:
        return [_imaris(holder, escape(path))]
    return _arrays(holder, escape(path))


def _imaris(holder: Opened, where: str) -> Scene:
    file = holder.file
    frames, info = file["DataSet/ResolutionLevel 0"], file["DataSetInfo"]
    n_t, first = len(frames), frames["TimePoint 0"]
    n_c = len(first)
    data = first["Channel 0/Data"]
    # chunks are padded; the true size is told as text
    size = [int(_text(info["Image"], axis) or data.shape[i]) for i, axis in enumerate("ZYX")]
    size = [min(n, stored) for n, stored in zip(size, data.shape, strict=True)]
    check_shape((n_t, n_c, *size), where)
    lead = {a: n for a, n in (("T", n_t), ("C", n_c), ("Z", size[0])) if n > 1}
    pixels = LibraryPixels(
        shape=(*lead.values(), *size[1:]),
        dtype=data.dtype,
        where=where,
        read=partial(_read_imaris, holder, tuple(lead)),
    )
    extent = {
        axis: abs(_number(info["Image"], f"ExtMax{i}") - _number(info["Image"], f"ExtMin{i}"))
        for i, axis in enumerate("XYZ")
    }
    unit = (_text(info["Image"], "Unit") or "um").lower()
    scale = {"um": 1.0, "µm": 1.0, "nm": 1e-3, "mm": 1e3, "m": 1e6}.get(unit)
    lengths = dict(zip("ZYX", size, strict=True))
    steps = {a: float(f"{extent[a] / lengths[a] * scale:.8g}") for a in "ZYX"} if scale else {}
    names = [
        _text(info[f"Channel {c}"], "Name") if f"Channel {c}" in info else "" for c in range(n_c)
    ]
    return Scene(
        pixels=pixels,
        axes="".join(lead) + "YX",
        steps={a: s or None for a, s in steps.items()},
        channels=tuple(names) if all(names) else (),
        minutes=_minutes(info, n_t),
        objective=_text(info["Image"], "LensName"),
    )


def _read_imaris(
    holder: Opened, lead: tuple[str, ...], at: tuple[int, ...], rows: range, columns: range
) -> NDArray[Any]:
    index = dict(zip(lead, at, strict=True))
    t, c, z = (index.get(a, 0) for a in "TCZ")
    data = holder.file[f"DataSet/ResolutionLevel 0/TimePoint {t}/Channel {c}/Data"]
    return np.asarray(data[z, rows.start : rows.stop, columns.start : columns.stop])


def _minutes(info: Any, n: int) -> tuple[float, ...]:
    """Return when each frame was taken, from dates such as ``2020-01-31 10:00:00.000``."""
    if n < 2 or "TimeInfo" not in info:
        return ()
    dates = [_text(info["TimeInfo"], f"TimePoint{t + 1}") for t in range(n)]
    try:
        at = np.array([d.replace(" ", "T") for d in dates], dtype="datetime64[ms]")
    except ValueError:
        return ()
    return tuple(((at - at[0]) / np.timedelta64(1, "ms") / 60000).tolist()) if all(dates) else ()


def _text(group: Any, name: str) -> str:
    """Return an attribute, which Imaris stores as an array of single letters."""
    value = group.attrs.get(name)
    if value is None:
        return ""
    if isinstance(value, bytes | str):
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return b"".join(np.asarray(value).astype("S1").tolist()).decode("utf-8", "replace").strip()


def _number(group: Any, name: str) -> float:
    try:
        return float(_text(group, name))
    except ValueError:
        return 0.0


def _arrays(holder: Opened, where: str) -> list[Scene]:
    """List the arrays of a file that can be images."""
    h5py = imported("h5py")
    found: list[tuple[str, Any]] = []

    def see(name: str, item: Any) -> bool | None:
        numbers = isinstance(item, h5py.Dataset) and item.dtype.kind in "buif" and item.ndim >= 2
        if numbers and (min(item.shape[-2:]) > 1 or item.attrs.get("axistags")):
            found.append((name, item))
        return True if len(found) >= _MOST_ARRAYS else None

    holder.file.visititems(see)
    if not found:
        raise FileFormatError(f"{where}: holds no array of numbers with rows and columns.")
    return [_array(holder, name, item, where) for name, item in found]


def _array(holder: Opened, name: str, item: Any, where: str) -> Scene:
    letters, steps = _said_axes(item)
    check_shape(item.shape, where)
    y, x = letters.index("Y"), letters.index("X")
    order = [i for i in range(item.ndim) if i not in (y, x)]
    pixels = LibraryPixels(
        shape=(*(item.shape[i] for i in order), item.shape[y], item.shape[x]),
        dtype=item.dtype,
        where=where,
        read=partial(_read_array, holder, name, tuple(order), y, x),
    )
    return Scene(
        name=name, pixels=pixels, axes="".join(letters[i] for i in order) + "YX", steps=steps
    )


def _read_array(
    holder: Opened,
    name: str,
    order: tuple[int, ...],
    y: int,
    x: int,
    at: tuple[int, ...],
    rows: range,
    columns: range,
) -> NDArray[Any]:
    key: list[Any] = [slice(None)] * (len(order) + 2)
    for place, index in zip(order, at, strict=True):
        key[place] = index
    key[y] = slice(rows.start, rows.stop)
    key[x] = slice(columns.start, columns.stop)
    block = holder.file[name][tuple(key)]
    return np.asarray(block if y < x else block.T)


def _said_axes(item: Any) -> tuple[str, dict[str, float | None]]:
    """Return a letter for each axis, as ilastik, or labels of the dimensions, say them."""
    letters = [str(d.label).upper()[:1] for d in item.dims]
    try:
        tags = json.loads(item.attrs["axistags"])["axes"]
        letters = [str(tag["key"]).upper() for tag in tags]
    except (KeyError, TypeError, ValueError):
        pass
    steps: dict[str, float | None] = {}
    sizes = item.attrs.get("element_size_um")
    if sizes is not None and len(sizes) == 3:  # the plugin of Fiji and ilastik
        steps = {a: float(s) for a, s in zip("ZYX", sizes, strict=True)}
    if not {"Y", "X"} <= set(letters) or len(set(letters)) != len(letters) or not all(letters):
        letters = [*_UNNAMED[: item.ndim - 2], "Y", "X"]
    return "".join(letters), steps
