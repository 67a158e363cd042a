"""Rendered files to try a question on, one click away. The same each time."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire import write_labels, write_lineage
from fatescope.app.store import NotHereError
from fatescope.base import Execution, Spacing

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_SEED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Files that ``write`` renders into an empty folder; a question names those that fit it."""

    name: str
    title: str
    text: str
    write: Callable[[Path], None]


def _write_pixels(path: Path, pixels: NDArray[Any], axes: str, spacing: Spacing) -> None:
    write_labels(path, pixels, shape=pixels.shape, axes=axes, dtype=pixels.dtype, spacing=spacing)


def _movie(folder: Path) -> None:
    from fatescope.simulate import NucleiMovieSettings, simulate_nuclei

    movie = simulate_nuclei(NucleiMovieSettings(frames=6), seed=_SEED)
    _write_pixels(folder / "dividing nuclei.tif", movie.pixels, "TYX", movie.spacing)


def _section(folder: Path) -> None:
    from fatescope.simulate import SectionSettings, simulate_section

    section = simulate_section(SectionSettings(), seed=_SEED)
    _write_pixels(folder / "section.tif", section.pixels, "YX", Spacing())


def _volume(folder: Path) -> None:
    from fatescope.simulate.embryo import LineageSettings, VolumeSettings
    from fatescope.systems.simulation.embryo import write_embryo_volumes

    settings = VolumeSettings(
        cells=(28,), planes=30, height=128, width=180, voxel_um=(1.0, 0.36, 0.36)
    )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as made:
        write_embryo_volumes(
            Path(made), settings, LineageSettings(), seed=_SEED, execution=Execution(workers=1)
        )
        (image,) = (Path(made) / "images").iterdir()
        image.replace(folder / "embryo of 28 cells.tif")


def _lineage(folder: Path) -> None:
    from fatescope.simulate import LineagePlan, simulate_lineage

    lineage = simulate_lineage(LineagePlan(slowed={"MS": 1.6}), seed=_SEED)
    write_lineage(lineage, folder / "embryo.csv", format="csv")


def _embryo(folder: Path) -> None:
    from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
    from fatescope.systems.simulation.movies import write_embryo_movies

    movie = MovieSettings(height=120, width=176, voxel_um=(1.0, 0.37, 0.37), photons=200)
    lineage = LineageSettings(minutes=100, interval_min=4.0)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as made:
        write_embryo_movies(Path(made), movie, lineage, seed=_SEED, execution=Execution(workers=1))
        (path,) = (Path(made) / "movies").iterdir()
        path.replace(folder / f"embryo of 100 minutes{path.suffix}")


def _plate(folder: Path) -> None:
    from fatescope.simulate.plate.settings import PlateSettings
    from fatescope.systems.simulation.plates import simulate_plate

    settings = PlateSettings(
        rows=2,
        columns=3,
        stained=1,
        field_rows=1,
        field_columns=1,
        frames=6,
        cells=24,
        height=160,
        width=200,
    )
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as made:
        simulate_plate(
            Path(made) / "plate", settings=settings, seed=_SEED, execution=Execution(workers=1)
        )
        (Path(made) / "plate/images").replace(folder / "plate")
        (Path(made) / "plate/map.csv").replace(folder / "plate/map.csv")


EXAMPLES = (
    Example(
        name="movie",
        title="A movie of nuclei",
        text="Six frames of fluorescent nuclei that divide.",
        write=_movie,
    ),
    Example(
        name="volume",
        title="An embryo in 3D",
        text="28 cells with stained membranes and nuclei.",
        write=_volume,
    ),
    Example(
        name="embryo",
        title="A movie of an embryo",
        text="100 minutes of development, from two cells to some fifty.",
        write=_embryo,
    ),
    Example(
        name="plate",
        title="A plate of living and dead cells",
        text="Six wells without a stain, six frames in 18 hours, with their map.",
        write=_plate,
    ),
    Example(
        name="section",
        title="An electron micrograph",
        text="A section through an embryo, pixel size not known.",
        write=_section,
    ),
    Example(
        name="lineage",
        title="A lineage table",
        text="Every nucleus of an embryo, named and linked; its MS cells live too long.",
        write=_lineage,
    ),
)


def example_named(name: str) -> Example:
    """Return an example by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = next((e for e in EXAMPLES if e.name == name), None)
    if found is None:
        raise NotHereError("there is no such example.")
    return found
