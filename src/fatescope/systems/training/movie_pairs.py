"""`prepare pairs --movies --tables`: movies and their lineage tables become one manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire import listed_paths
from fatescope.base import InputError, escape
from fatescope.engine import Run
from fatescope.prepare import audit_units, check_leaks, write_samples
from fatescope.prepare.movies import movie_samples, pair_movies
from fatescope.systems.training.divided import DividedSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Finding
    from fatescope.engine import Summary
    from fatescope.prepare import PairSettings, Sample


def prepare_movie_pairs(
    inputs: Sequence[Path], *, out: Path, settings: PairSettings, fresh: bool = False
) -> Summary:
    """Write ``samples.csv``: one row for each annotated frame, divided by movie and audited.

    Parameters
    ----------
    inputs : sequence of Path
        Must be empty: folders are named by the settings.
    out : Path
        Takes ``samples.csv`` and ``findings.csv``.
    settings : PairSettings
        ``movies`` and ``tables`` are folders, with commas between, in the same order.
    fresh : bool
        Remove what an earlier run left in ``out`` first.

    Raises
    ------
    InputError
        If a folder is missing, or nothing fits.
    """
    folders = _folders(inputs, settings)
    samples: list[Sample] = []
    findings: list[Finding] = []
    for movies, tables in folders:
        pairs, complaints = pair_movies(movies, tables)
        samples += movie_samples(pairs, movies=movies, settings=settings)
        findings += complaints
    _refuse_same_names(samples)
    check_leaks(
        audit_units(
            [s.unit for s in samples],
            [s.frame for s in samples],
            [s.split for s in samples],
            [f"{s.image} frame {s.frame}" for s in samples],
            guard_frames=settings.guard_frames,
        )
    )
    with Run.open(out, command="prepare pairs", settings=settings.model_dump(), fresh=fresh) as run:
        run.pending(["samples"])
        write_samples(out / "samples.csv", samples)
        run.record("samples", findings=findings, files=["samples.csv"])
        return DividedSummary.of(run.finish(), samples)


def _folders(inputs: Sequence[Path], settings: PairSettings) -> list[tuple[Path, Path]]:
    movies, tables = listed_paths(settings.movies), listed_paths(settings.tables)
    if not movies or len(movies) != len(tables) or inputs or settings.images or settings.labels:
        raise InputError(
            "--movies and --tables belong together, one folder of tables for each folder of "
            f"movies, and nothing else is given with them; got {len(movies)} and {len(tables)}."
        )
    for folder in (*movies, *tables):
        if not folder.is_dir():
            raise InputError(f"{escape(folder)}: there is no such folder. Correct the path.")
    return list(zip(movies, tables, strict=True))


def _refuse_same_names(samples: Sequence[Sample]) -> None:
    """Raise where two folders have a movie of one name: the name is the independent unit."""
    first: dict[str, Path] = {}
    for s in samples:
        if first.setdefault(s.unit, s.image) != s.image:
            raise InputError(
                f"{escape(s.image)} and {escape(first[s.unit])} have one name, and names tell "
                "embryos apart. Rename one, with its table."
            )
