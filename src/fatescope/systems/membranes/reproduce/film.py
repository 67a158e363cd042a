"""The same validation planes at every epoch of an arm, as images and as a film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.evaluate import published_interior
from fatescope.pages import side_by_side, write_film
from fatescope.pages.images import display_limits, to_grey
from fatescope.prepare import labels_on_grid, read_plane
from fatescope.prepare.store import write_image_file
from fatescope.systems.membranes.reproduce.arms import read_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import FloatArray
    from fatescope.prepare import Volume
    from fatescope.systems.membranes.reproduce.arms import MembraneArm
    from fatescope.train.one_fit import Watch
    from fatescope.train.task import Row

    Draw = Callable[[Any, NDArray[Any], Sequence[int]], list[FloatArray]]

_FRAMES = "frames"
_PLANES = 2  # at a third and two thirds of those with cells


def watch_planes(
    folder: Path, volumes: Sequence[Volume], drawn: Draw, *, is_wanted: bool = True
) -> Watch | None:
    """Return what writes the interior that a network draws, of the same planes at every epoch."""
    if not volumes or not is_wanted:
        return None
    pixels, labels = read_volume(volumes[0])
    on_grid = labels_on_grid(labels, pixels.shape)
    seen = [z for z in range(len(pixels)) if on_grid[z].any()] or [0]
    planes = [seen[len(seen) * k // (_PLANES + 1)] for k in range(1, _PLANES + 1)]

    def watch(network: Any, row: Row) -> None:
        maps = drawn(network, pixels, planes)
        strips = [
            np.concatenate([shown(pixels[z]), grey(published_interior(on_grid[z])), grey(m)], 1)
            for z, m in zip(planes, maps, strict=True)
        ]
        path = folder / _FRAMES / f"{int(row['epoch']):04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image_file(path, np.concatenate(strips))

    return watch


def write_arm_film(out: Path, arm: MembraneArm, folder: Path) -> list[str]:
    """Put the images of all epochs together; return the names of the films."""
    frames = sorted((folder / _FRAMES).glob("*.png"))
    if not frames:
        return []
    (out / "films").mkdir(exist_ok=True)
    planes = [read_plane(f) for f in frames]
    width = planes[0].shape[1] // 3
    images = [
        side_by_side(
            [p[:, i * width : (i + 1) * width] for i in range(3)],
            ["validation plane", "interior", "drawn"],
            note=f"epoch {int(f.stem) + 1}",
        )
        for p, f in zip(planes, frames, strict=True)
    ]
    return [str(p.relative_to(out)) for p in write_film(out / "films" / arm.key, images)]


OLD_NEW = (("old", "old (2020)"), ("new", "new (2021)"), ("corrected", "corrected"))
"""Arms that are held against each other, and what the page calls them."""


def planes_left_out(out: Path) -> dict[str, list[tuple[int, list[tuple[str, Path]]]]]:
    """Return, for each volume left out, its planes: number, and titles with files of images.

    Input, mask, and what the arms of `OLD_NEW` draw; empty until all three are done.
    """
    images = out / "images"
    planes: dict[str, list[tuple[int, list[tuple[str, Path]]]]] = {}
    for first in sorted((images / "new").glob("*_image.png")):
        name = first.name.removesuffix("_image.png")
        files = [("input", first), ("mask", images / "new" / f"{name}_mask.png")]
        files += [(words, images / arm / f"{name}_drawn.png") for arm, words in OLD_NEW]
        if all(path.is_file() for _, path in files):
            volume, _, plane = name.rpartition("_z")
            planes.setdefault(volume, []).append((int(plane), files))
    return planes


def write_old_new_film(out: Path) -> list[str]:
    """Write the film of old against new: every shown plane, one after the other."""
    frames = [
        side_by_side(
            [read_plane(path) for _, path in files],
            [title for title, _ in files],
            note=f"{volume}, plane {plane}",
        )
        for volume, planes in planes_left_out(out).items()
        for plane, files in planes
    ]
    if not frames:
        return []
    (out / "films").mkdir(exist_ok=True)
    film = write_film(out / "films" / "old-new", frames, per_second=3)
    return [str(p.relative_to(out)) for p in film]


def grey(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Show shares, 0 black and 1 white."""
    return to_grey(values, limits=(0.0, 1.0))


def shown(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Show a plane between its own limits of display."""
    return to_grey(pixels, limits=display_limits(pixels))
