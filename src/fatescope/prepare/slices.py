"""Slices on disk: planes of a volume, its labels and their parts, each a lossless PNG by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, read_labels
from fatescope.base import FileFormatError, InputError
from fatescope.prepare.store import Sample
from fatescope.prepare.volumes import labels_on_grid, parts_of_embryo
from fatescope.storage import hash_path, write_beside, write_folder_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.prepare.splits import Split
    from fatescope.prepare.volumes import SliceSettings, Volume

KINDS = ("images", "labels", "parts")
RENDERED = "rendered"
"""Kind of the samples that `simulate embryo` made."""
_NAME = re.compile(r"(?P<embryo>.+)_t(?P<time>\d+)_z(?P<plane>\d+)$")


def write_slices(out: Path, volume: Volume, *, settings: SliceSettings) -> tuple[Image, list[Path]]:
    """Write the planes of a volume, its labels and their parts on one grid.

    Returns
    -------
    Image, list of Path
        The volume, and a folder of planes for each of `KINDS`.

    Raises
    ------
    FileFormatError
        If the volume is not one channel of whole numbers of 8 or 16 bits.
    """
    image = read_image(volume.image, axes=settings.axes).with_scale(spacing_um=settings.spacing_um)
    labels = read_labels(volume.labels, axes=settings.axes)
    pixels = _of_a_volume(image)
    fine = _of_a_volume(labels)
    spacing = np.array(image.spacing.um("ZYX")) * pixels.shape / np.array(fine.shape)
    if fine.max(initial=0) >= 2**16:
        raise FileFormatError(f"{volume.labels}: has numbers above 65535. Number cells from 1.")
    made = {
        "images": pixels,
        "labels": labels_on_grid(fine, pixels.shape).astype(np.uint16),
        "parts": labels_on_grid(parts_of_embryo(fine, spacing), pixels.shape),
    }
    written = []
    for kind, planes in made.items():
        path = out / kind / volume.key
        with write_folder_beside(path) as part:
            for z, plane in enumerate(planes):
                _write_png(part / f"{plane_name(volume, z)}.png", plane)
        written.append(path)
    return image, written


def plane_name(volume: Volume, plane: int) -> str:
    """Return the name of a plane's files: embryo, time as the source counts it, plane from 0."""
    return f"{volume.key}_z{plane:03d}"


def read_plane_name(name: str) -> tuple[str, int, int]:
    """Return embryo, time and plane of a name that `plane_name` made.

    Raises
    ------
    InputError
        If it is another name.

    Examples
    --------
    >>> read_plane_name("170704plc1p2_t024_z035")
    ('170704plc1p2', 24, 35)
    """
    found = plane_name_parts(name)
    if found is None:
        raise InputError(f"{name!r} is no name of a slice, such as embryo_t024_z035.")
    return found


def plane_name_parts(name: str) -> tuple[str, int, int] | None:
    """Return embryo, time and plane as `read_plane_name` does; ``None`` for another name."""
    found = _NAME.match(name)
    if found is None:
        return None
    return found["embryo"], int(found["time"]), int(found["plane"])


def _of_a_volume(image: Image) -> NDArray[Any]:
    if image.axes != "ZYX" or image.dtype not in (np.uint8, np.uint16, np.uint32, np.int32):
        raise FileFormatError(
            f"{image.name}: has axes {image.axes} and numbers of type {image.dtype}; a volume has "
            "ZYX and whole numbers of 8 or 16 bits. Save it so."
        )
    return image.read()


def _write_png(path: Path, plane: NDArray[Any]) -> None:
    import imagecodecs

    if plane.dtype not in (np.uint8, np.uint16):
        raise FileFormatError(f"{path.name}: {plane.dtype} does not fit into a PNG. Save 16 bits.")
    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(plane), level=6))


def slice_samples(out: Path, volume: Volume, split: Split) -> list[Sample]:
    """Return the samples of a volume that was cut; none of one that failed."""
    samples = []
    for path in sorted((out / "images" / volume.key).glob("*.png")):
        embryo, time, plane = read_plane_name(path.stem)
        samples.append(
            Sample(
                image=path,
                labels=out / "labels" / volume.key / path.name,
                unit=embryo,
                frame=time,
                split=split,
                kind=embryo,
                embryo=embryo,
                time=time,
                plane=plane,
            )
        )
    return samples


