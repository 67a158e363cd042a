"""Rendered files to try the app's questions on. The same each time."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, write_labels, write_lineage
from fatescope.base import Execution, Spacing
from fatescope.simulate import (
    LineagePlan,
    NucleiMovieSettings,
    SectionSettings,
    simulate_lineage,
    simulate_nuclei,
    simulate_section,
)
from fatescope.simulate.embryo import LineageSettings, VolumeSettings
from fatescope.simulate.embryo.settings import MovieSettings
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.simulation.embryo import write_embryo_volumes
from fatescope.systems.simulation.movies import write_embryo_movies
from fatescope.systems.simulation.plates import simulate_plate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SEED = 3  # any would do
_ALONE = Execution(workers=1)
_SMALL = {"height": 120, "width": 176, "voxel_um": (1.0, 0.37, 0.37)}


def write_movie(folder: Path) -> None:
    """Render a movie of nuclei."""
    movie = simulate_nuclei(NucleiMovieSettings(frames=6), seed=_SEED)
    _write_pixels(folder / "dividing nuclei.tif", movie.pixels, "TYX", movie.spacing)


def write_section(folder: Path) -> None:
    """Render an electron micrograph."""
    section = simulate_section(SectionSettings(), seed=_SEED)
    _write_pixels(folder / "section.tif", section.pixels, "YX", Spacing())


def write_volume(folder: Path) -> None:
    """Render an embryo in 3D."""
    settings = VolumeSettings(
        cells=(28,), planes=30, height=128, width=180, voxel_um=(1.0, 0.36, 0.36)
    )
    with _rendered_volumes(folder, settings) as (image,):
        image.replace(folder / "embryo of 28 cells.tif")


def write_volumes(folder: Path) -> None:
    """Render frames 40 to 47 of a life as one movie of volumes: some cells divide meanwhile."""
    settings = VolumeSettings(
        frames=tuple(range(40, 48)),
        channels=("nuclei",),
        planes=20,
        height=96,
        width=132,
        voxel_um=(1.5, 0.5, 0.5),
    )
    with _rendered_volumes(folder, settings) as images:
        volumes = [read_image(p) for p in images]
        pixels = np.stack([v.read() for v in volumes])
        _write_pixels(folder / "volumes of an embryo.tif", pixels, "TZYX", volumes[0].spacing)


def write_lineage_table(folder: Path) -> None:
    """Render the table of a lineage."""
    lineage = simulate_lineage(LineagePlan(slowed={"MS": 1.6}), seed=_SEED)
    write_lineage(lineage, folder / "embryo.csv", format="csv")


def write_embryo(folder: Path) -> None:
    """Render a movie of an embryo."""
    movie = MovieSettings.from_values({**_SMALL, "photons": 200})
    lineage = LineageSettings(minutes=100, interval_min=4.0)
    _write_movie(folder, "embryo of 100 minutes", movie, lineage)


def write_faulty(folder: Path) -> None:
    """Render a movie with faults."""
    faults = ("black", "line", "frozen")
    movie = MovieSettings.from_values({**_SMALL, "frames": 60, "faults": faults})
    _write_movie(folder, "faulty movie", movie, LineageSettings())


def write_well(folder: Path) -> None:
    """Render one well over time."""
    settings = _plate(rows=1, columns=1, stained=0, frames=4, height=200, width=240)
    with _rendered_plate(folder, settings) as plate:
        (path,) = (plate / "images").iterdir()
        path.replace(folder / "cells without a stain.tif")


def write_plate(folder: Path) -> None:
    """Render a plate and its map."""
    settings = _plate(rows=2, columns=3, stained=1, frames=6, height=160, width=200)
    with _rendered_plate(folder, settings) as plate:
        (plate / "images").replace(folder / "plate")
        (plate / "map.csv").replace(folder / "plate/map.csv")


def _write_pixels(path: Path, pixels: NDArray[Any], axes: str, spacing: Spacing) -> None:
    write_labels(path, pixels, shape=pixels.shape, axes=axes, dtype=pixels.dtype, spacing=spacing)


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as made:
        yield Path(made)


@contextmanager
def _rendered_volumes(folder: Path, settings: VolumeSettings) -> Iterator[list[Path]]:
    with _beside(folder) as made:
        write_embryo_volumes(made, settings, LineageSettings(), seed=_SEED, execution=_ALONE)
        yield sorted((made / "images").iterdir())


def _write_movie(folder: Path, stem: str, movie: MovieSettings, lineage: LineageSettings) -> None:
    with _beside(folder) as made:
        write_embryo_movies(made, movie, lineage, seed=_SEED, execution=_ALONE)
        (path,) = (made / "movies").iterdir()
        path.replace(folder / f"{stem}{path.suffix}")


def _plate(**values: int) -> PlateSettings:
    return PlateSettings.from_values({"field_rows": 1, "field_columns": 1, "cells": 24, **values})


@contextmanager
def _rendered_plate(folder: Path, settings: PlateSettings) -> Iterator[Path]:
    with _beside(folder) as made:
        simulate_plate(made / "plate", settings=settings, seed=_SEED, execution=_ALONE)
        yield made / "plate"
