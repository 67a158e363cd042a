"""A movie played with the names of its cells, and the lineage tree growing beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart.colours import blend
from fatescope.systems.lineages.drawings.drawing import founder_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, IntArray

_HEADER_PX, _EDGE_PX = 22, 14
_TREE_SHARE = 0.8
"""Width of the tree beside that of the movie."""
_MOST_WIDE = 150
"""Leaves up to which branches are two pixels wide."""
_MOST_NAMED = 110
"""With more cells, names hide the nuclei: rings alone are drawn."""
_DARK = 0.32
"""Lightness below which a colour is lost on a dark image, and is drawn lighter."""
_BLACK = 0.03
"""And that of black, which would be one of the greys otherwise."""
_FAINT = "#d4d4d4"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedCells:
    """Cells of a lineage and where they are, in the frames and pixels of a movie.

    Parameters
    ----------
    name, founder : sequence of str, length k
        ``founder`` is the lineage whose colour a cell has.
    first, last, mother : ndarray of int, shape (k,)
        Frames of the movie; -1 where a cell has no mother.
    across : ndarray of float, shape (k,)
        Place in the tree, in leaves.
    frame, cell : ndarray of int, shape (n,)
        One entry for each spot.
    yx, radius : ndarray of float, shape (n, 2) and (n,)
        In pixels.
    """

    name: Sequence[str]
    founder: Sequence[str]
    first: IntArray
    last: IntArray
    mother: IntArray
    across: FloatArray
    frame: IntArray
    cell: IntArray
    yx: FloatArray
    radius: FloatArray

    def spots(self, frame: int) -> IntArray:
        """Return which entries lie in a frame."""
        return np.flatnonzero(self.frame == frame)

    def begin(self, cell: int) -> int:
        """Return the frame at which the branch of a cell begins: its mother's end."""
        mother = int(self.mother[cell])
        return int(self.first[cell] if mother < 0 else self.last[mother] + 1)


def ring_colour(founder: str) -> str:
    """Return the colour of a lineage on a dark image: its own, or a lighter shade of it."""
    colour = founder_colour(founder)
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    if light >= _DARK:
        return colour
    return blend([colour, "#ffffff"], 0.45 if light > _BLACK else 0.85)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeRoom:
    """From frames and leaves to pixels of a pane in which time runs down.

    Parameters
    ----------
    width, height : int
    first, last : int
        Frames at its upper and lower edge.
    leaves : float
    """

    width: int
    height: int
    first: int
    last: int
    leaves: float

    def x(self, across: float) -> float:
        """Return the column of a leaf."""
        room = self.width - 2 * _EDGE_PX
        return _EDGE_PX + room * (across + 0.5) / max(self.leaves, 1)

    def y(self, frame: float) -> float:
        """Return the row of a frame."""
        room = self.height - 2 * _EDGE_PX
        return _EDGE_PX + room * (frame - self.first) / max(self.last - self.first, 1)


def tree_room(cells: PlayedCells, *, width: int, height: int) -> TreeRoom:
    """Return the room that holds all of a tree."""
    return TreeRoom(
        width=width,
        height=height,
        first=int(cells.first.min()),
        last=int(cells.last.max()) + 1,
        leaves=float(cells.across.max()) + 1,
    )


