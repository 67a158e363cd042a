"""The page of a match: how table and movie lie on each other, and a film of both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.movies import write_frames
from fatescope.base import (
    Image,
    Lineage,
)
from fatescope.lineage.layout import cells_of, layout_tree
from fatescope.lineage.movie_fit import MovieFit
from fatescope.lineage.quality import lineages_of
from fatescope.pages.chart import Axis, Chart, Line, Points, number
from fatescope.pages.page import PageTable, Section, Text, write_page
from fatescope.pages.skeleton import Head, result_page
from fatescope.systems.lineages import drawings as show
from fatescope.systems.lineages.settings import MatchSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_PAGE_PX, _PAGE_FRAMES = 480, 100  # of what is played on the page: about so wide
_PER_SECOND, _KBIT_S = 7, 1200  # frames and kbit of a second of the film


def write_match_page(
    out: Path,
    table: str,
    movie: str,
    image: Image,
    channel: int,
    lineage: Lineage,
    fit: MovieFit,
    settings: MatchSettings,
) -> Path:
    """Write the page: the answer, how sharply it fits, and the film to play."""
    told, pose = fit.is_told, fit.pose
    at = pose.frames_in_words
    lead = (
        f"{table} lies on {movie} at {at}, {pose.turn_in_words}: {_percent(fit.sure)} sure."
        if told
        else f"It cannot be told where {table} lies on {movie}: {_percent(fit.sure)} "
        f"sure of the best place, {at}; 90 % are asked for."
    )
    rows = [
        (
            "they belong together",
            _percent(fit.sure_pair),
            "the nuclei fit more sharply than a nucleus aside",
        ),
        ("this frame", _percent(fit.sure_frame), "of frames near it, none fits better"),
        ("this way round", _percent(fit.sure_turn), "no other orientation fits as well"),
    ]
    played = None
    if told:
        laid = fit.pose.apply(lineage, n_frames=image.size("T"))
        cells = played_cells(laid)
        step = max(1, round(max(image.size("Y"), image.size("X")) / _PAGE_PX))
        viewer = show.view_played(
            cells,
            _some_frames(image, channel, cells, step),
            title=f"{movie} and {table}",
            step=step,
            length=image.size("T"),
            interval_min=image.spacing.interval_min or lineage.spacing.interval_min,
        )
        how = Text(
            paragraphs=(
                "Play it, or walk with the arrow keys. A click on a ring or a branch names the "
                "cell and marks it in both; the key N shows all names.",
            )
        )
        played = Section(title="Played together", blocks=(how, viewer))
    page = result_page(
        Head(title="A lineage on its movie", kind="match", answer=lead),
        figures=(played,),
        doubt=(
            PageTable(columns=("of what", "sure", "because"), rows=rows),
            Text(
                paragraphs=(
                    "The shares are of 1000 resamples of the frames that were compared. One pixel "
                    f"of the table is {number(fit.pose.scale)} pixels of the movie.",
                ),
                tone="aside",
            ),
            _offset_chart(fit),
        ),
        record={"settings": settings.model_dump(mode="json")},
    )
    return write_page(out / "report.html", page)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _offset_chart(fit: MovieFit) -> Chart:
    offsets = sorted(fit.by_offset)
    values = [fit.by_offset[o] for o in offsets]
    frames = [fit.pose.offset + o for o in offsets]
    return Chart(
        title="Likeness of nuclei and light by offset",
        x=Axis(title="frame of the movie at time 1 of the table"),
        y=Axis(title="likeness (1: the same)"),
        marks=(
            Line(name="likeness", x=frames, y=values),
            Points(name="offset", x=frames, y=values),
        ),
    )


def write_match_film(path: Path, image: Image, channel: int, laid: Lineage) -> Path:
    """Write the MP4: every frame with rings and names, and the tree up to it."""
    path.parent.mkdir(exist_ok=True)
    shape = image.size("Y"), image.size("X")
    interval = image.spacing.interval_min or laid.spacing.interval_min
    painter = show.FilmPainter(played_cells(laid), shape, interval_min=interval)
    last = int(laid.frame.max())
    frames = (
        painter.paint(_grey(plane, image), t)
        for t, plane in enumerate(planes_of(image, channel))
        if t <= last
    )
    write_frames(path, frames, frames_per_second=_PER_SECOND, codec="h264", kbit_s=_KBIT_S)
    return path


def played_cells(laid: Lineage) -> show.PlayedCells:
    """Return what is played of a lineage that is laid on its movie."""
    cells = cells_of(laid)
    layout = layout_tree(cells, interval=1.0, gap=2.0)
    names = [str(n) for n in cells.name]
    radius = laid.radius_px.copy()
    usual = float(np.nanmedian(radius)) if np.isfinite(radius).any() else 8.0
    return show.PlayedCells(
        name=names,
        founder=lineages_of(names),
        first=cells.first,
        last=cells.last,
        mother=cells.mother,
        across=layout.across,
        frame=laid.frame,
        cell=cells.of_row,
        yx=laid.position[:, 1:],
        radius=np.where(np.isfinite(radius), radius, usual),
    )


def _some_frames(
    image: Image, channel: int, cells: show.PlayedCells, step: int
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    first, last = int(cells.frame.min()), int(cells.frame.max())
    chosen = np.unique(np.linspace(first, last, min(_PAGE_FRAMES, last - first + 1)).round())
    wanted = set(chosen.astype(int).tolist())
    for t, plane in enumerate(planes_of(image, channel)):
        if t in wanted:
            yield t, _grey(plane, image)[::step, ::step]


def _grey(plane: NDArray[Any], image: Image) -> NDArray[np.uint8]:
    """Return a plane as it is shown: dim frames up to three times brighter, as eyes need it."""
    values = np.nan_to_num(plane.astype(np.float32), posinf=0, neginf=0)
    low, high = (float(v) for v in np.percentile(values, [1, 99.7]))
    if image.dtype == np.uint8:
        low, high = 0.0, min(max(high, 85.0), 255.0)
    shown = 255 * (values - low) / max(high - low, 1e-6)
    return np.asarray(np.clip(shown, 0, 255), dtype=np.uint8)


def planes_of(image: Image, channel: int) -> Iterator[NDArray[Any]]:
    """Yield the pixels of a channel in each frame, (Y, X)."""
    for t in range(image.size("T")):
        pixels = image.read(T=t)
        yield pixels[channel] if pixels.ndim == 3 else pixels
