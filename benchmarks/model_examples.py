"""Six rendered images for the page of each model, with what the model makes of them.

python -m benchmarks.model_examples [--only nuclei]

Writes ``<model>-<n>.jpg`` and ``examples.csv``, what is said of them, into
``src/fatescope/app/static/models``. The images are rendered with seeds from 900,001 on, which no
training used; the default settings of each model find what is outlined.
"""

import argparse
import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

import fatescope as fs
from fatescope.acquire import read_image, read_table
from fatescope.acquire.plates import read_field, read_plate
from fatescope.acquire.plates.settings import PlateReading
from fatescope.base import Execution, Image, Table
from fatescope.pages import paint_outlines
from fatescope.pages.images import display_limits, to_grey
from fatescope.simulate import (
    NucleiMovieSettings,
    SectionSettings,
    simulate_image,
    simulate_section,
    vary_section,
)
from fatescope.simulate.embryo.movie import MovieScene
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings, VolumeSettings
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.simulation.embryo import write_embryo_volumes
from fatescope.systems.simulation.rendered import read_or_draw
from fatescope.systems.viability.find import predict_viability

FIRST_SEED, N = 900_001, 6
FOLDER = Path(__file__).parent.parent / "src/fatescope/app/static/models"
Drawn = tuple[np.ndarray, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=sorted(MODELS))
    asked = parser.parse_args()
    said = captions()
    for model in [asked.only] if asked.only else sorted(MODELS):
        said[model] = []
        for n, (image, words) in enumerate(MODELS[model]()):
            write_jpeg(FOLDER / f"{model}-{n}.jpg", image)
            said[model].append(words)
            print(f"{model} {n}: {words}", flush=True)
        with (FOLDER / "examples.csv").open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(("model", "words"))
            table.writerows((m, words) for m in sorted(said) for words in said[m])


def captions() -> dict[str, list[str]]:
    """Return what is said of the images of each model."""
    path, said = FOLDER / "examples.csv", dict[str, list[str]]()
    if path.exists():
        table = read_table(path)
        for model, words in zip(table["model"].tolist(), table["words"].tolist(), strict=True):
            said.setdefault(model, []).append(words)
    return said


