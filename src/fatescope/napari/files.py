"""What napari asks for files: readers, the writer of labels, sample data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import write_labels
from fatescope.acquire.images.formats import SUFFIXES
from fatescope.acquire.images.zarr_metadata import is_zarr
from fatescope.acquire.our_folders import is_ours
from fatescope.base import AXES, InputError, Spacing
from fatescope.napari.layers import file_layers, image_layers, result_layers

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.napari.layers import Layer


def get_reader(path: str | list[str]) -> Callable[[Any], list[Layer]] | None:
    """Return what opens a path; nothing where it is neither an image nor a result of ours."""
    first = Path(path if isinstance(path, str) else path[0])
    if first.is_dir():
        readable = is_ours([p.name for p in first.iterdir()]) or is_zarr(first)
    else:
        readable = first.name.lower().endswith(SUFFIXES)
    return _read if readable else None


def _read(path: str | list[str]) -> list[Layer]:
    layers: list[Layer] = []
    for one in [path] if isinstance(path, str) else path:
        folder = Path(one)
        ours = folder.is_dir() and is_ours([p.name for p in folder.iterdir()])
        layers += result_layers(folder) if ours else file_layers(folder)
    return layers


def write_labels_layer(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write a layer of labels as fatescope does: TIFF, or OME-Zarr by the ending.

    Raises
    ------
    InputError
        If a third axis has no name: planes and frames are not told apart by their number.
    """
    pixels = np.asarray(data)
    named = "".join(str(a) for a in meta.get("axis_labels") or ()).upper()
    axes = named if len(named) == pixels.ndim and set(named) <= set(AXES) else ""
    if not axes and pixels.ndim != 2:
        raise InputError(
            f"{path}: the axes of these labels have no names. Set layer.axis_labels, for instance "
            "to ('t', 'y', 'x'), and save again."
        )
    axes = axes or "YX"
    units = [str(u) for u in meta.get("units") or ()]
    known = any("micro" in u or u in ("um", "µm") for u in units)
    scale = dict(zip(axes, meta.get("scale") or (), strict=False))
    steps = [float(scale[a]) for a in axes if a in "ZYX"] if known else None
    most = int(pixels.max(initial=0))
    kind = next(k for k in (np.uint8, np.uint16, np.uint32) if most <= np.iinfo(k).max)
    write_labels(
        path,
        pixels.astype(kind),
        shape=pixels.shape,
        axes=axes,
        dtype=kind,
        spacing=Spacing.given(steps, None),
    )
    return [path]


def sample_nuclei() -> list[Layer]:
    """Return a rendered movie of nuclei that divide, with its true labels."""
    from fatescope.base import Image
    from fatescope.simulate import NucleiMovieSettings, simulate_nuclei

    movie = simulate_nuclei(NucleiMovieSettings(frames=6), seed=3)
    image = Image(pixels=movie.pixels, axes="TYX", spacing=movie.spacing)
    (layer,) = image_layers(image, "rendered nuclei", where={})
    _, meta, _ = layer
    return [layer, (movie.labels.astype(np.uint32), {**meta, "name": "true nuclei"}, "labels")]