class FilmPainter:
    """Paint a movie frame by frame: rings and names on the image, the tree up to that frame.

    Frames must be painted in their order.

    Parameters
    ----------
    cells : PlayedCells
    shape : tuple of 2 ints
        Rows and columns of the movie.
    interval_min : float, optional
        Between frames; unknown, frames are counted.
    """

    def __init__(
        self, cells: PlayedCells, shape: tuple[int, int], *, interval_min: float | None
    ) -> None:
        from PIL import Image, ImageFont

        self._cells, self._shape, self._interval = cells, shape, interval_min
        rows, columns = shape
        self._room = tree_room(cells, width=round(_TREE_SHARE * columns), height=rows)
        self._small, self._large = (ImageFont.load_default(size=s) for s in (10, 13))
        self._tree = Image.fromarray(faint_tree(cells, self._room))
        self._daughters = _daughters(cells.mother)
        self._painted = self._room.first

    def paint(self, image: NDArray[np.uint8], frame: int) -> NDArray[np.uint8]:
        """Return one frame of the film, (rows, columns, 3) of even lengths.

        Parameters
        ----------
        image : ndarray of uint8, shape (Y, X)
        frame : int
        """
        from PIL import Image, ImageDraw

        cells, room = self._cells, self._room
        there = cells.spots(frame)
        grown = np.flatnonzero((cells.last + 1 >= self._painted) & (cells.first <= frame))
        pen = ImageDraw.Draw(self._tree)
        ends = self._painted, frame + 1
        _branches(pen, cells, room, self._daughters, grown.tolist(), ends, faint=False)
        self._painted = max(self._painted, frame)
        rows, columns = self._shape
        width = columns + room.width
        canvas = Image.new("RGB", (width + width % 2, _HEADER_PX + rows + rows % 2), "#181818")
        canvas.paste(Image.fromarray(image).convert("RGB"), (0, _HEADER_PX))
        canvas.paste(self._tree, (columns, _HEADER_PX))
        draw = ImageDraw.Draw(canvas)
        self._rings(draw, there, named=len(there) <= _MOST_NAMED)
        y = _HEADER_PX + room.y(min(max(frame + 1, room.first), room.last))
        draw.line((columns, y, width, y), fill="#999999")
        minute = "" if self._interval is None else f"   {frame * self._interval:g} min"
        words = f"frame {frame}{minute}   {len(there) or 'no'} cells annotated"
        draw.text((6, 3), words, fill="#f0f0f0", font=self._large)
        self._legend(draw, columns + 6)
        return np.asarray(canvas)

    def _rings(self, draw: Any, there: IntArray, *, named: bool) -> None:
        cells = self._cells
        for i in there.tolist():
            (y, x), r, cell = cells.yx[i], float(cells.radius[i]), int(cells.cell[i])
            y += _HEADER_PX
            colour = ring_colour(cells.founder[cell])
            draw.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=2)
        if not named:
            return
        for i in there.tolist():
            (y, x), cell = cells.yx[i], int(cells.cell[i])
            place = (x, y + _HEADER_PX)
            draw.text(
                place,
                cells.name[cell],
                fill="#ffffff",
                font=self._small,
                anchor="mm",
                stroke_width=1,
                stroke_fill="#000000",
            )

    def _legend(self, draw: Any, left: float) -> None:
        for founder in dict.fromkeys(f for f in self._cells.founder if f):
            draw.rectangle((left, 6, left + 9, 15), fill=ring_colour(founder))
            draw.text((left + 13, 4), founder, fill="#f0f0f0", font=self._small)
            left += 19 + draw.textlength(founder, font=self._small)


def faint_tree(cells: PlayedCells, room: TreeRoom) -> NDArray[np.uint8]:
    """Return all of a tree in light grey, (rows, columns, 3): what is still to grow."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (room.width, room.height), "#ffffff")
    everything = range(len(cells.name))
    ends = room.first, room.last
    pen = ImageDraw.Draw(image)
    _branches(pen, cells, room, _daughters(cells.mother), everything, ends, faint=True)
    return np.asarray(image)


def _branches(
    pen: Any,
    cells: PlayedCells,
    room: TreeRoom,
    daughters: Sequence[Sequence[int]],
    which: Sequence[int],
    ends: tuple[int, int],
    *,
    faint: bool,
) -> None:
    """Draw what lies between two frames of some branches."""
    low, high = ends
    wide = 1 if faint or room.leaves > _MOST_WIDE else 2
    for cell in which:
        begin, end = cells.begin(cell), int(cells.last[cell]) + 1
        colour = _FAINT if faint else founder_colour(cells.founder[cell])
        x, a, b = room.x(float(cells.across[cell])), max(begin, low), min(end, high)
        if a <= b:
            pen.line((x, room.y(a), x, room.y(b)), fill=colour, width=wide)
        if daughters[cell] and low <= end <= high:
            places = [room.x(float(cells.across[d])) for d in daughters[cell]]
            y = room.y(end)
            pen.line((min([x, *places]), y, max([x, *places]), y), fill=colour, width=wide)


def _daughters(mother: IntArray) -> list[list[int]]:
    out: list[list[int]] = [[] for _ in mother]
    for cell, m in enumerate(mother.tolist()):
        if m >= 0:
            out[m].append(cell)
    return out
