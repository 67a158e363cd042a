"""Live and dead cells in bright field, from files on disk to boxes, tables and a report.

read -> scale -> normalise -> network on tiles -> boxes -> measured -> written. What is not about
live and dead cells is in `engine/predict.py`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_pixels, gauged
from fatescope.base import Execution, Finding, Image, Progress, SettingsError, Table
from fatescope.engine.found import Found
from fatescope.engine.in_memory import as_image, find_in_image
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System, predict_images
from fatescope.plate import wilson_interval
from fatescope.predict import Predictor, check_modality, open_frames, open_predictor
from fatescope.predict.size import pixel_stretch, scale_from_settings
from fatescope.systems.live_dead.boxes import (
    FrameCells,
    choose_cell_scale,
    find_whole_cells,
    open_live_dead,
    shared_cell_scale,
)
from fatescope.systems.live_dead.settings import LiveDeadSettings
from fatescope.systems.nuclei.cell_words import of_cells
from fatescope.systems.nuclei.find import decide_sizes, kind_of_labels, measure_labels

if TYPE_CHECKING:
    from fatescope.acquire import ImageFile
    from fatescope.engine import Summary
    from fatescope.engine.given import Inputs
    from fatescope.engine.in_memory import ImageLike, SegmentedImage
    from fatescope.engine.worker import Worker
    from fatescope.predict import ImageFrame, Scratch
    from fatescope.predict.size import ScalePlan
    from fatescope.systems.nuclei.find import Sizes


def predict_live_dead(
    inputs: Inputs,
    *,
    out: Path | str,
    settings: LiveDeadSettings | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Find cells in bright field and say which are dead; what ``predict live-dead`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Images, stacks, movies, or folders of them.
    out : path
        Output folder. The same call again continues, also with more inputs.
    settings : LiveDeadSettings, optional
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Summary
        The results are in ``out``: ``objects`` and ``viability`` (Parquet and CSV), label images,
        ``images.csv``, ``findings.csv``, ``run.json`` and ``report.html``.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. An image that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_live_dead("chamber.png", out="results")  # doctest: +SKIP
    """
    return predict_images(
        LIVE_DEAD,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def find_live_dead(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    settings: LiveDeadSettings | None = None,
) -> SegmentedImage:
    """Find the cells of a bright-field image and say which are dead, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    settings : LiveDeadSettings, optional

    Returns
    -------
    SegmentedImage
        The same rows, to the bit, as `predict_live_dead` writes for a file of the image, and
        ``viability``; labels are the ellipses in the boxes.

    Raises
    ------
    InputError, SettingsError, ModelError

    Examples
    --------
    >>> import fatescope as fs
    >>> found = fs.find_live_dead(np.zeros((64, 64), np.uint8))
    >>> len(found.objects), found.viability["n"].tolist()
    (0, [0])
    """
    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    return find_in_image(LIVE_DEAD, whole, settings)


def open_live_dead_model(name_or_path: str, **how: Any) -> Predictor:
    """Open a model as `open_predictor` does, and refuse one that finds no live and dead cells."""
    predictor = open_predictor(name_or_path, **how)
    open_live_dead(predictor)
    return predictor


def find_boxed_cells(
    image: Image,
    settings: LiveDeadSettings,
    *,
    predictor: Predictor | None = None,
    scratch: Scratch | None = None,
    decided: Sizes | None = None,
) -> Found:
    """Find and measure the cells of one image; the `System.find` of live and dead cells.

    ``decided`` is what `decide_sizes` found where images share a size.
    """
    begun = time.perf_counter()
    if predictor is None:
        predictor = open_live_dead_model(settings.model, precision=settings.precision)
    image = gauged(image)
    frames, findings = open_frames(image, channel=_channel(image, settings), predictor=predictor)
    plan = _plan_for(image, predictor, settings, decided, frames)
    findings.append(plan.finding(image.name))
    findings += check_modality(frames, plan, predictor, file=image.name)
    findings += _planes_apart(image)
    seconds = {"read and scale": time.perf_counter() - begun, "segment": 0.0, "measure": 0.0}
    tables, labels, counts = [], [], []
    for frame in frames:
        begun = time.perf_counter()
        cells = find_whole_cells(frame, predictor, plan, settings)
        seconds["segment"] += time.perf_counter() - begun
        begun = time.perf_counter()
        table = _measure_cells(cells, frame, image, settings)
        seconds["measure"] += time.perf_counter() - begun
        frame.release()
        tables.append(table)
        labels.append(cells.labels)
        counts.append((frame.frame, len(table), int((table["state"] == "live").sum())))
    channel = frames[0].planes[0].at["C"]
    findings += check_pixels(image, channel=channel)
    diameter = {}
    if plan.diameter_px is not None:
        diameter = {"value": round(plan.diameter_px, 2), "unit": "px", "source": plan.source}
    return Found(
        tables={"objects": Table.concatenate(tables), "viability": viability_of_images(counts)},
        rasters={"labels": labels},
        kind=settings.labels,
        findings=[of_cells(f) for f in findings],
        record={"diameter": diameter, "channel": channel},
        seconds=seconds,
    )


def look_at_cells(
    file: ImageFile, *, worker: Worker[LiveDeadSettings], known: Sequence[str]
) -> tuple[str, ScalePlan | None]:
    """Return the kind of an image, and what it alone says of the size unless its kind is known."""
    image, predictor = worker.open(file)
    channel = _channel(image, worker.settings)
    frames, _ = open_frames(image, channel=channel, predictor=predictor)
    kind = kind_of_labels(image, frames)
    return kind, None if kind in known else choose_cell_scale(frames, predictor, worker.settings)


def _plan_for(
    image: Image,
    predictor: Predictor,
    settings: LiveDeadSettings,
    sizes: Sizes | None,
    frames: Sequence[ImageFrame],
) -> ScalePlan:
    """Return the plan of an image: its own, or that of its kind where sizes were decided."""
    model, spacing = predictor.description, image.spacing
    if sizes is None or scale_from_settings(settings, model, spacing) is not None:
        return choose_cell_scale(frames, predictor, settings)
    diameter = sizes.get(kind_of_labels(image, frames))
    return shared_cell_scale(diameter, model, stretch=pixel_stretch(spacing))


def _measure_cells(
    cells: FrameCells, frame: ImageFrame, image: Image, settings: LiveDeadSettings
) -> Table:
    """Measure the ellipses of a frame's cells in all channels, and say what is dead."""
    table = measure_labels(cells.labels, cells.labels.shape, frame, image)
    row = table["label"] - 1
    corners = cells.corners[row]
    dead = cells.p_dead[row] >= settings.dead_from
    return table.with_columns(
        {
            **{n: corners[:, k].round(2) for k, n in ((1, "x0"), (0, "y0"), (3, "x1"), (2, "y1"))},
            "p_dead": cells.p_dead[row].round(4),
            "state": np.where(dead, "dead", "live").astype(object),
            "score": cells.score[row].round(4),
        }
    )


def viability_of_images(counts: Sequence[tuple[int, int, int]]) -> Table:
    """Return one row for each frame: ``frame, n, alive, viability, low, high``.

    Parameters
    ----------
    counts : sequence of (frame, cells, cells alive)

    Notes
    -----
    The interval (95 %, Wilson) is that of a share of so many cells, as if each were drawn alone
    and classified without error; a frame without cells has none.
    """
    frame, n, alive = np.array(counts, dtype=np.int64).reshape(-1, 3).T
    low, high = wilson_interval(alive, n)
    share = np.divide(alive, n, out=np.full(len(n), np.nan), where=n > 0)
    return Table(
        {"frame": frame, "n": n, "alive": alive, "viability": share, "low": low, "high": high}
    )


def _channel(image: Image, settings: LiveDeadSettings) -> str | None:
    """Return the channel that is asked for, or the only one whose name speaks of bright field."""
    if settings.channel is not None or image.size("C") == 1:
        return settings.channel
    words = ("bright", "trans", "phase", "dic", "bf")
    named = [n for n in image.channels if any(w in n.lower() for w in words)]
    if len(named) == 1:
        return named[0]
    listed = ", ".join(image.channels) or f"0 to {image.size('C') - 1}"
    raise SettingsError(
        f"image {image.name!r} has the channels {listed}. Say with --channel which one is bright "
        "field."
    )


def _planes_apart(image: Image) -> list[Finding]:
    """Say that planes were looked at one by one, where there are several."""
    if image.size("Z") == 1:
        return []
    return [
        Finding(
            file=image.name,
            rule="planes-apart",
            severity="warning",
            value=float(image.size("Z")),
            reason=f"The {image.size('Z')} planes were looked at one by one: a cell that is seen "
            "in several is counted in each. Give a single plane for counts.",
        )
    ]


def _write_pages(out: Path) -> tuple[str, ...]:
    from fatescope.pages.page import write_page
    from fatescope.systems.live_dead.page import live_dead_page

    write_page(out / "report.html", live_dead_page(out))
    return ("report.html",)


LIVE_DEAD: System[LiveDeadSettings] = System(
    command="predict live-dead",
    settings=LiveDeadSettings,
    cost=Cost(
        cpu_seconds=0.4,
        unit_seconds=0.05,
        memory_mb=40.0,
        output_mb=0.02,
        unit_mb=0.02,
        start_mb=250.0,
    ),
    find=find_boxed_cells,
    open_model=open_live_dead_model,
    decide=partial(decide_sizes, look=look_at_cells),
    write_pages=_write_pages,
)