def write_jpeg(path: Path, image: np.ndarray) -> None:
    stream = io.BytesIO()
    PillowImage.fromarray(image).save(stream, format="JPEG", quality=80, optimize=True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(stream.getvalue())


def seeds() -> Iterator[int]:
    yield from range(FIRST_SEED, FIRST_SEED + N)


def grey_of(pixels: np.ndarray) -> np.ndarray:
    return to_grey(pixels, limits=display_limits(pixels))


def counted(found: int, true: int, what: str) -> str:
    words = what.replace("nuclei", "nucleus") if found == 1 else what
    return f"{found} {words} found, {true} drawn"


def n_of(labels: np.ndarray) -> int:
    return int(len(np.unique(labels)) - (0 in labels))


def nuclei() -> Iterator[Drawn]:
    looks: list[dict[str, Any]] = [
        {},
        {"density": 0.55},
        {"diameter_px": 34},
        {"photons": 25},
        {"touching_share": 1.0, "density": 0.45},
        {"unevenness": 1.0, "haze": 0.5},
    ]
    for seed, look in zip(seeds(), looks, strict=True):
        settings = NucleiMovieSettings.from_values({"height": 224, "width": 224, **look})
        pixels, truth = simulate_image(settings, seed=seed)
        found = fs.segment_nuclei(pixels).labels
        yield paint_outlines(grey_of(pixels), found), counted(n_of(found), n_of(truth), "nuclei")


def nuclei_em() -> Iterator[Drawn]:
    for seed in seeds():
        section = simulate_section(vary_section(SectionSettings(), seed=seed), seed=seed)
        settings = fs.NucleiSettings(model="nuclei-em")
        found = fs.segment_nuclei(section.pixels, settings=settings).labels
        words = counted(n_of(found), n_of(section.labels), "nuclei")
        yield paint_outlines(grey_of(section.pixels), found), words


def membrane() -> Iterator[Drawn]:
    for seed, cells in zip(seeds(), (8, 15, 24, 34, 44, 60), strict=True):
        sizes = {"planes": 30, "height": 128, "width": 180, "voxel_um": (1.0, 0.36, 0.36)}
        settings = VolumeSettings.from_values({"cells": (cells,), **sizes})
        with tempfile.TemporaryDirectory() as made:
            one = Execution(workers=1)
            write_embryo_volumes(Path(made), settings, LineageSettings(), seed=seed, execution=one)
            (path,) = (Path(made) / "images").iterdir()
            (truth,) = (Path(made) / "truth/labels/membrane").iterdir()
            image, true = read_image(path), n_of(read_image(truth).read())
            names = list(image.channels)
            channel = next(i for i, n in enumerate(names) if "membrane" in n.lower())
            asked = fs.MembraneSettings(channel=names[channel])
            found = fs.segment_membranes(image, settings=asked).labels
            middle = image.size("Z") // 2
            plane = grey_of(image.read(C=channel, Z=middle))
            yield paint_outlines(plane, found[middle]), counted(n_of(found), true, "cells in 3D")


def populations() -> Iterator[Drawn]:
    sizes = MovieSettings(height=120, width=176, voxel_um=(1.0, 0.37, 0.37), photons=200)
    for seed in seeds():
        lives = read_or_draw(LineageSettings(minutes=100, interval_min=4.0), table=None, seed=seed)
        scene = MovieScene(lives, sizes, seed=seed)
        movie = np.stack([scene.render(k) for k in range(scene.length)])
        pixels = np.moveaxis(movie, -1, 1)
        image = Image(pixels=pixels, axes="TCYX", channels=("red", "green", "blue"), name="movie")
        counts = fs.count_populations(image).populations
        at = 6 + 3 * (seed - FIRST_SEED)
        row = np.flatnonzero((counts["frame"] == at) & (counts["founder"] == "total"))[0]
        count, low, high = (counts[c][row] for c in ("count", "low", "high"))
        frames, cells = lives.count()
        true = int(cells[np.flatnonzero(frames == at)[0]])
        shown = pixels[at].max(axis=0)
        said = "abstained" if count is None else f"{int(count)} cells ({int(low)} to {int(high)})"
        yield np.repeat(grey_of(shown)[..., None], 3, axis=2), f"frame {at}: {said}, {true} drawn"


def viability() -> Iterator[Drawn]:
    sizes = {"rows": 2, "columns": 3, "stained": 1, "field_rows": 1, "field_columns": 1}
    small = {"frames": 3, "height": 160, "width": 200, "cells": 24}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        settings = PlateSettings.from_values(sizes | small)
        fs.simulate_plate(folder, settings=settings, seed=FIRST_SEED)
        layout = read_plate(folder / "images", PlateReading())
        cells = read_table(folder / "truth/cells.csv")
        for well in layout.wells:
            (field,) = layout.images[well]
            image = read_field(layout, well, field)
            pixels = image.read(T=2, C=0)
            path = folder / f"{well}.tif"
            PillowImage.fromarray(pixels).save(path)
            asked = fs.ViabilitySettings(spacing_um="1.3")
            out = folder / "out" / well
            predict_viability(path, out=out, settings=asked, execution=Execution(workers=1))
            labels = read_image(out / f"labels/{well}.tif").read()
            objects = read_table(out / "objects.csv")
            dead = int((objects["class"].astype(str) == "dead").sum())
            mine = (cells["well"].astype(str) == well) & (cells["frame"] == 2)
            gone = int((cells["state"][mine].astype(str) == "dead").sum())
            words = f"{dead} of {len(objects)} dead, {gone} of {int(mine.sum())} drawn dead"
            yield coloured(grey_of(pixels), labels, objects), words


def coloured(grey: np.ndarray, labels: np.ndarray, objects: Table) -> np.ndarray:
    """Outline the living in green, the dead in magenta."""
    image = paint_outlines(grey, labels)
    for label, kind in zip(objects["label"], objects["class"], strict=True):
        if kind == "dead":
            only = np.where(labels == label, labels, 0)
            marked = paint_outlines(grey, only, marked=int(label))
            edge = (marked != np.repeat(grey[..., None], 3, axis=2)).any(axis=2)
            image[edge] = marked[edge]
    return image


MODELS: dict[str, Callable[[], Iterator[Drawn]]] = {
    "nuclei": nuclei,
    "nuclei-em": nuclei_em,
    "membrane": membrane,
    "populations": populations,
    "viability": viability,
}

if __name__ == "__main__":
    main()