def rendered_samples(folder: Path) -> list[Sample]:
    """Return the volumes that `simulate embryo` rendered, for training; they stay where they are.

    Parameters
    ----------
    folder : Path
        Holds ``images/`` with membranes alone, and ``truth/labels/membrane/``. The unit is the
        embryo within the folder; its size of voxels is read from the file.

    Raises
    ------
    InputError
        If it holds no such volume, or one has no labels.
    """
    truth = folder / "truth" / "labels" / "membrane"
    images = sorted((folder / "images").glob("*.tif"))
    if not images:
        raise InputError(
            f"{folder} holds no rendered volume. Make some: "
            f"fatescope simulate embryo --channels membrane --out {folder}."
        )
    samples = []
    for image in images:
        labels = truth / image.name
        if not labels.is_file():
            raise InputError(
                f"{image} has no true cells at {labels}. Render with --channels membrane."
            )
        embryo = image.stem.rpartition("_t")[0] or image.stem
        samples.append(
            Sample(
                image=image,
                labels=labels,
                unit=f"{folder.resolve().name}/{embryo}",
                frame=int(image.stem.rpartition("_t")[2]),
                split="train",
                kind=RENDERED,
            )
        )
    return samples


def _of_rendered(settings: SliceSettings, n: int) -> str:
    if not n:
        return ""
    return (
        f"- train, too: {n} rendered volumes of {settings.rendered}, which lie outside of this "
        "folder. Their truth is exact."
    )


def write_datasheet(
    path: Path,
    volumes: Sequence[Volume],
    splits: Sequence[Split],
    samples: Sequence[Sample],
    settings: SliceSettings,
    *,
    n_rendered: int = 0,
) -> None:
    """Say in words what the folder holds, how it came about and what it cannot tell."""
    times = {
        split: ", ".join(
            f"{v.embryo} {v.time}" for v, s in zip(volumes, splits, strict=True) if s == split
        )
        for split in dict.fromkeys(splits)
    }
    spacing = ", ".join(f"{s:g}" for s in settings.spacing_um or ())
    lines = [
        "# Slices of labelled volumes",
        "",
        f"{len(samples)} planes of {len(volumes)} volumes, "
        f"{len({v.embryo for v in volumes})} embryo(s). Made by `fatescope prepare slices`.",
        "",
        "- `images/`: planes of the volumes, not resampled, lossless PNG of 8 or 16 bits.",
        "- `labels/`: the cell in which the centre of each pixel lies, 16 bits, 0 = none. Labels of"
        " another grid were taken over by the positions of voxel centres.",
        "- `parts/`: 0 outside, 1 inside of a cell, 2 wall; derived from the labels.",
        f"- Voxel (z, y, x): {spacing} µm. Names: embryo, time as the source counts it, plane from"
        " 0.",
        "- `samples.csv`: one row for each plane. `SHA256SUMS`: `sha256sum -c SHA256SUMS`.",
        "",
        "## Sets",
        *(f"- {split}: {named}" for split, named in times.items()),
        *(said for said in (_of_rendered(settings, n_rendered),) if said),
        "",
        "Planes of one volume, and volumes of neighbouring times, are nearly the same image: the"
        " sets are blocks of time with frames left out between them. A score says nothing about"
        " other embryos where there is only one.",
        "",
        "## Licence",
        settings.licence or "Not stated. Ask the source of the volumes before you hand this on.",
        "",
    ]
    with write_beside(path) as part:
        part.write_text("\n".join(lines), encoding="utf-8")


def write_sums(out: Path, listed: Sequence[str], samples: Sequence[Sample]) -> None:
    """Write the SHA-256 of every file, in the form that ``sha256sum -c`` reads."""
    names = [
        (out / kind / s.image.parent.name / s.image.name).relative_to(out)
        for kind in KINDS
        for s in samples
    ]
    lines = [f"{hash_path(out / p)}  {p}\n" for p in [*(n.as_posix() for n in names), *listed]]
    with write_beside(out / "SHA256SUMS") as part:
        part.write_text("".join(lines), encoding="utf-8")
