"""Movies and annotations, checked for faults: read -> rules -> findings, page -> exclusion.

The unit of work is a movie or a table. Nothing is changed or deleted: findings are written, and
with ``apply`` an exclusion that other commands obey.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import (
    check_film,
    check_left_out,
    find_images,
    gauged,
    read_image,
    unknown_frames,
    write_exclusions,
)
from fatescope.acquire.lineages import find_lineages, read_lineage_checked
from fatescope.acquire.losses import is_loss_table, read_losses
from fatescope.acquire.our_folders import searched
from fatescope.acquire.populations import is_population_table, read_populations
from fatescope.base import (
    Execution,
    FatescopeError,
    Finding,
    Image,
    InputError,
    Progress,
    Table,
    WorkUnit,
    escape,
)
from fatescope.clean import (
    AnnotationSettings,
    CleanSettings,
    as_findings,
    exclude_findings,
    find_count_faults,
    find_frame_faults,
    find_position_faults,
    highest,
    loss_findings,
    record_frames,
)
from fatescope.clean.losses import SHOWN
from fatescope.engine import Run, Summary, input_record
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.systems.cleaning.cliffs import count_at_cliffs
from fatescope.systems.cleaning.page import stretches, write_clean_page, write_thumbnails
from fatescope.systems.lineages.lint import read_findings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.acquire import ImageFile

_TABLES = (".csv", ".tsv", ".txt", ".gz", ".zip", ".xml", ".parquet", ".nwk", ".json")
_COST = Cost(cpu_seconds=0.022, memory_mb=25.0, output_mb=0.002, unit_seconds=0.5, unit_mb=0.5)
"""By a million pixels of all frames, and of one frame for memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanFile(WorkUnit):
    """One input: a movie, or a table with the movie it belongs to, where that is known."""

    key: str
    image: ImageFile | None = None
    table: Path | None = None
    movie: ImageFile | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that decide what comes out."""
        own = () if self.table is None else (self.table,)
        images = [f.paths for f in (self.image, self.movie) if f is not None]
        return (*own, *(p for paths in images for p in paths))

    def __str__(self) -> str:
        return str(self.image or self.table)


def clean_files(
    inputs: Sequence[Path | str] | Path | str,
    *,
    out: Path | str,
    settings: CleanSettings | None = None,
    annotations: AnnotationSettings | None = None,
    drop: float | None = None,
    apply: bool = False,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Look for faults in movies and in tables of cells; the workflow behind ``clean``.

    Parameters
    ----------
    inputs : path or sequence of paths
        Movies, lineage tables, tables of numbers of cells, ``samples_loss.csv`` of `train`, or
        folders of them. A table belongs to
        the movie of the same name (``CD`` in front does not count), or to the only movie given.
    out : path
        Gets ``findings.csv``, ``images.csv``, ``report.html``, ``run.json``, ``thumbnails/``.
    settings : CleanSettings, optional
    annotations : AnnotationSettings, optional
    drop : float, optional
        Share of the samples of a ``samples_loss.csv``, those of the highest loss, that are to be
        left out; without it, the highest tenth is shown.
    apply : bool
        Write ``exclusion.csv`` too: the frames of all findings, for ``--exclude``.
    execution : Execution, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Raises
    ------
    InputError, RunError
        When nothing can be done. A file that cannot be read costs a finding instead.
    """
    settings, annotations = settings or CleanSettings(), annotations or AnnotationSettings()
    files = find_clean_files(inputs)
    _check_drop(drop, files)
    asked: dict[str, Any] = {
        "frames": settings.model_dump(),
        "annotations": annotations.model_dump(),
    } | ({} if drop is None else {"drop": drop})
    with Run.open(out, command="clean", settings=asked, fresh=fresh) as run:
        job = partial(
            clean_file,
            settings=settings,
            annotations=annotations,
            drop=drop,
            out=run.out.absolute(),
        )
        todo = pending(run, files)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        run.list_images()
        summary = run.finish()
        findings = read_findings(run.out / "findings.csv")
        if apply:
            write_exclusions(exclude_findings(findings), run.out / "exclusion.csv")
            run.wrote("exclusion.csv")
        run.wrote(write_clean_page(run.out, findings, drop=drop))
    return summary


def clean_movie(
    image: Image | NDArray[Any] | Path | str,
    *,
    axes: str | None = None,
    settings: CleanSettings | None = None,
) -> list[Finding]:
    """Return what is wrong with frames of a movie; nothing is written.

    Parameters
    ----------
    image : Image, path, or ndarray
        With an axis T, and Y and X; three channels are red, green, blue.
    axes : str, optional
        Of an array.

    Raises
    ------
    InputError
        If it is no movie, or its frames are smaller than 16 x 16 pixels.

    Examples
    --------
    >>> clean_movie("embryo.mov")  # doctest: +SKIP
    """
    from fatescope.engine.in_memory import as_image

    movie = as_image(image, axes=axes)
    return _frame_findings(movie, settings or CleanSettings())


