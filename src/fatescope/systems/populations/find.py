"""Populations, from movies on disk to counts per founder with intervals, tables and a report.

read -> clean -> small frames -> chances of each number of cells -> matched with the growth of
recorded embryos -> counts, clock, abstention. What is not about movies is in
`engine/predict.py`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire import check_film, check_left_out, gauged
from fatescope.base import Execution, Finding, Image, Progress, Table
from fatescope.engine.found import Found
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System, predict_images
from fatescope.predict import open_predictor
from fatescope.systems.populations.counts import (
    abstained_from,
    count_rows,
    frame_rows,
    infer_populations,
    letter_rows,
    movie_findings,
    shipped_growth,
    why_unlike,
)
from fatescope.systems.populations.frames import check_movie, counted_channel, look_at_movie
from fatescope.systems.populations.inference import LOST, CountChances
from fatescope.systems.populations.settings import PopulationSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.engine import Summary
    from fatescope.engine.given import Inputs
    from fatescope.models.runtime import Device, Precision
    from fatescope.predict import Predictor, Scratch


def predict_populations(
    inputs: Inputs,
    *,
    out: Path | str,
    settings: PopulationSettings | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Count the cells of each founder in movies; what ``predict populations`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Movies (maximum projections), or folders of them.
    out : path
        Output folder. The same call again continues, also with more movies.
    settings : PopulationSettings, optional
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Returns
    -------
    Summary
        The results are in ``out``: ``populations.csv``, ``frames.csv``, ``images.csv``,
        ``findings.csv``, ``run.json`` and ``report.html``.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. A movie that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_populations("embryo.mov", out="results")  # doctest: +SKIP
    """
    return predict_images(
        POPULATIONS,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedMovie:
    """The cells of each founder in every frame of a movie.

    Parameters
    ----------
    populations : Table
        ``frame, founder, count, low, high``; empty where the frame is abstained from.
    frames : Table
        ``frame, clock_min, abstained``.
    findings : tuple of Finding
    """

    populations: Table
    frames: Table
    findings: tuple[Finding, ...]


def count_populations(
    movie: Image | NDArray[Any] | Path | str,
    settings: PopulationSettings | None = None,
    *,
    axes: str | None = None,
    interval_min: float | None = None,
) -> CountedMovie:
    """Count the cells of each founder in a movie; nothing is written.

    Parameters
    ----------
    movie : Image, path, or ndarray
        Maximum projections, TYX or TCYX; of red, green, blue the green one shows nuclei.
    settings : PopulationSettings, optional
    axes : str, optional
        Of an array.
    interval_min : float, optional
        Between frames; found from the movie where it is not given.

    Raises
    ------
    InputError
        If it is no movie, or has fewer than eight frames.
    ModelError
        If there is no such model, or it does not count.

    Examples
    --------
    >>> count_populations("embryo.mov").populations.to_pandas()  # doctest: +SKIP
    """
    from fatescope.engine.in_memory import as_image

    how = settings or PopulationSettings()
    minutes = how.interval_min if interval_min is None else interval_min
    image = as_image(movie, axes=axes, interval_min=minutes)
    found = find_populations(image, how, predictor=open_counter(how.model, precision=how.precision))
    return CountedMovie(
        populations=found.tables["populations"],
        frames=found.tables["frames"],
        findings=(*check_left_out(image), *found.findings),
    )


def find_populations(
    image: Image,
    settings: PopulationSettings,
    *,
    predictor: Predictor,
    scratch: Scratch | None = None,
    decided: object = None,
) -> Found:
    """Count the cells in one movie; the `System.find` of populations."""
    begun = time.perf_counter()
    check_movie(image)
    image = gauged(image, channel=counted_channel(image, settings))
    seen = look_at_movie(image, settings, predictor=predictor)
    middle = time.perf_counter()
    output = predictor.description.output_as(CountChances)
    match, estimate = infer_populations(
        seen, output, interval_min=image.spacing.interval_min, curves=shipped_growth()
    )
    unlike = why_unlike(seen, match, output)
    estimate = abstained_from(estimate) if unlike or seen.border > LOST else estimate
    tables = {"populations": count_rows(estimate), "frames": frame_rows(estimate)}
    if settings.letters:
        tables["letters"] = letter_rows(estimate)
    return Found(
        tables=tables,
        findings=[*movie_findings(image, seen, estimate, output, unlike), *check_film(image)],
        record={
            "channel": counted_channel(image, settings),
            "interval_min_estimated": round(float(match.tempo[0]), 3),
            "frames_counted": int((~estimate.abstained).sum()),
        },
        seconds={"look": middle - begun, "infer": time.perf_counter() - middle},
    )


def open_counter(
    name_or_path: str | Path,
    *,
    precision: Precision = "auto",
    threads: int | None = 1,
    device: Device = "auto",
) -> Predictor:
    """Open a model and refuse one that does not count."""
    predictor = open_predictor(name_or_path, precision=precision, threads=threads, device=device)
    predictor.description.output_as(CountChances)
    return predictor


def _write_pages(out: Path) -> tuple[str, ...]:
    from fatescope.pages.page import write_page
    from fatescope.systems.populations.page import population_page

    write_page(out / "report.html", population_page(out))
    return ("report.html",)


POPULATIONS: System[PopulationSettings] = System(
    command="predict populations",
    settings=PopulationSettings,
    cost=Cost(cpu_seconds=0.05, memory_mb=30.0, output_mb=0.003, unit_seconds=1.2, unit_mb=0.5),
    find=find_populations,
    write_pages=_write_pages,
    open_model=open_counter,
    called="movie",
    bridges=True,
)
"""By megapixel of a movie's frames (`benchmarks/populations.py`)."""
