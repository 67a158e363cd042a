"""Images and results as layers of napari: pixels, what goes with them, and the kind of layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import find_images, read_image
from fatescope.pages.result import ResultFolder
from fatescope.systems.labels.review import LabelReview, journal_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import Image, Spacing, Table

Layer = tuple[Any, dict[str, Any], str]
OURS = "fatescope"
"""Under this key of a layer's metadata stands where it comes from: ``path``, ``out``, ``key``."""
_COLOURS = ("green", "magenta", "cyan", "yellow", "red", "blue")


_WHOLE_PX, _SMALLEST_PX = 4096, 2048
"""A plane with a longer side is shown in smaller copies too, down to this side."""
_BAND_PX = 2**24
"""Pixels that are read at a time where every other one is kept."""


class ChannelPixels:
    """The pixels of one channel, read when napari shows them; each ``step``-th along Y and X."""

    def __init__(self, image: Image, channel: int, *, step: int = 1) -> None:
        self.axes = image.axes.replace("C", "")
        self.shape = tuple(-(-image.size(a) // (step if a in "YX" else 1)) for a in self.axes)
        self.dtype, self.ndim, self.size = image.dtype, len(self.shape), math.prod(self.shape)
        self._image, self._channel, self._step = image, channel, step

    def __getitem__(self, key: Any) -> NDArray[Any]:
        keys = key if isinstance(key, tuple) else (key,)
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            missing = self.ndim - len(keys) + 1
            keys = (*keys[:at], *[slice(None)] * missing, *keys[at + 1 :])
        index = {
            a: k if isinstance(k, slice) else int(k) for a, k in zip(self.axes, keys, strict=False)
        }
        return self._image.read(C=self._channel, **index) if self._step == 1 else self._thin(index)

    def _thin(self, index: dict[str, int | slice]) -> NDArray[Any]:
        """Read in bands, so that a large plane is never held whole."""
        rows, columns = (
            range(n)[k if isinstance(k := index.get(a, slice(None)), slice) else slice(k, k + 1)]
            for a, n in zip("YX", self.shape[-2:], strict=True)
        )
        rest = {a: k for a, k in index.items() if a not in "YX"}
        across = self._every(columns)
        height = max(1, _BAND_PX // self._image.size("X") // self._step)
        bands = [
            self._image.read(
                C=self._channel, **rest, Y=self._every(rows[first : first + height]), X=across
            )
            for first in range(0, len(rows), height)
        ]
        block = np.concatenate(bands, axis=-2)
        taken = tuple(
            0 if isinstance(index.get(a, slice(None)), int) else slice(None) for a in "YX"
        )
        return np.asarray(block[(..., *taken)])

    def _every(self, places: range) -> slice:
        return slice(places.start * self._step, places.stop * self._step, places.step * self._step)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype=dtype)


def channel_levels(image: Image, channel: int) -> ChannelPixels | list[ChannelPixels]:
    """Return the pixels of a channel; of a large image also smaller copies, largest first.

    Those of the file where it holds some, as pyramids do; else every second, fourth, ... pixel.
    """
    whole = ChannelPixels(image, channel)
    if max(whole.shape[-2:]) <= _WHOLE_PX:
        return whole
    stored = getattr(image.pixels, "smaller", ())
    levels = [ChannelPixels(replace(image, pixels=p, channels=()), channel) for p in stored]
    if not levels:
        n = math.ceil(math.log2(max(whole.shape[-2:]) / _SMALLEST_PX))
        levels = [ChannelPixels(image, channel, step=2**k) for k in range(1, n + 1)]
    return [whole, *levels]


def file_layers(path: Path) -> list[Layer]:
    """Return a layer for each channel of each image in a file or folder."""
    return [
        layer
        for file in find_images([path])
        for layer in image_layers(read_image(file), file.key, where={"path": str(path)})
    ]


def image_layers(image: Image, name: str, *, where: dict[str, str]) -> Iterator[Layer]:
    """Yield a layer for each channel of an image."""
    n = image.size("C")
    for channel in range(n):
        called = image.channels[channel] if image.channels else str(channel)
        meta = {
            **_grid(image.axes.replace("C", ""), image.spacing),
            "name": name if n == 1 else f"{name} {called}",
            "metadata": {OURS: {**where, "key": name}},
        }
        if n > 1:
            meta |= {"colormap": _COLOURS[channel % len(_COLOURS)], "blending": "additive"}
        data = channel_levels(image, channel)
        yield data, {**meta, "multiscale": isinstance(data, list)}, "image"


def result_layers(out: Path, *, images: bool = True) -> list[Layer]:
    """Return what a folder of results holds: images, labels as they are now, and tracks."""
    result = ResultFolder(out)
    objects = result.table("objects", may_be_absent=True)
    found: list[Layer] = []
    for said in result.done:
        key, pair = str(said["image"]), result.opened(said)
        if pair is None:
            continue
        image, labels = pair
        where = {"out": str(out.absolute())}
        if images:
            path = said["path"] if isinstance(said.get("path"), str) else ""
            found += image_layers(image, key, where=where | {"path": path})
        own = objects.rows(objects["image"] == key) if len(objects) else objects
        meta = {
            **_grid(labels.axes, labels.spacing),
            "name": f"{key} labels",
            "metadata": {OURS: {**where, "key": key}},
        }
        if (features := _features(own)) is not None:
            meta["features"] = features
        found.append((corrected_labels(out, key, image, labels), meta, "labels"))
        tracks = _tracks(result, key, own, labels)
        if tracks is not None:
            found.append(tracks)
    return found


def corrected_labels(out: Path, key: str, image: Image, labels: Image) -> NDArray[np.uint32]:
    """Return the labels of all frames, with the edits of their journal if there is one."""
    if not journal_of(out, key).exists():
        return labels.read().astype(np.uint32)
    review = open_review(out, key, image, labels)
    try:
        return np.asarray(review.as_image().read(), np.uint32)
    finally:
        review.close()


def open_review(out: Path, key: str, image: Image, labels: Image) -> LabelReview:
    """Open the journal of an image of a result, the one that the app writes too."""
    endings = (".tif", ".ome.zarr")
    file = next(p for e in endings if (p := out / "labels" / f"{key}{e}").exists())
    return LabelReview.open(out, key, image=image, labels=labels, file=file)


def _grid(axes: str, spacing: Spacing) -> dict[str, Any]:
    """Return scale, units and names of axes; pixels where the scale is not known."""
    space = axes.replace("T", "")
    steps = spacing.um(space)
    scale = dict(zip(space, steps or (1.0,) * len(space), strict=True))
    unit = "pixel" if steps is None else "µm"
    return {
        "scale": [scale.get(a, 1.0) for a in axes],
        "units": ["pixel" if a == "T" else unit for a in axes],
        "axis_labels": tuple(a.lower() for a in axes),
    }


def _features(objects: Table) -> Any:
    """Return a row for each label, where a label is one object: not if frames count anew."""
    import pandas

    if not len(objects) or len(np.unique(objects["label"])) != len(objects):
        return None
    columns = {c: objects[c] for c in objects if c != "image"}
    return pandas.DataFrame({"index": objects["label"], **columns})


def _tracks(result: ResultFolder, key: str, objects: Table, labels: Image) -> Layer | None:
    """Return cells through time: of linked spots, or of labels that are one cell in all frames."""
    spots = result.table("spots", may_be_absent=True)
    lives = result.table("tracks", may_be_absent=True)
    graph: dict[int, list[int]] = {}
    if len(spots):
        rows = spots.rows(spots["movie"] == key)
        track, graph = _chains(rows["id"], rows["parent"])
    elif len(lives) and len(objects):
        rows, track = objects, objects["label"].astype(np.int64)
        own = lives.rows(lives["image"] == key)
        pairs = zip(own["label"].tolist(), own["parent"].tolist(), strict=True)
        graph = {int(a): [int(b)] for a, b in pairs if b is not None and b == b}
    else:
        return None
    axes = labels.axes
    place = [np.asarray(rows[c], np.float64) for c in ("frame", "z", "y", "x")]
    kept = [p for p, a in zip(place, "TZYX", strict=True) if a in axes]
    order = np.lexsort((place[0], track))
    data = np.column_stack([track, *kept])[order]
    meta = {
        **_grid(axes, labels.spacing),
        "name": f"{key} tracks",
        "graph": graph,
        "metadata": {OURS: {"out": str(result.folder.absolute()), "key": key}},
    }
    return data, meta, "tracks"


def _chains(ids: Any, parents: Any) -> tuple[NDArray[np.int64], dict[int, list[int]]]:
    """Return the number of the chain of each spot, and the mother of each chain that has one."""
    row = {int(i): n for n, i in enumerate(ids)}
    mother = [row.get(int(p), -1) if p is not None and p == p else -1 for p in parents]
    children = np.bincount([m for m in mother if m >= 0], minlength=len(mother))
    track = np.zeros(len(mother), np.int64)
    graph: dict[int, list[int]] = {}
    done = 0
    for n in _mothers_first(mother):
        m = mother[n]
        if m >= 0 and children[m] == 1:
            track[n] = track[m]
            continue
        done += 1
        track[n] = done
        if m >= 0:
            graph[done] = [int(track[m])]
    return track, graph


def _mothers_first(mother: list[int]) -> Iterator[int]:
    """Yield rows so that each comes after its mother."""
    below: dict[int, list[int]] = {}
    for n, m in enumerate(mother):
        below.setdefault(m, []).append(n)
    stack = below.get(-1, [])[::-1]
    while stack:
        n = stack.pop()
        yield n
        stack += below.get(n, ())
