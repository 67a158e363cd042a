"""The same film as a page: play it, click a cell to see it in the image and in the tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.images import jpeg_uri, png_uri
from fatescope.pages.page import Frame, ImageViewer, Outline, Pane, View
from fatescope.systems.lineages.drawings.drawing import founder_colour
from fatescope.systems.lineages.drawings.played import faint_tree, ring_colour, tree_room

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fatescope.systems.lineages.drawings.played import PlayedCells, TreeRoom

TREE_PX = 560  # width of the tree on the page
_QUALITY = 60  # of JPEG, of 100: a page holds many frames


def view_played(
    cells: PlayedCells,
    images: Iterable[tuple[int, NDArray[np.uint8]]],
    *,
    title: str,
    step: int,
    length: int,
    interval_min: float | None,
) -> ImageViewer:
    """Return a viewer of some frames, with the tree grown up to each of them.

    Parameters
    ----------
    cells : PlayedCells
    images : iterable of (frame, ndarray of uint8, shape (Y, X))
        Reduced by ``step``.
    title : str
    step : int
        Pixels of the movie for one of the images.
    length : int
        Frames of the movie.
    interval_min : float, optional
    """
    frames, paper = [], ""
    for number, image in images:
        height, width = image.shape
        room = tree_room(cells, width=TREE_PX, height=round(TREE_PX * height / width))
        there = cells.spots(number)
        paper = paper or png_uri(faint_tree(cells, room)[..., 0])
        panes = (
            Pane(
                image=jpeg_uri(image, quality=_QUALITY),
                width=width,
                height=height,
                outlines=[_ring(cells, i, step) for i in there.tolist()],
                title="the movie",
            ),
            Pane(
                image=paper,
                width=room.width,
                height=room.height,
                outlines=_grown(cells, number, room),
                title="its lineage so far",
            ),
        )
        frames.append(Frame(panes=panes, index=number, words=f"{len(there)} cells annotated"))
    seen = dict.fromkeys(f for f in cells.founder if f)
    return ImageViewer(
        title=title,
        views=[
            View(title=title, frames=frames, length=length, interval_min=interval_min, step=step)
        ],
        noun="cell",
        labels="Names",
        layers={f: ring_colour(f) for f in seen},
    )


def _ring(cells: PlayedCells, spot: int, step: int) -> Outline:
    cell = int(cells.cell[spot])
    y, x = (float(v + 0.5) / step for v in cells.yx[spot])
    r = round(2 * float(cells.radius[spot]) / step)
    path = f"M{round(2 * x) - r},{round(2 * y)}a{r},{r} 0 1,0 {2 * r},0a{r},{r} 0 1,0 {-2 * r},0"
    return Outline(
        label=cells.name[cell] or f"unnamed {cell}",
        path=path,
        colour=ring_colour(cells.founder[cell]),
        at=(round(y, 1), round(x, 1)),
        words=f"from frame {cells.first[cell]} to {cells.last[cell]}",
        layer=cells.founder[cell],
    )


def _grown(cells: PlayedCells, frame: int, room: TreeRoom) -> list[Outline]:
    """Return the tree up to a frame: one outline a cell that is there, one a lineage for others."""
    past: dict[str, list[str]] = {}
    alive = []
    bars = _bars(cells, room)
    for cell in np.flatnonzero(cells.first <= frame).tolist():
        end = int(cells.last[cell]) + 1
        x = round(2 * room.x(float(cells.across[cell])))
        low, high = (round(2 * room.y(v)) for v in (cells.begin(cell), min(end, frame + 1)))
        path = f"M{x},{low}V{high}"
        if end <= frame:
            past.setdefault(cells.founder[cell], []).append(path + bars.get(cell, ""))
            continue
        alive.append(
            Outline(
                label=cells.name[cell] or f"unnamed {cell}",
                path=path,
                colour=founder_colour(cells.founder[cell]),
                at=(high / 2, x / 2),
                layer=cells.founder[cell],
            )
        )
    merged = [
        Outline(label="", path="".join(p), colour=founder_colour(f), at=(-50.0, -50.0), layer=f)
        for f, p in past.items()
    ]
    return [*merged, *alive]


def _bars(cells: PlayedCells, room: TreeRoom) -> dict[int, str]:
    """Return the line that joins daughters, for each mother."""
    places: dict[int, list[float]] = {}
    for cell, mother in enumerate(cells.mother.tolist()):
        if mother >= 0:
            places.setdefault(mother, []).append(room.x(float(cells.across[cell])))
    return {
        m: f"M{round(2 * min(x))},{round(2 * room.y(int(cells.last[m]) + 1))}H{round(2 * max(x))}"
        for m, x in places.items()
    }
