"""``lineage match``: where a table lies on its movie, how sure that is, and both played."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire import find_images, read_image
from fatescope.acquire.lineages import LineageReading, find_lineages, write_lineage
from fatescope.base import (
    Execution,
    FatescopeError,
    Finding,
    Image,
    InputError,
    Lineage,
    Table,
    WorkUnit,
    escape,
)
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.engine.plan import Cost, estimate
from fatescope.lineage.movie_fit import FrameStack, MovieFit, fit_table
from fatescope.prepare.movies import marker_channel
from fatescope.systems.lineages.match_page import planes_of, write_match_film, write_match_page
from fatescope.systems.lineages.reading import read, record_reading, the_only
from fatescope.systems.lineages.settings import MatchSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.acquire import ImageFile
    from fatescope.acquire.lineages import LineageFile
    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan

_COST = Cost(cpu_seconds=0.1, memory_mb=60.0, output_mb=0.07, unit_seconds=2.5, unit_mb=1.0)
"""By a million pixels of all frames, film included, and of one frame for memory."""
_MEANT = "files that could be meant. Give one file."


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieAndTable(WorkUnit):
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
    return fit_table(FrameStack.of(planes_of(image, chosen)), lineage)


def _pair(movie: Path | str, table: Path | str) -> MovieAndTable:
    if _is_image(table) and not _is_image(movie):
        raise _swapped(escape(table), escape(movie))
    return MovieAndTable(
        movie=the_only(find_images([movie]), movie, _MEANT),
        table=the_only(find_lineages([table]), table, _MEANT),
    )


def _is_image(path: Path | str) -> bool:
    """Say whether a path leads to one image that can be opened."""
    try:
        read_image(the_only(find_images([path]), path, _MEANT))
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
    fit = fit_table(FrameStack.of(planes_of(image, channel)), got.lineage)
    middle = time.perf_counter()
    findings = [*got.findings, *match_findings(fit, unit)]
    written = [
        write_match_page(out, unit.key, unit.movie.key, image, channel, got.lineage, fit, settings)
    ]
    if fit.is_told:
        laid = fit.pose.apply(got.lineage, n_frames=image.size("T"))
        (out / "matched").mkdir(exist_ok=True)
        written.append(write_lineage(laid, out / "matched" / f"{unit.key}.csv", format="csv"))
        if settings.film:
            film = out / "film" / f"{Path(unit.key).name}.mp4"
            written.append(write_match_film(film, image, channel, laid))
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
        ]
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
