"""``lineage match``: where a table lies on its movie, how sure that is, and both played."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import find_images, read_image
from fatescope.acquire.lineages import LineageReading, find_lineages, write_lineage
from fatescope.acquire.movies import write_frames
from fatescope.base import (
    Execution,
    FatescopeError,
    Finding,
    Image,
    InputError,
    Lineage,
    Table,
    escape,
)
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.engine.plan import Cost, estimate
from fatescope.lineage.layout import cells_of, layout_tree
from fatescope.lineage.movie_fit import FrameStack, MovieFit, fit_table
from fatescope.lineage.quality import lineages_of
from fatescope.pages.chart import Axis, Chart, Line, Points, number
from fatescope.pages.page import PageTable, Section, Text, write_page
from fatescope.pages.skeleton import result_page
from fatescope.prepare.movies import marker_channel
from fatescope.systems.lineages import drawings as show
from fatescope.systems.lineages.reading import read, record_reading
from fatescope.systems.lineages.settings import MatchSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.acquire import ImageFile
    from fatescope.acquire.lineages import LineageFile
    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan

_PAGE_PX, _PAGE_FRAMES = 480, 100
_PER_SECOND, _KBIT_S = 7, 1200
_COST = Cost(cpu_seconds=0.1, memory_mb=60.0, output_mb=0.07, unit_seconds=2.5, unit_mb=1.0)
"""By a million pixels of all frames, film included, and of one frame for memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieAndTable:
    """A movie and the table that is to be laid on it; the unit of `match_lineage`."""

    movie: ImageFile
    table: LineageFile

    @property
    def key(self) -> str:
        """The name of the table."""
        return self.table.key

    @property
    def paths(self) -> tuple[Path, ...]:
        """Both files."""
        return (*self.movie.paths, *self.table.paths)

    def absolute(self) -> MovieAndTable:
        """Return the same pair for a worker that stands in another folder."""
        return MovieAndTable(movie=self.movie.absolute(), table=self.table.absolute())

    def __str__(self) -> str:
        return f"{self.movie} and {self.table.path.name}"


