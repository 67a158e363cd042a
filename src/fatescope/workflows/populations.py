"""Populations, from movies on disk to counts per founder with intervals, tables and a report.

read -> clean -> small frames -> chances of each number of cells -> matched with the growth of
recorded embryos -> counts, clock, abstention. What is not about movies is in
`workflows/predict.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_exclusions
from fatescope.acquire.lineages.growth_file import read_growth
from fatescope.base import Execution, Finding, Image, InputError, Progress, Table, excluded_frames
from fatescope.base.errors import SettingsError
from fatescope.clean import CleanSettings, find_frame_faults, record_frames
from fatescope.lineage.growth import (
    GROUPS,
    GrowthCurves,
    Match,
    PopulationEstimate,
    estimate_populations,
    match_growth,
)
from fatescope.models import check_input, describe_input
from fatescope.predict import open_predictor
from fatescope.predict.populations import (
    CountChances,
    PopulationSettings,
    cells_of_bins,
    level_frame,
    log_chances,
    pad_frame,
    reduction,
    shrink_frame,
)
from fatescope.prepare.movies import marker_channel
from fatescope.workflows.plan import Cost, RunPlan
from fatescope.workflows.predict import Found, System, plan_images, predict_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray
    from fatescope.models import ModelDescription
    from fatescope.models.runtime import Device, Precision
    from fatescope.predict import Predictor, Scratch
    from fatescope.run import Summary
    from fatescope.workflows.predict import Inputs

LETTERS = {
    "A": ("AB",),
    "E": ("E", "EMS"),
    "M": ("MS",),
    "P": ("P0", "P1", "P2", "P3"),
    "C": ("C",),
    "D": ("D",),
}
"""Founders whose cells begin with a letter; P4 is P as one cell and Z as two."""
_LEAST_FRAMES = 8
_LIKENESS_FRAMES = 12
_EDGE_PX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenMovie:
    """What the network and the cleaning say of each frame.

    Parameters
    ----------
    logits : ndarray of float32, shape (frames, bins + 1)
    used : ndarray of bool, shape (frames,)
        Frames without a fault.
    rules : mapping of int to str
        Why a frame is not used.
    unlike : tuple of str
        In what the movie is unlike the training data; empty where it is like them.
    """

    logits: FloatArray
    used: BoolArray
    rules: Mapping[int, str]
    unlike: tuple[str, ...]


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
        settings=settings or PopulationSettings(),
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def plan_populations(
    inputs: Inputs,
    *,
    settings: PopulationSettings | None = None,
    execution: Execution | None = None,
) -> RunPlan:
    """Say what `predict_populations` would do, without doing or writing anything."""
    return plan_images(
        POPULATIONS, inputs, settings=settings or PopulationSettings(), execution=execution
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
    from fatescope.workflows.in_memory import as_image

    how = settings or PopulationSettings()
    minutes = how.interval_min if interval_min is None else interval_min
    image = as_image(movie, axes=axes, interval_min=minutes)
    found = find_populations(image, how, predictor=open_counter(how.model, precision=how.precision))
    return CountedMovie(
        populations=found.tables["populations"],
        frames=found.tables["frames"],
        findings=tuple(found.findings),
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
    _check_movie(image)
    seen = look_at_movie(image, settings, predictor=predictor)
    middle = time.perf_counter()
    output = predictor.description.output_as(CountChances)
    match, estimate = infer_populations(
        seen, output, interval_min=image.spacing.interval_min, curves=shipped_growth()
    )
    unlike = _why_unlike(seen, match, output)
    estimate = _abstained(estimate) if unlike else estimate
    tables = {"populations": count_rows(estimate), "frames": frame_rows(estimate)}
    if settings.letters:
        tables["letters"] = letter_rows(estimate)
    return Found(
        tables=tables,
        findings=list(_findings(image, seen, estimate, output, unlike)),
        record={
            "interval_min_estimated": round(float(match.tempo[0]), 3),
            "frames_counted": int((~estimate.abstained).sum()),
        },
        seconds={"look": middle - begun, "infer": time.perf_counter() - middle},
    )


def look_at_movie(image: Image, settings: PopulationSettings, *, predictor: Predictor) -> SeenMovie:
    """Read a movie once, frame by frame, and return what the network and `clean` say of it."""
    n = image.size("T")
    channel = _channel(image, settings)
    times = reduction((image.size("Y"), image.size("X")))
    white = 255.0 if image.dtype == np.uint8 else _white(image, channel)
    description = predictor.description
    run = _runner(predictor)
    logits: list[FloatArray] = []
    measured: list[dict[str, float]] = []
    every = max(1, n // _LIKENESS_FRAMES)

    def frames() -> Iterator[NDArray[Any]]:
        for t in range(n):
            pixels = image.read(T=t)
            plane = pixels[channel] if pixels.ndim == 3 else pixels
            level = level_frame(shrink_frame(plane, times), white=white)
            if t % every == every // 2:
                measured.append(describe_input(level))
            logits.append(run(pad_frame(level)).copy())
            yield pixels

    rules: dict[int, str] = {}
    if settings.clean and n >= _LEAST_FRAMES:
        record = record_frames(frames(), highest=white)
        rules = {f.frame: f.rule for f in find_frame_faults(record, CleanSettings())}
    else:
        for _ in frames():
            pass
    if settings.exclude is not None:
        gone = excluded_frames(read_exclusions(settings.exclude), image.name, n)
        gone |= excluded_frames(read_exclusions(settings.exclude), Path(image.name).stem, n)
        rules |= dict.fromkeys(np.flatnonzero(gone).tolist(), "excluded")
    used = np.ones(n, dtype=np.bool_)
    used[list(rules)] = False
    return SeenMovie(
        logits=np.concatenate(logits),
        used=used,
        rules=rules,
        unlike=_unlike_frames(measured, description),
    )


def infer_populations(
    seen: SeenMovie,
    output: CountChances,
    *,
    interval_min: float | None,
    curves: GrowthCurves,
) -> tuple[Match, PopulationEstimate]:
    """Return how a movie fits the growth of embryos, and the counts that follow.

    Raises
    ------
    InputError
        If no frame is without a fault.
    """
    if not seen.used.any():
        raise InputError("every frame has a fault or is excluded, so nothing can be counted.")
    match = match_growth(
        log_chances(seen.logits[:, :-1], floor=output.floor),
        seen.used,
        cells_of_bins(),
        curves,
        interval_min=interval_min,
        trust=output.trust,
    )
    estimate = estimate_populations(
        match, curves, n_frames=len(seen.used), up_to=output.counts_up_to
    )
    return match, estimate


@cache
def shipped_growth() -> GrowthCurves:
    """Read the growth of recorded embryos once per process."""
    count, tempo, metadata = read_growth()
    return GrowthCurves(count=count, tempo=tempo, metadata=metadata)


def count_rows(estimate: PopulationEstimate) -> Table:
    """Return ``frame, founder, count, low, high``; empty where the frame is abstained from."""
    n = len(estimate.abstained)
    gone = np.repeat(estimate.abstained, len(GROUPS))

    def column(values: NDArray[Any]) -> NDArray[Any]:
        flat = values.ravel().astype(object)
        flat[gone] = None
        return flat

    return Table(
        {
            "frame": np.repeat(np.arange(n), len(GROUPS)),
            "founder": np.array(GROUPS * n, dtype=object),
            "count": column(estimate.count),
            "low": column(estimate.low),
            "high": column(estimate.high),
        }
    )


def frame_rows(estimate: PopulationEstimate) -> Table:
    """Return ``frame, clock_min, abstained``; the clock is empty where it is abstained from."""
    clock = np.round(estimate.clock_min, 1).astype(object)
    clock[estimate.abstained] = None
    return Table(
        {
            "frame": np.arange(len(clock)),
            "clock_min": clock,
            "abstained": estimate.abstained.astype(np.int64),
        }
    )


def letter_rows(estimate: PopulationEstimate) -> Table:
    """Return cells by the first letter of their names, as published tables have them."""
    of = {g: estimate.count[:, i] for i, g in enumerate(GROUPS)}
    columns = {
        letter: np.sum([of[f] for f in founders], axis=0) for letter, founders in LETTERS.items()
    }
    columns["P"] = columns["P"] + (of["P4"] == 1)
    columns["Z"] = np.where(of["P4"] >= 2, of["P4"], 0)
    order = ("A", "E", "M", "P", "C", "D", "Z")
    kept = ~estimate.abstained
    return Table(
        {
            "frame": np.flatnonzero(kept),
            **{x: columns[x][kept].astype(np.int64) for x in order},
            "total": of["total"][kept],
        }
    )


def _check_movie(image: Image) -> None:
    if "T" not in image.axes or image.size("Z") > 1:
        raise InputError(
            f"{image.name}: has the axes {image.axes}; a movie of maximum projections is wanted "
            "(TYX or TCYX). Project volumes first, or give numbered files with --sequence."
        )
    if image.size("T") < _LEAST_FRAMES:
        raise InputError(
            f"{image.name}: has {image.size('T')} frames; {_LEAST_FRAMES} are the least from which "
            "a tempo can be told."
        )
    if min(image.size("Y"), image.size("X")) < _EDGE_PX:
        raise InputError(
            f"{image.name}: frames of {image.size('X')} x {image.size('Y')} pixels are too small "
            f"to count nuclei; {_EDGE_PX} x {_EDGE_PX} are the least."
        )


def _channel(image: Image, settings: PopulationSettings) -> int:
    if settings.channel is None:
        return marker_channel(image)
    names = list(image.channels)
    if settings.channel in names:
        return names.index(settings.channel)
    if settings.channel.isdecimal() and int(settings.channel) < image.size("C"):
        return int(settings.channel)
    listed = ", ".join([*names, *(str(i) for i in range(image.size("C")))])
    raise SettingsError(
        f"channel = {settings.channel!r}: {image.name} has no such channel; it has {listed}."
    )


def _white(image: Image, channel: int) -> float:
    """Return the value shown as white: the highest of some frames all along the movie."""
    some = np.unique(np.linspace(0, image.size("T") - 1, 12).astype(int)).tolist()
    values = [image.read(T=t, C=channel) for t in some]
    highest = [float(np.nan_to_num(v, posinf=0, neginf=0).max()) for v in values]
    return max(float(np.max(highest)), 1e-9)


def _runner(predictor: Predictor) -> Any:
    network: Any = predictor.network(lambda: (), None)  # type: ignore[arg-type]
    return lambda level: network.run(level[None, None])


def _unlike_frames(
    measured: Sequence[dict[str, float]], description: ModelDescription
) -> tuple[str, ...]:
    """Return what most of the frames are complained of; empty where most are like training."""
    said = [check_input(m, description) for m in measured]
    complaints = [s for s in said if s]
    flat = sum(not m for m in measured)
    if flat > len(measured) / 2:
        return ("its frames show nothing",)
    if len(complaints) <= len(measured) / 2:
        return ()
    return tuple(complaints[len(complaints) // 2][:2])


def _why_unlike(seen: SeenMovie, match: Match, output: CountChances) -> str:
    if seen.unlike:
        return "; ".join(seen.unlike)
    if match.fit < output.least_fit:
        return (
            "no growth of a recorded embryo explains it "
            f"({match.fit:.1f}; at least {output.least_fit:.1f} in training)"
        )
    return ""


def _abstained(estimate: PopulationEstimate) -> PopulationEstimate:
    zero = np.zeros_like(estimate.count)
    return PopulationEstimate(
        count=zero,
        low=zero,
        high=zero,
        clock_min=estimate.clock_min,
        abstained=np.ones_like(estimate.abstained),
    )


def _findings(
    image: Image,
    seen: SeenMovie,
    estimate: PopulationEstimate,
    output: CountChances,
    unlike: str,
) -> Iterator[Finding]:
    """Say what is odd about a movie: unlike the training data, a neighbour, bridged frames."""
    if unlike:
        yield Finding(
            file=image.name,
            rule="unlike-training",
            severity="warning",
            reason=f"The movie is unlike those that the model was trained on: {unlike}. Nothing "
            "was counted. It takes maximum projections of nuclei in C. elegans embryos.",
        )
        return
    beside = 1 / (1 + np.exp(-seen.logits[seen.used, -1].astype(np.float64)))
    chance = float(np.median(beside))
    if chance > output.neighbour:
        yield Finding(
            file=image.name,
            rule="neighbour",
            severity="warning",
            value=round(chance, 3),
            limit=output.neighbour,
            reason="Part of another embryo seems to be in the field. Its nuclei are not counted; "
            "crop the movie where the two overlap.",
        )
    if seen.rules:
        named = ", ".join(sorted(set(seen.rules.values())))
        yield Finding(
            file=image.name,
            rule="bridged",
            severity="info",
            value=float(len(seen.rules)),
            reason=f"{len(seen.rules)} of {len(seen.used)} frames are faulty or excluded "
            f"({named}); their counts come from the frames around them.",
        )
    gone = int(estimate.abstained.sum())
    if gone:
        first = int(np.flatnonzero(estimate.abstained)[0])
        yield Finding(
            file=image.name,
            frame=first,
            rule="abstained",
            severity="info",
            value=float(gone),
            reason=f"{gone} of {len(seen.used)} frames, the first of them {first}, are of a stage "
            f"that no recording of the training covers (more than about {output.counts_up_to} "
            "cells); nothing is said of them.",
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
    from fatescope.report import population_page
    from fatescope.report.page import write_page

    write_page(out / "report.html", population_page(out))
    return ("report.html",)


POPULATIONS: System[PopulationSettings] = System(
    command="predict populations",
    cost=Cost(cpu_seconds=0.05, memory_mb=30.0, output_mb=0.003, unit_seconds=1.2, unit_mb=0.5),
    find=find_populations,
    write_pages=_write_pages,
    open_model=open_counter,
    called="movie",
    bridges=True,
)
"""By megapixel of a movie's frames (`benchmarks/populations.py`)."""
