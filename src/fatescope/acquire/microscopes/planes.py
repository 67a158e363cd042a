"""Planes of one image that lie in TIFF files of their own, a few of which stay open."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fatescope.acquire.images.tiff_pixels import TiffPixels, open_pages
from fatescope.base import FileFormatError, escape

if TYPE_CHECKING:
    from numpy.typing import NDArray


class PlanePlace(NamedTuple):
    """Where planes lie that follow each other: pages of one file."""

    first: int
    n: int
    path: Path
    page: int


_OPEN_FILES = 4  # kept, so that neighbours are not opened twice; not measured


class OpenPages:
    """The pages of several files; whoever reads asks by one thread at a time."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, TiffPixels] = OrderedDict()

    def of(self, path: Path) -> TiffPixels:
        """Return the pages of a file, which is opened unless it is open."""
        if path not in self._open:
            if not path.is_file():
                raise FileFormatError(
                    f"{escape(path)}: holds planes of this image and is not there. Copy the whole "
                    "recording, or pass the files of single planes with --pattern."
                )
            self._open[path] = open_pages(path)
        self._open.move_to_end(path)
        while len(self._open) > _OPEN_FILES:
            self._open.popitem(last=False)
        return self._open[path]

    def read(
        self,
        places: Sequence[PlanePlace],
        axes: str,
        lengths: tuple[int, ...],
        at: tuple[int, ...],
        rows: range,
        columns: range,
    ) -> NDArray[Any]:
        """Read a rectangle of the plane at an index along ``axes`` and, after them, the colours.

        ``places`` are sorted.
        """
        lead, sample = at[: len(lengths)], at[len(lengths) :]
        number = int(np.ravel_multi_index(lead, lengths)) if lead else 0
        place = places[max(0, bisect_right(places, number, key=lambda p: p.first) - 1)]
        which = ", ".join(f"{a} {i}" for a, i in zip(axes, lead, strict=True))
        if not 0 <= number - place.first < place.n:
            raise FileFormatError(
                f"{escape(places[0].path)}: no file holds the plane {which} of its "
                "image. Copy the whole recording."
            )
        page = place.page + number - place.first
        pages = self.of(place.path)
        wrong = ""
        if page >= pages.shape[0]:
            wrong = f"lacks the plane {which}: it has {pages.shape[0]} pages"
        elif max(rows.stop - pages.shape[-2], columns.stop - pages.shape[-1]) > 0:
            wrong = f"has {pages.shape[-2:]} pixels, fewer than the image that it is a part of"
        if wrong:
            raise FileFormatError(f"{escape(place.path)}: {wrong}. Copy it again.")
        return pages.read_plane((page, *sample), rows, columns)