def match_lineage(
    movie: Path | str,
    table: Path | str,
    *,
    out: Path | str,
    settings: MatchSettings | None = None,
    reading: LineageReading | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Find where a lineage table lies on a movie, and play the two together.

    Parameters
    ----------
    movie, table : path
        A movie of maximum projections, and a lineage in any format.
    out : path
        Gets ``match.csv``, ``findings.csv``, ``report.html`` and, where it could be told, the
        table on the frames and pixels of the movie (``matched/``) and the film (``film/``).
    settings : MatchSettings, optional
    reading : LineageReading, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Raises
    ------
    InputError, FileFormatError, RunError
        When nothing can be done.

    Examples
    --------
    >>> match_lineage("embryo.mov", "CDembryo.csv", out="matched")  # doctest: +SKIP
    """
    settings, reading = settings or MatchSettings(), reading or LineageReading()
    unit = _pair(movie, table)
    asked = {**settings.model_dump(mode="json"), **record_reading(reading)}
    with Run.open(out, command="lineage match", settings=asked, fresh=fresh) as run:
        job = partial(_match, settings=settings, reading=reading, out=run.out.absolute())
        work_through(
            run, pending(run, [unit]), job, execution=Execution(workers=1), progress=progress
        )
        return run.finish()


def plan_match(
    movie: Path | str, table: Path | str, *, settings: MatchSettings | None = None
) -> RunPlan:
    """Say what `match_lineage` would do, without doing or writing anything.

    Raises
    ------
    InputError, FileFormatError
        If there is no movie, or no table.
    """
    film = (settings or MatchSettings()).film
    unit = _pair(movie, table)
    image = read_image(unit.movie)
    _check_movie(image)
    frame = image.size("Y") * image.size("X") / 1e6
    size = frame * image.size("T"), frame
    return estimate(
        "lineage match",
        [size],
        cost=_COST if film else replace(_COST, cpu_seconds=_COST.cpu_seconds / 2),
        what="movies with tables",
        execution=Execution(workers=1),
    )


def match_table(
    movie: Image | NDArray[Any] | Path | str,
    lineage: Lineage,
    *,
    channel: str | None = None,
    axes: str | None = None,
) -> MovieFit:
    """Find where a lineage lies on a movie; nothing is written.

    Parameters
    ----------
    movie : Image, path, or ndarray
        Maximum projections, TYX or TCYX; of red, green, blue the green one shows nuclei.
    lineage : Lineage
    channel : str, optional
        With the nuclei, by name or number.
    axes : str, optional
        Of an array.

    Returns
    -------
    MovieFit
        ``fit.pose.apply(lineage, n_frames=...)`` is the table on the movie.

    Examples
    --------
    >>> match_table("embryo.mov", fs.read_lineage("CDembryo.csv")).sure  # doctest: +SKIP
    """
    from fatescope.engine.in_memory import as_image

    if isinstance(movie, Lineage):
        raise InputError("`movie` is a lineage. Give the movie first, then the lineage.")
    image = as_image(movie, axes=axes, interval_min=None)
    _check_movie(image)
    chosen = _channel(image, channel)
    return fit_table(FrameStack.of(_planes(image, chosen)), lineage)


def _pair(movie: Path | str, table: Path | str) -> MovieAndTable:
    if _is_image(table) and not _is_image(movie):
        raise _swapped(escape(table), escape(movie))
    return MovieAndTable(
        movie=_only(find_images([movie]), movie), table=_only(find_lineages([table]), table)
    )


def _is_image(path: Path | str) -> bool:
    """Say whether a path leads to one image that can be opened."""
    try:
        read_image(_only(find_images([path]), path))
    except (FatescopeError, OSError):
        return False
    return True


def _swapped(movie: str, table: str) -> InputError:
    return InputError(
        f"{movie}: is the movie, but stands in the place of the table. Give the movie first, then "
        f"the table: {movie} {table}."
    )


def _match(
    unit: MovieAndTable, *, settings: MatchSettings, reading: LineageReading, out: Path
) -> Outcome:
    begun = time.perf_counter()
    got = read(unit.table, reading)
    image = read_image(unit.movie)
    _check_movie(image)
    channel = _channel(image, settings.channel)
    fit = fit_table(FrameStack.of(_planes(image, channel)), got.lineage)
    middle = time.perf_counter()
    findings = [*got.findings, *match_findings(fit, unit)]
    written = [_page(out, unit, image, channel, got.lineage, fit, settings)]
    if fit.is_told:
        laid = fit.pose.apply(got.lineage, n_frames=image.size("T"))
        (out / "matched").mkdir(exist_ok=True)
        written.append(write_lineage(laid, out / "matched" / f"{unit.key}.csv", format="csv"))
        if settings.film:
            written.append(_film(out, unit, image, channel, laid))
    return Outcome(
        input=describe_files(unit.paths),
        tables={"match": match_row(fit, unit)},
        findings=findings,
        files=[p.relative_to(out) for p in written],
        seconds={"match": middle - begun, "play": time.perf_counter() - middle},
    )


def match_row(fit: MovieFit, unit: MovieAndTable) -> Table:
    """Return one row: what was found, and how sure each part of it is."""
    pose = fit.pose
    return Table.from_rows(
        [
            {
                "movie": unit.movie.key,
                "table": unit.key,
                "told": int(fit.is_told),
                "sure": round(fit.sure, 3),
                "sure_pair": round(fit.sure_pair, 3),
                "sure_frame": round(fit.sure_frame, 3),
                "sure_turn": round(fit.sure_turn, 3),
                "offset_frames": round(pose.offset, 2),
                "frames_per_time": round(pose.rate, 4),
                "transposed": int(pose.transposed),
                "flip_y": int(pose.flip_y),
                "flip_x": int(pose.flip_x),
                "scale": round(pose.scale, 4),
                "shift_y_px": round(pose.shift_px[0], 2),
                "shift_x_px": round(pose.shift_px[1], 2),
                "likeness": round(fit.likeness, 4),
                "sharpness": round(fit.sharpness, 4),
            }
        ],
        _COLUMNS,
    )


_COLUMNS = (
    "movie",
    "table",
    "told",
    "sure",
    "sure_pair",
    "sure_frame",
    "sure_turn",
    "offset_frames",
    "frames_per_time",
    "transposed",
    "flip_y",
    "flip_x",
    "scale",
    "shift_y_px",
    "shift_x_px",
    "likeness",
    "sharpness",
)


def match_findings(fit: MovieFit, unit: MovieAndTable) -> Iterator[Finding]:
    """Say what is odd: no pair, another frame than time - 1, mirrored, scaled or moved."""
    file, pose = str(unit.movie), fit.pose
    name = escape(unit.table.path.name)
    if fit.sure_pair < 0.9:
        yield Finding(
            file=file,
            rule="not-its-table",
            severity="warning",
            value=round(fit.sharpness, 3),
            reason=f"It cannot be told whether {name} belongs to this movie: wherever it is laid, "
            "its nuclei fit the light hardly better than a nucleus aside. Check that they are of "
            "one embryo, and that the movie shows nuclei.",
        )
        return
    if not fit.is_told:
        what = "at which frame" if fit.sure_frame < 0.9 else "which way round"
        yield Finding(
            file=file,
            rule="not-its-table",
            severity="warning",
            value=round(fit.sure, 3),
            limit=0.9,
            reason=f"{name} may belong to this movie, but it cannot be told {what} it lies on it.",
        )
        return
    if pose.offset or pose.rate != 1:
        yield Finding(
            file=file,
            rule="offset",
            severity="warning",
            value=round(pose.offset, 2),
            limit=0.0,
            reason=f"{name} lies on the movie at {pose.frames_in_words}, not at frame = time - 1.",
        )
    if not pose.is_plain:
        yield Finding(
            file=file,
            rule="pose",
            severity="info",
            value=round(pose.scale, 4),
            reason=f"{name} lies on the movie {pose.turn_in_words}.",
        )


def _page(
    out: Path,
    unit: MovieAndTable,
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
        f"{unit.key} lies on {unit.movie.key} at {at}, {pose.turn_in_words}: "
        f"{_percent(fit.sure)} sure."
        if told
        else f"It cannot be told where {unit.key} lies on {unit.movie.key}: {_percent(fit.sure)} "
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
            title=f"{unit.movie.key} and {unit.key}",
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
        title="A lineage on its movie",
        kind="match",
        answer=lead,
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


def _film(out: Path, unit: MovieAndTable, image: Image, channel: int, laid: Lineage) -> Path:
    """Write the MP4: every frame with rings and names, and the tree up to it."""
    (out / "film").mkdir(exist_ok=True)
    path = out / "film" / f"{Path(unit.key).name}.mp4"
    shape = image.size("Y"), image.size("X")
    interval = image.spacing.interval_min or laid.spacing.interval_min
    painter = show.FilmPainter(played_cells(laid), shape, interval_min=interval)
    last = int(laid.frame.max())
    frames = (
        painter.paint(_grey(plane, image), t)
        for t, plane in enumerate(_planes(image, channel))
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
    for t, plane in enumerate(_planes(image, channel)):
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


def _planes(image: Image, channel: int) -> Iterator[NDArray[Any]]:
    for t in range(image.size("T")):
        pixels = image.read(T=t)
        yield pixels[channel] if pixels.ndim == 3 else pixels


def _check_movie(image: Image) -> None:
    if "T" not in image.axes or image.size("Z") > 1:
        raise InputError(
            f"{escape(image.name)}: has the axes {image.axes}; a movie of maximum projections is "
            "wanted (TYX or TCYX). Project volumes first, or give numbered files."
        )


def _channel(image: Image, asked: str | None) -> int:
    if asked is None:
        return marker_channel(image)
    names = list(image.channels)
    if asked in names:
        return names.index(asked)
    if asked.isdecimal() and int(asked) < image.size("C"):
        return int(asked)
    raise InputError(f"channel {asked!r}: {escape(image.name)} has no such channel.")


def _only(found: Any, given: Path | str) -> Any:
    """Return the one thing that was found, or raise an `InputError`."""
    if len(found) != 1:
        raise InputError(
            f"{escape(given)}: holds {len(found)} files that could be meant. Give one file."
        )
    return found[0]
