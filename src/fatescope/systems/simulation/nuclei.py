"""Rendered images as files, with their truth beside them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import write_labels, write_table
from fatescope.base import Execution, Spacing, Table
from fatescope.engine import Run, Summary
from fatescope.engine.plan import Cost, RunPlan, estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fatescope.simulate import (
        CrowdSettings,
        FieldSettings,
        NucleiMovieSettings,
        SectionSettings,
    )

_MOVIE = Cost(cpu_seconds=0.6, memory_mb=10.0, output_mb=1.6, unit_seconds=0.3, start_mb=125.0)
_IMAGE = Cost(cpu_seconds=1.2, memory_mb=60.0, output_mb=1.2, unit_seconds=0.05, start_mb=125.0)
_STACK = Cost(cpu_seconds=1.5, memory_mb=60.0, output_mb=1.5, unit_seconds=0.1, start_mb=125.0)
"""By a million pixels, of a movie and of still images, and of voxels."""
_SIDE, _PLANES = 3, 45  # of a typical stack: rows in diameters, planes

_Drawn = tuple["NDArray[Any]", "NDArray[Any]", Spacing]  # pixels, labels and size of a pixel


def plan_simulation(
    settings: NucleiMovieSettings | FieldSettings | SectionSettings, *, command: str
) -> RunPlan:
    """Say what rendering a movie of nuclei, fields or sections would cost; nothing is written."""
    megapixels = settings.height * settings.width / 1e6
    frames = getattr(settings, "frames", None)
    if frames is not None:
        whole = megapixels * frames
        sizes, cost, what = [(whole, whole)], _MOVIE, "movies"
    else:
        n = getattr(settings, "count", 1)
        sizes, cost, what = [(megapixels, megapixels)] * n, _IMAGE, "images"
    return estimate(command, sizes, cost=cost, what=what, execution=Execution(workers=1))


def plan_crowds(settings: CrowdSettings, *, command: str) -> RunPlan:
    """Say what rendering stacks of crowds would cost, as large as they may become on average."""
    side = min(settings.side_px, _SIDE * (settings.least_diameter_px + settings.most_diameter_px))
    megavoxels = side**2 * min(settings.planes, _PLANES) / 1e6
    sizes = [(megavoxels, megavoxels)] * settings.count
    return estimate(command, sizes, cost=_STACK, what="stacks", execution=Execution(workers=1))


def write_nuclei_movie(
    out: Path, settings: NucleiMovieSettings, *, seed: int, fresh: bool = False
) -> Summary:
    """Render a movie of nuclei into a folder.

    ``out`` gets ``nuclei.tif`` (16 bit, axes and spacing inside, opens in Fiji),
    ``truth/labels/nuclei.tif``, ``truth/spots.csv`` and ``run.json``. The same seed and settings
    give the same bytes.
    """
    from fatescope.simulate import simulate_nuclei

    key = "nuclei"
    record = {**settings.model_dump(mode="json"), "seed": seed}
    with Run.open(out, command="simulate nuclei", settings=record, fresh=fresh) as run:
        if run.pending([key]):
            begun = time.monotonic()
            movie = simulate_nuclei(settings, seed=seed)
            images, labels = "nuclei.tif", "truth/labels/nuclei.tif"
            for path, pixels in ((images, movie.pixels), (labels, movie.labels)):
                write_labels(
                    run.out / path,
                    pixels,
                    shape=pixels.shape,
                    axes="TYX",
                    dtype=pixels.dtype,
                    spacing=movie.spacing,
                )
            spots = "truth/spots.csv"
            write_table(movie.spots, run.out / spots)
            run.record(
                key,
                files=[images, labels, spots],
                seconds={"simulate": time.monotonic() - begun},
            )
        return run.finish()


def write_sections(
    out: Path, settings: SectionSettings, *, seed: int, fresh: bool = False
) -> Summary:
    """Render sections of embryos, as an electron microscope shows them, into a folder.

    ``out`` gets ``images/section_0000.tif`` and so on (8 bit), ``truth/labels/`` with the same
    names, ``index.csv``, which makes the folder an input of ``prepare pairs``, and ``run.json``.
    The same seed and settings give the same bytes; a larger ``count`` adds images.
    """
    from fatescope.simulate import simulate_section, vary_section

    def draw(own: int) -> _Drawn:
        section = simulate_section(vary_section(settings, seed=own), seed=own)
        return section.pixels, section.labels, Spacing()

    return _write_images(out, "section", draw, settings=settings, seed=seed, fresh=fresh)


def write_fields(out: Path, settings: FieldSettings, *, seed: int, fresh: bool = False) -> Summary:
    """Render still images of nuclei, 16 bit, each with a look of its own, as `write_sections`."""
    from fatescope.simulate import simulate_field
    from fatescope.simulate.fields import UNSEEN

    def draw(own: int) -> _Drawn:
        return *simulate_field(settings, seed=own), Spacing()

    return _write_images(
        out, "field", draw, settings=settings, seed=seed, fresh=fresh, unsure_label=UNSEEN
    )


def write_crowds(out: Path, settings: CrowdSettings, *, seed: int, fresh: bool = False) -> Summary:
    """Render stacks of crowded nuclei, 16 bit, ZYX with spacing, as `write_sections`."""
    from fatescope.simulate import simulate_crowd

    def draw(own: int) -> _Drawn:
        crowd = simulate_crowd(settings, seed=own)
        pixel = settings.pixel_um
        spacing = Spacing.of(source="file", Z=crowd.plane_px * pixel, Y=pixel, X=pixel)
        return crowd.pixels, crowd.labels, spacing

    return _write_images(out, "crowd", draw, settings=settings, seed=seed, fresh=fresh)


def _write_images(
    out: Path,
    what: str,
    draw: Callable[[int], _Drawn],
    *,
    settings: SectionSettings | FieldSettings | CrowdSettings,
    seed: int,
    fresh: bool,
    unsure_label: int | None = None,
) -> Summary:
    """Write ``settings.count`` images, each its own unit, drawn from seeds of their own."""
    record = {**settings.model_dump(mode="json", exclude={"count"}), "seed": seed}
    with Run.open(out, command=f"simulate {what}s", settings=record, fresh=fresh) as run:
        keys = [f"{what}_{i:04d}" for i in range(settings.count)]
        for key in run.pending(keys):
            begun = time.monotonic()
            *drawn, spacing = draw(seed * 10_000 + int(key.rpartition("_")[2]))
            files = [f"images/{key}.tif", f"truth/labels/{key}.tif"]
            for path, pixels in zip(files, drawn, strict=True):
                write_labels(
                    run.out / path,
                    pixels,
                    shape=pixels.shape,
                    axes="ZYX"[-pixels.ndim :],
                    dtype=pixels.dtype,
                    spacing=spacing,
                )
            run.record(key, files=files, seconds={"simulate": time.monotonic() - begun})
        names = np.array(keys, dtype=object)
        index: dict[str, Any] = {"name": names, "unit": names}
        if unsure_label is not None:
            index["unsure_label"] = np.full(len(names), unsure_label)
        write_table(Table(index), run.out / "index.csv")
        run.wrote("index.csv")
        return run.finish()
