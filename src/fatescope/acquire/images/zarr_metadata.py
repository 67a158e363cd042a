"""What an OME-Zarr image says of itself, versions 0.4 and 0.5: the same words in two places."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from fatescope.acquire.images.scale import MIN, UM, believed, length_in
from fatescope.base import AXES, FileFormatError, Finding, Spacing

MARKERS = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
"""A folder that holds one of these is a Zarr array or group."""
VERSION = "0.5"
"""What we write (decision record 0090)."""
_MAX_JSON_BYTES = 2**26  # of one file of metadata; not measured


def is_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr array or group, or is called one."""
    return path.suffix.lower() == ".zarr" or any((path / name).is_file() for name in MARKERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZarrImage:
    """Where the pixels of the full size are, and what their axes mean.

    Parameters
    ----------
    path : Path
        Folder of the array.
    stored : str
        A letter for each axis in stored order; any letter out of ``TCZYX`` where the file says
        it, others where it does not.
    spacing : Spacing
    channels : tuple of str
    notes : tuple of Finding
        What was not believed.
    """

    path: Path
    stored: str
    spacing: Spacing = field(default_factory=Spacing)
    channels: tuple[str, ...] = ()
    notes: tuple[Finding, ...] = ()


def find_image(folder: Path, where: str) -> ZarrImage:
    """Return the image that a Zarr folder holds.

    Raises
    ------
    FileFormatError
        If there is no metadata, no image, or more than one.
    """
    metadata = read_json(folder, where)
    if _is_array(folder, metadata):
        return ZarrImage(path=folder, stored=_named_dimensions(metadata, where))
    attributes = ome_attributes(metadata)
    if "multiscales" not in attributes and (folder / "0").is_dir():
        if (folder / "1").is_dir():
            raise FileFormatError(
                f"{where}: holds several images (series). Give one of them, such as {where}/0."
            )
        return find_image(folder / "0", where)
    if "plate" in attributes or "well" in attributes:
        raise FileFormatError(
            f"{where}: is a plate or well of OME-Zarr. Give the images in it, such as "
            f"{where}/{'A/1/0' if 'plate' in attributes else '0'}."
        )
    return _multiscale(folder, attributes, where)


def read_json(folder: Path, where: str) -> dict[str, Any]:
    """Return the metadata of a group or array; of Zarr 2, its attributes under ``attributes``."""
    merged: dict[str, Any] = {}
    seen = False
    for name in MARKERS:
        path = folder / name
        if not path.is_file():
            continue
        seen = True
        try:
            if path.stat().st_size > _MAX_JSON_BYTES:
                raise ValueError("larger than 64 MB")
            content = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(content, dict):
                raise ValueError("no mapping")
        except (ValueError, RecursionError) as error:
            raise FileFormatError(
                f"{where}: its {name} is damaged ({error}). Copy or export it again."
            ) from error
        if name == "zarr.json":
            return content
        merged |= {"attributes": content} if name == ".zattrs" else content
    if not seen or not {"zarr_format"} & set(merged):
        raise FileFormatError(
            f"{where}: lacks its Zarr metadata (zarr.json, or .zgroup and .zattrs). Copy the "
            "whole folder again."
        )
    return merged


def _is_array(folder: Path, metadata: Mapping[str, Any]) -> bool:
    return metadata.get("node_type") == "array" or (folder / ".zarray").is_file()


def ome_attributes(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the OME part: ``attributes.ome`` since 0.5, ``attributes`` before."""
    attributes = metadata.get("attributes")
    attributes = attributes if isinstance(attributes, dict) else {}
    ome = attributes.get("ome")
    return ome if isinstance(ome, dict) else attributes


def _named_dimensions(metadata: Mapping[str, Any], where: str) -> str:
    """Return the letters of a plain array: its dimension names, or Y and X of two axes."""
    shape = metadata.get("shape")
    if not isinstance(shape, list):
        raise FileFormatError(f"{where}: its metadata give no shape. Copy or export it again.")
    names = [str(n).upper() for n in metadata.get("dimension_names") or ()]
    if len(names) == len(shape) and len(set(names)) == len(names) and set(names) <= set(AXES):
        return "".join(names)
    return "?" * (len(shape) - 2) + "YX" if len(shape) >= 2 else "?" * len(shape)


def _multiscale(folder: Path, attributes: Mapping[str, Any], where: str) -> ZarrImage:
    try:
        images = attributes["multiscales"]
        if len(images) > 1:
            raise FileFormatError(
                f"{where}: holds {len(images)} images (multiscales). Save each by itself."
            )
        image = images[0]
        first = image["datasets"][0]
        path = PurePosixPath(str(first["path"]))
        axes = [a if isinstance(a, dict) else {"name": a} for a in image["axes"]]
        letters = "".join(str(a["name"]).upper()[:1] for a in axes)
        transforms = [first.get("coordinateTransformations") or ()]
        transforms.append(image.get("coordinateTransformations") or ())
        spacing, notes = _spacing(axes, letters, transforms, where)
        channels = _channels(attributes)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"{where}: is a Zarr group without the image metadata of OME-Zarr 0.4 or 0.5 "
            f"({type(error).__name__}: {error}). Give an array in it, with --axes."
        ) from error
    if path.is_absolute() or ".." in path.parts:
        raise FileFormatError(f"{where}: its pixels lie outside it ({path}). Do not use this file.")
    return ZarrImage(
        path=folder / path, stored=letters, spacing=spacing, channels=channels, notes=notes
    )


def _spacing(
    axes: Sequence[Mapping[str, Any]],
    letters: str,
    transforms: Sequence[Sequence[Mapping[str, Any]]],
    where: str,
) -> tuple[Spacing, tuple[Finding, ...]]:
    """Multiply the scales; a step without a unit is unknown, since 1 often means just that."""
    factors = [1.0] * len(axes)
    for transform in (t for group in transforms for t in group if t.get("type") == "scale"):
        factors = [f * float(s) for f, s in zip(factors, transform["scale"], strict=True)]
    if not any(t.get("type") == "scale" for group in transforms for t in group):
        return Spacing(), ()
    steps = {
        letter: length_in(factor, axis["unit"], MIN if letter == "T" else UM)
        for letter, factor, axis in zip(letters, factors, axes, strict=True)
        if letter in "TZYX" and axis.get("unit")
    }
    return believed(steps, where)


def _channels(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the labels of ``omero``, where every channel has one of its own."""
    listed = (attributes.get("omero") or {}).get("channels") or ()
    names = tuple(str(c.get("label") or "") for c in listed)
    return names if all(names) and len(set(names)) == len(names) else ()


def label_attributes(axes: str, spacing: Spacing, *, levels: int) -> dict[str, Any]:
    """Return the attributes of a label image with ``levels`` sizes, each half of the one before.

    The first pixel of a smaller level is the first pixel of the larger one, so that levels
    differ in scale and in nothing else.
    """
    kinds = {"T": ("time", "minute")}
    described: list[dict[str, str]] = []
    for axis in axes:
        kind, unit = kinds.get(axis, ("space", "micrometer"))
        known = {"unit": unit} if axis in spacing.steps else {}
        described.append({"name": axis.lower(), "type": kind, **known})
    steps = [spacing.steps[a].value if a in spacing.steps else 1.0 for a in axes]
    datasets = []
    for level in range(levels):
        scale = [s * 2**level if a in "YX" else s for a, s in zip(axes, steps, strict=True)]
        transform = {"type": "scale", "scale": scale}
        datasets.append({"path": str(level), "coordinateTransformations": [transform]})
    multiscale = {"name": "labels", "axes": described, "datasets": datasets, "type": "nearest"}
    return {"ome": {"version": VERSION, "multiscales": [multiscale], "image-label": {}}}
