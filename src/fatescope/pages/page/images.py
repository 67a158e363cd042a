"""The image viewer of a page: images with outlines, side by side, slice by slice, as a film.

One value serves them all. A view with one frame is an image; a view whose slider walks frames is
a film, with its time; one whose slider walks planes is a stack. Panes of a frame lie side by side
and move together: input, truth and prediction, or a volume cut along three axes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.pages.images import png_uri, read_uri
from fatescope.pages.outlines import colour_of, outline_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import LabelImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """One object drawn over an image.

    Parameters
    ----------
    label : int or str
        Its number, or its name.
    path : str
        Data of an SVG path in half pixels of the image, as `outline_paths` gives it.
    colour : str
    at : (float, float)
        y and x of its middle, in pixels of the image.
    words : str
        What a click on it says, such as its size.
    layer : str
        Its key in the legend of the viewer, such as ``"missed"``; empty for none.
    is_doubtful : bool
        Drawn dashed.
    """

    label: int | str
    path: str
    colour: str
    at: tuple[float, float]
    words: str = ""
    layer: str = ""
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pane:
    """An image as a data URI, ``width`` x ``height`` pixels, and what is drawn over it."""

    image: str
    width: int
    height: int
    outlines: Sequence[Outline] = ()
    title: str = ""

    @staticmethod
    def of(pixels: NDArray[Any], title: str = "", outlines: Sequence[Outline] = ()) -> Pane:
        """Return grey or RGB pixels of 8 bits, without loss."""
        height, width = pixels.shape[:2]
        uri = png_uri(pixels)
        return Pane(title=title, image=uri, width=width, height=height, outlines=outlines)

    @staticmethod
    def read(path: Path, title: str = "") -> Pane:
        """Return a PNG file as it is."""
        uri, height, width = read_uri(path)
        return Pane(title=title, image=uri, width=width, height=height)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What is seen at one place of the slider; ``words`` say more, such as ``"n = 8"``."""

    panes: Sequence[Pane]
    index: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One image, film or stack that the reader may choose.

    Parameters
    ----------
    title : str
    frames : sequence of Frame
        All with as many panes as the first.
    walk : str
        What the slider walks: ``"frame"`` or ``"plane"``.
    length : int, optional
        How many of them there are in the file, also those not shown; default: all are.
    first : int
        Number of the first one: 1 for epochs.
    opens_at : int
        Place in ``frames`` of the one that is shown first.
    interval_min : float, optional
        Minutes between frames.
    um : float, optional
        µm per pixel of the panes; unknown, the scale bar counts pixels.
    step : int
        Pixels of the input per pixel of the panes; 0: figures, which get no scale bar.
    black, white : float
        Values of the input that are shown so.
    about : str
        What the reader must know of it.
    """

    title: str
    frames: Sequence[Frame]
    walk: str = "frame"
    length: int | None = None
    first: int = 0
    opens_at: int = 0
    interval_min: float | None = None
    um: float | None = None
    step: int = 1
    black: float = 0.0
    white: float = 255.0
    about: str = ""

    def __post_init__(self) -> None:
        if not self.frames or not self.frames[0].panes:
            raise InputError(f"the view {self.title!r} holds no image. Give it one at least.")
        if len({len(f.panes) for f in self.frames}) > 1:
            raise InputError(f"the frames of the view {self.title!r} differ in their panes.")

    @property
    def opening(self) -> int:
        """Place of the frame that is shown first, also where the last ones were left out."""
        return min(self.opens_at, len(self.frames) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Something to look at first, with a button that leads there where ``view`` is given."""

    title: str
    reason: str
    thumbnail: str = ""
    view: int | None = None
    frame: int = 0
    label: int = 0
    y: float = 0.0
    x: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageViewer:
    """Views to look at: zoom, walk, play, switch outlines off, make brighter.

    Parameters
    ----------
    title : str
    views : sequence of View
    noun : str
        What an outline is, such as ``"nucleus"``.
    labels : str
        Name of the outlines, on the button that shows them.
    layers : mapping of str to colour
        What the colours of outlines mean; each can be switched off.
    places : sequence of Place
        Listed beside the image under ``places_title``.
    """

    title: str
    views: Sequence[View]
    noun: str = "object"
    labels: str = "Numbers"
    layers: Mapping[str, str] | None = None
    places: Sequence[Place] = ()
    places_title: str = "Look at these first"
    places_note: str = ""

    @property
    def is_outlined(self) -> bool:
        """Whether anything is drawn over an image, which could be switched off."""
        panes = (pane for view in self.views for frame in view.frames for pane in frame.panes)
        return any(pane.outlines for pane in panes)


def fullest(frames: Sequence[Frame]) -> int:
    """Return the place of the frame with the most outlines; of several the one nearest the middle.

    A stack opens there: its first planes hardly show anything.
    """
    counts = [sum(len(pane.outlines) for pane in frame.panes) for frame in frames]
    middle = (len(frames) - 1) / 2
    return max(range(len(frames)), key=lambda i: (counts[i], -abs(i - middle)))


def outlines_of(
    labels: LabelImage,
    wanted: Collection[int] | None = None,
    *,
    layer: str = "",
    colour: Callable[[int], str] = colour_of,
) -> list[Outline]:
    """Return the outlines of the wanted labels (default: all), each with its own colour.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X)
    wanted : collection of int, optional
    layer : str
    colour : callable
        From a label to its colour.
    """
    middle = centres(labels)
    return [
        Outline(label=label, path=path, colour=colour(label), at=middle[label], layer=layer)
        for label, path in outline_paths(labels).items()
        if wanted is None or label in wanted
    ]


def centres(labels: LabelImage) -> dict[int, tuple[float, float]]:
    """Return for each label the middle (y, x) of its pixels, from the corner of the image."""
    y, x = np.nonzero(labels)
    value, row = np.unique(labels[y, x], return_inverse=True)
    n = np.bincount(row, minlength=len(value))
    means = [np.bincount(row, weights=v + 0.5, minlength=len(value)) / n for v in (y, x)]
    return {
        int(v): (round(float(a), 1), round(float(b), 1))
        for v, a, b in zip(value, *means, strict=True)
    }


def shorten(viewer: ImageViewer, excess: int) -> tuple[ImageViewer, int]:
    """Leave out frames from the end until ``excess`` bytes are gone.

    Returns
    -------
    viewer : ImageViewer
        Says how many images it has lost; places in them have no button any more. The very first
        frame stays.
    freed : int
        Bytes.
    """
    views, freed, n_lost = [list(v.frames) for v in viewer.views], 0, 0
    while freed < excess and sum(map(len, views)) > 1:
        if not views[-1]:
            views.pop()
            continue
        freed += _weight(views[-1].pop())
        n_lost += 1
    kept = [replace(v, frames=f) for v, f in zip(viewer.views, views, strict=False) if f]
    if n_lost:
        lost = f"{n_lost} images were left out to keep this page under 20 MB."
        kept[0] = replace(kept[0], about=f"{kept[0].about} {lost}".strip())
    places = [
        replace(p, view=None)
        if p.view is not None and (p.view >= len(kept) or p.frame >= len(kept[p.view].frames))
        else p
        for p in viewer.places
    ]
    return replace(viewer, views=kept, places=places), freed


def _weight(frame: Frame) -> int:
    """About how many bytes a frame takes in the page."""
    return 60 + sum(
        len(pane.image) + sum(len(o.path) + len(o.words) + 50 for o in pane.outlines)
        for pane in frame.panes
    )
