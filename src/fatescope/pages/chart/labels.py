"""Words beside points of a figure, so that none lies over another."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LETTER, _HEIGHT, _GAP = 5.8, 11.0, 5.0  # of small text, in pixels
_ROWS = (-5.0, 12.0, -17.0, 24.0)  # above the line of a guide, below it, and beyond these
_GUIDE_LETTER = 7.0  # the same of its words
_RINGS = (0.0, 8.0, 18.0, 30.0, 44.0, 60.0)  # further and further from the point
_SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))  # right, down

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """Where the words of a point stand: the box in pixels, and the point it belongs to."""

    words: str
    box: Box
    point: tuple[float, float]

    def draw(self, left: float, top: float) -> str:
        """Return the words, with a thin line to the point where they stand away from it.

        ``left`` and ``top`` are those of the plot; ``data-at`` gives the point within it, and how
        far from it the words stand, for the script that moves them.
        """
        x0, y0, x1, y1 = self.box
        x, y = self.point
        nearest = min(max(x, x0), x1), min(max(y, y0), y1)
        far = abs(nearest[0] - x) + abs(nearest[1] - y) > 2 * _GAP
        line = (
            f'<path class="leader" d="M{left + x:.1f},{top + y:.1f}'
            f'L{left + nearest[0]:.1f},{top + nearest[1]:.1f}"/>'
            if far
            else ""
        )
        # Words left of their point end there: how wide they are, only the reader's font knows.
        edge, anchor = (x1, "end") if x1 <= x else (x0, "start")
        at = f"{x:.1f} {y:.1f} {edge - x:.1f} {y1 - 2.5 - y:.1f}"
        place = f'x="{left + edge:.1f}" y="{top + y1 - 2.5:.1f}" text-anchor="{anchor}"'
        return f'{line}<text data-at="{at}" {place}>{escape(self.words)}</text>'


def place_labels(
    points: Sequence[tuple[float, float]],
    words: Sequence[str],
    *,
    within: Box,
    taken: Sequence[Box] = (),
) -> list[PlacedLabel]:
    """Give each point a place for its words, the first points first.

    Parameters
    ----------
    points : sequence of (x, y), in pixels
    words : sequence of str
    within : (left, top, right, bottom)
        Nothing is written outside.
    taken : sequence of boxes
        What else must not be written over.

    Returns
    -------
    list of PlacedLabel
        Without those for which there is no room near their point.
    """
    boxes, placed = list(taken), []
    for point, label in zip(points, words, strict=True):
        for box in _candidates(point, label):
            if _inside(box, within) and not any(_overlap(box, other) for other in boxes):
                boxes.append(box)
                placed.append(PlacedLabel(label, box, point))
                break
    return placed


def free_row(end: tuple[float, float], words: str, *, taken: Sequence[Box]) -> tuple[float, Box]:
    """Return how far below a horizontal line its words stand, and their box.

    Parameters
    ----------
    end : (x, y), in pixels
        Of the line, where the words end.
    words : str
    taken : sequence of boxes
        What should not be written over; where there is no free row, the one above the line is.
    """
    x, y = end
    width = len(words) * _GUIDE_LETTER
    rows = [(dy, (x - width, y + dy - _HEIGHT + 1, x, y + dy + 1)) for dy in _ROWS]
    free = (r for r in rows if not any(_overlap(r[1], other) for other in taken))
    return next(free, rows[0])


def _candidates(point: tuple[float, float], words: str) -> list[Box]:
    width = len(words) * _LETTER
    out = []
    for ring in _RINGS:
        for right, down in _SIDES:
            away = _GAP + ring
            left = point[0] + right * away - (0 if right > 0 else width if right < 0 else width / 2)
            middle = point[1] + down * (away + _HEIGHT / 2)
            out.append((left, middle - _HEIGHT / 2, left + width, middle + _HEIGHT / 2))
    return out


def _inside(box: Box, within: Box) -> bool:
    return (
        box[0] >= within[0] and box[1] >= within[1] and box[2] <= within[2] and box[3] <= within[3]
    )


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
