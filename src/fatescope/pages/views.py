"""The images of a result with what was found in them: the channel that was analysed, no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.pages.chart import number
from fatescope.pages.images import display_limits, jpeg_uri, shrink_labels, shrink_mean, to_grey
from fatescope.pages.page import Frame, ImageViewer, Outline, Pane, Section, Text, View, fullest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fatescope.base import Image, LabelImage, Table
    from fatescope.pages.result import ResultFolder

SIDE_PX = 640
_QUALITY = 82  # of JPEG
MAX_FRAMES, MAX_IMAGES = 12, 12
"""Room on a page, which has at most 20 MB (`page.write`); not measured."""


class Draws(Protocol):
    """What a system draws over a plane of its labels."""

    def __call__(self, labels: LabelImage, rows: Table, /) -> Sequence[Outline]:
        """Return the outlines; ``rows`` are those of ``objects`` in this frame of this image."""


def images_section(
    result: ResultFolder,
    objects: Table,
    draw: Draws,
    *,
    title: str,
    noun: str = "cell",
    layers: Mapping[str, str] | None = None,
    note: str = "",
    words: Callable[[Table], str] | None = None,
) -> Section:
    """Return the first images with outlines; how many there are more is said.

    Parameters
    ----------
    result : ResultFolder
        Inputs that failed or are gone take no place.
    objects : Table
        With ``image`` and ``frame``.
    draw : Draws
    title, noun : str
    layers : mapping of str to colour, optional
        What the colours of outlines mean.
    note : str
        What the reader must know of the outlines.
    words : callable, optional
        From the rows of a frame to what stands beside it, such as ``"8 cells, 2 dead"``.
    """
    views: list[View] = []
    for said in result.done:
        if len(views) == MAX_IMAGES:
            break
        if (pair := result.opened(said)) is not None:
            mine = objects.rows(objects["image"] == said["image"]) if len(objects) else objects
            views.append(_view(*pair, said, mine, draw, words))
    if not views:
        gone = "No image can be shown: the inputs were not found where the run read them."
        return Section(title=title, blocks=(Text(paragraphs=(gone,), tone="aside"),))
    shown = f"{number(len(views))} of {number(len(result.done))} images are shown."
    aside = " ".join(filter(None, (note, shown if len(views) < len(result.done) else "")))
    viewer = ImageViewer(title=title, views=views, noun=noun, layers=layers)
    text = (Text(paragraphs=(aside,), tone="aside"),) if aside else ()
    return Section(title=title, blocks=(*text, viewer))


def _view(
    image: Image,
    labels: Image,
    said: Mapping[str, Any],
    objects: Table,
    draw: Draws,
    words: Callable[[Table], str] | None,
) -> View:
    axis = "Z" if image.size("Z") > 1 and labels.size("Z") > 1 else "T"

    def drawn(index: int, step: int) -> tuple[Sequence[Outline], str]:
        plane = shrink_labels(labels.read(**{"T": 0, "Z": 0, axis: index}), step=step)
        frame = index if axis == "T" else 0
        rows = objects.rows(objects["frame"] == frame) if len(objects) else objects
        return draw(plane, rows), words(rows) if words else ""

    n = image.size(axis)
    filled = range(n)
    if axis == "Z":
        filled = range(*_with_labels(labels, n))
    steps = image.spacing.um("YX")
    return view_of(
        image,
        drawn,
        title=str(said["image"]),
        channel=said.get("channel", 0),
        axis=axis,
        among=filled,
        um=None if steps is None else steps[-1],
    )


def _with_labels(labels: Image, n: int) -> tuple[int, int]:
    """Return the planes from the first to the last with an object; all where there is none."""
    filled = [i for i in range(n) if labels.read(T=0, Z=i).any()]
    return (filled[0], filled[-1] + 1) if filled else (0, n)


def view_of(
    image: Image,
    draw: Callable[[int, int], tuple[Sequence[Outline], str]],
    *,
    title: str,
    channel: int = 0,
    axis: str = "T",
    among: Sequence[int] = (),
    um: float | None = None,
    plane: int = 0,
    most: int = MAX_FRAMES,
) -> View:
    """Return an image as a view: its frames or planes, a dozen evenly taken, with outlines.

    Parameters
    ----------
    image : Image
    draw : callable
        From the index along ``axis``, and the pixels of the image for one of the view, to outlines
        and to what is said of the frame.
    title : str
    channel : int
    axis : {"T", "Z"}
        What the slider walks.
    among : sequence of int
        Where frames are taken from; default: all.
    um : float, optional
        µm per pixel of the image.
    plane : int
        That is shown where the slider walks frames.
    most : int
    """
    n = image.size(axis)
    there = np.asarray(among if len(among) else range(n))
    chosen = there[np.unique(np.linspace(0, len(there) - 1, most).round().astype(int))].tolist()
    step = max(1, -(-max(image.size("Y"), image.size("X")) // SIDE_PX))

    def read(index: int) -> Any:
        pixels = image.read(**{"T": 0, "Z": plane, axis: index}, C=channel)
        return pixels.real if pixels.dtype.kind == "c" else pixels

    limits = display_limits(read(chosen[len(chosen) // 2]))
    frames = []
    for index in chosen:
        grey = to_grey(shrink_mean(read(index), step=step), limits=limits)
        outlines, words = draw(index, step)
        pane = Pane(
            image=jpeg_uri(grey, quality=_QUALITY),
            width=grey.shape[1],
            height=grey.shape[0],
            outlines=outlines,
        )
        frames.append(Frame(panes=(pane,), index=index, words=words))
    return View(
        title=title,
        frames=frames,
        walk="frame" if axis == "T" else "plane",
        length=n,
        opens_at=fullest(frames) if axis == "Z" else 0,
        interval_min=image.spacing.interval_min if axis == "T" else None,
        um=None if um is None else um * step,
        step=step,
        black=limits[0],
        white=limits[1],
        about=_about(image, channel, axis, plane, len(chosen)),
    )


def _about(image: Image, channel: int, axis: str, plane: int, shown: int) -> str:
    """Say which channel and plane is shown, and of how many frames."""
    parts = []
    if image.size("C") > 1:
        name = f" ({image.channels[channel]})" if channel < len(image.channels) else ""
        parts.append(f"Channel {channel}{name} is shown.")
    if axis == "T" and image.size("Z") > 1:
        parts.append(f"Plane {plane} of 0 to {image.size('Z') - 1} is shown.")
    if shown < image.size(axis):
        what = "frames" if axis == "T" else "planes"
        parts.append(f"{shown} of {number(image.size(axis))} {what} are shown.")
    return " ".join(parts)