def plan_clean(
    inputs: Sequence[Path | str] | Path | str, *, execution: Execution | None = None
) -> RunPlan:
    """Say what `clean_files` would do, without doing or writing anything."""
    sizes = [_megapixels(f) for f in find_clean_files(inputs)]
    return estimate("clean", sizes, cost=_COST, what="files", execution=execution or Execution())


def clean_file(
    file: CleanFile,
    *,
    settings: CleanSettings,
    annotations: AnnotationSettings,
    drop: float | None = None,
    out: Path,
) -> Outcome:
    """Do one unit: check a movie or a table, and write thumbnails of what was found."""
    begun = time.perf_counter()
    if file.table is not None and is_loss_table(file.table):
        return _check_losses(file, drop)
    if file.image is None:
        return _check_table(file, annotations, out)
    movie = gauged(read_image(file.image))
    findings = _frame_findings(movie, settings)
    middle = time.perf_counter()
    written = write_thumbnails(out, file.key, movie, findings)
    seconds = {"check": middle - begun, "thumbnails": time.perf_counter() - middle}
    return Outcome(
        input=input_record(movie, file.image.paths),
        findings=findings,
        files=written,
        seconds=seconds,
    )


def find_clean_files(inputs: Sequence[Path | str] | Path | str) -> list[CleanFile]:
    """List movies and tables in files and folders, each table with its movie.

    Raises
    ------
    InputError
        If there is neither.
    """
    given = [Path(inputs)] if isinstance(inputs, str | Path) else [Path(p) for p in inputs]
    tables = list(dict.fromkeys(t for path in given for t in _tables(path)))
    rest = [p for p in given if p not in tables]
    images: list[ImageFile] = []
    try:
        images = find_images(rest) if rest else []
    except InputError:
        if not tables:
            named = ", ".join(escape(p) for p in given) or "nothing"
            raise InputError(
                f"no movie and no table was found in {named}. Give films, stacks, lineage tables, "
                "tables of numbers of cells, or folders of them."
            ) from None
    by_stem = {i.paths[0].stem.lower(): i for i in images}
    only = images[0] if len(images) == 1 else None
    files = [CleanFile(key=i.key, image=i) for i in images]
    taken = {f.key for f in files}
    for path in tables:
        key = path.name if path.name not in taken else str(path)
        taken.add(key)
        stem = path.name.split(".")[0].lower()
        movie = by_stem.get(stem) or by_stem.get(stem.removeprefix("cd")) or only
        files.append(CleanFile(key=key, table=path, movie=movie))
    return files


def _tables(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        if path.suffix.lower() in _TABLES:
            yield path
        return
    files = sorted(folder / name for folder, _, names in searched(path) for name in names)
    tables = [p for p in files if p.suffix.lower() == ".csv"]
    others = [p for p in tables if is_population_table(p) or is_loss_table(p)]
    yield from others
    try:
        yield from (f.path for f in find_lineages([path]) if f.path not in others)
    except InputError:
        return


def _frame_findings(movie: Image, settings: CleanSettings) -> list[Finding]:
    """Return the findings on all frames, read once, one after the other."""
    if "T" not in movie.axes or "Z" in movie.axes:
        raise InputError(
            f"{movie.name}: has the axes {movie.axes}; frames of a movie are wanted (TYX or TCYX). "
            "Project volumes first, or give numbered files as one TIFF."
        )
    movie = gauged(movie)
    highest = 255.0 if movie.dtype == np.uint8 else _highest(movie)
    frames = (movie.read(T=t) for t in range(movie.size("T")))
    faults = find_frame_faults(record_frames(frames, highest=highest), settings)
    faults = [f for f in faults if f.frame not in unknown_frames(movie)]
    return [*check_left_out(movie), *as_findings(faults, movie.name), *check_film(movie)]


def _highest(movie: Image) -> float:
    """Return the value shown as white: the highest of some frames all along the movie."""
    some = np.unique(np.linspace(0, movie.size("T") - 1, 16).astype(int)).tolist()
    values = [float(np.nan_to_num(movie.read(T=t), posinf=0, neginf=0).max()) for t in some]
    return max(float(np.median(values)) * 1.25, 1e-9)


def _check_drop(drop: float | None, files: Sequence[CleanFile]) -> None:
    """Raise `InputError` for a share that is none, and where there are no losses to choose by."""
    if drop is None:
        return
    if not 0 < drop < 1:
        raise InputError(f"--drop {drop:g}: give a share of the samples above 0 and below 1.")
    if not any(f.table is not None and is_loss_table(f.table) for f in files):
        raise InputError(
            f"--drop {drop:g}: none of the inputs holds losses. Give samples_loss.csv too, which "
            "fatescope train --leave-out all writes."
        )


def _check_losses(file: CleanFile, drop: float | None) -> Outcome:
    """Name the samples of the highest losses, and keep all losses for the page."""
    begun = time.perf_counter()
    assert file.table is not None
    losses = read_losses(file.table)
    chosen = highest(losses["loss"], SHOWN if drop is None else drop)
    kept = Table(
        {
            "file": np.full(len(losses), str(file.table), dtype=object),
            **losses.with_columns({"highest": chosen.astype(np.int64)}).columns,
        }
    )
    return Outcome(
        input=describe_files(file.paths),
        tables={"losses": kept},
        findings=loss_findings(losses, drop=drop),
        seconds={"check": time.perf_counter() - begun},
    )


def _check_table(file: CleanFile, limits: AnnotationSettings, out: Path) -> Outcome:
    begun = time.perf_counter()
    assert file.table is not None
    n_frames = None if file.movie is None else _length(file.movie)
    findings: list[Finding] = []
    series: list[Table] = []
    if is_population_table(file.table):
        table = read_populations(file.table)
        groups = [c for c in table.columns if c not in ("movie", "frame", "total")]
        for movie in dict.fromkeys(table["movie"].tolist()):
            one = table.rows(np.array([m == movie for m in table["movie"].tolist()]))
            faults = find_count_faults(
                one["frame"],
                {g: one[g] for g in groups},
                total=one["total"],
                limits=limits,
                n_frames=n_frames,
            )
            findings += as_findings(faults, str(file.table))
            series.append(_series(file.table, movie, one["frame"], one["total"]))
    else:
        read = read_lineage_checked(file.table)
        lineage = read.lineage
        findings += [replace(f, file=str(file.table)) for f in read.findings]
        faults = find_position_faults(
            lineage.frame,
            lineage.name,
            lineage.position[:, 1:],
            limits=limits,
            n_frames=n_frames,
        )
        findings += as_findings(faults, str(file.table))
        frame, total = np.unique(lineage.frame, return_counts=True)
        series.append(_series(file.table, "", frame, total))
    tables = {"counts": Table.concatenate(series)}
    written, counted = _show_cliffs(file, findings, series, out)
    if counted is not None:
        tables["cliffs"] = counted
    return Outcome(
        input=describe_files(file.paths),
        tables=tables,
        findings=findings,
        files=written,
        seconds={"check": time.perf_counter() - begun},
    )


def _series(path: Path, movie: str, frame: NDArray[Any], total: NDArray[Any]) -> Table:
    """Return the cells that one table, or one movie in it, says for each frame."""
    n = len(frame)
    return Table(
        {
            "file": np.full(n, str(path), dtype=object),
            "movie": np.full(n, movie, dtype=object),
            "frame": np.asarray(frame, np.int64),
            "total": np.asarray(total, np.float64),
        }
    )


def _show_cliffs(
    file: CleanFile, findings: Sequence[Finding], series: Sequence[Table], out: Path
) -> tuple[list[str], Table | None]:
    """Write the frames around each cliff of a table whose movie is known, and count cells there."""
    cliffs = [stretch[0] for stretch in stretches(f for f in findings if f.rule == "cliff")]
    if file.movie is None or not cliffs:
        return [], None
    try:
        movie = gauged(read_image(file.movie))
        written = write_thumbnails(out, file.key, movie, cliffs)
    except FatescopeError:
        return [], None  # the movie says so as its own unit
    if len(series) > 1:
        return written, None  # which of the table's movies this one is, nobody says
    frames = [f.frame for f in cliffs if f.frame is not None]
    return written, count_at_cliffs(movie, frames, series[0])


def _length(movie: ImageFile) -> int | None:
    """Return the number of frames; a movie that cannot be read says so as its own unit."""
    try:
        return read_image(movie).size("T")
    except FatescopeError:
        return None


def _megapixels(file: CleanFile) -> tuple[float, float]:
    if file.image is None:
        return 0.0, 0.0
    try:
        image = read_image(file.image)
    except FatescopeError:
        return 0.0, 0.0
    frame = image.size("Y") * image.size("X") / 1e6
    return frame * image.size("T"), frame
