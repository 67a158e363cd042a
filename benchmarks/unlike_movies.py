"""What the counting model sees of movies of embryos and of other kinds, for `unlike_training`."""

import csv

import numpy as np
import skimage.io
from benchmarks.population_movies import LEFT_OUT, scene_of
from benchmarks.unlike_images import (
    CHANGED,
    DRAWN,
    as_bytes,
    bounded,
    pick,
    recorded_kinds,
)
from scipy import ndimage
from scipy.io import loadmat

from fatescope.acquire import read_image
from fatescope.base import Image
from fatescope.predict import open_predictor
from fatescope.systems.populations.counts import infer_populations, shipped_growth, why_unlike
from fatescope.systems.populations.frames import look_at_movie
from fatescope.systems.populations.inference import CountChances
from fatescope.systems.populations.settings import PopulationSettings

FRAMES, EACH, EVERY = 24, 6, 5
OWN = (*range(12, 24), 212, 214, 216, *range(300, 560, 2))
"""Numbers of `population_movies`: those for the test, and others drawn from the atlas."""


def collect(package, data, cache):
    """Return of each movie its kind, its unit, its traits, and whether it is flagged today."""
    rng = np.random.default_rng(5)
    predictor = open_predictor(str(package.source))
    own = [(f"m{n}", *rendered(n, data, cache)) for n in OWN]
    recorded = read_image(data / "devolearn_samples/embryo_timelapse.mov")
    films = [recorded.read(T=t, C=1) for t in range(60, 180, 5)]
    seen = [{"kind": "own", "unit": unit, **look(m, predictor, every)} for unit, m, every in own]
    movies = [("own", "recorded", np.stack(films))]
    for kind, draw in DRAWN.items():
        movies += [(kind, kind, drifting(draw(rng), rng)) for _ in range(EACH)]
    for kind, planes in (recorded_kinds(data, rng) | {"slice": slices(data)}).items():
        movies += [(kind, kind, drifting(plane, rng)) for plane in planes[:EACH]]
    movies += [(kind, kind, movie) for kind, movie in recorded_movies(data)]
    for _, movie, _ in pick(own, EACH, rng):
        for kind, change in CHANGED.items():
            movies.append((kind, kind, np.stack([change(frame, rng) for frame in movie])))
    return seen + [
        {"kind": kind, "unit": unit, **look(movie, predictor)} for kind, unit, movie in movies
    ]


def look(movie, predictor, interval_min=None):
    output = predictor.description.output_as(CountChances)
    seen = look_at_movie(Image(pixels=movie, axes="TYX"), PopulationSettings(), predictor=predictor)
    if not seen.used.any():
        return {"traits": {}, "today": False}
    match, _ = infer_populations(seen, output, interval_min=interval_min, curves=shipped_growth())
    return {"traits": seen.traits, "today": bool(why_unlike(seen, match, output))}


def rendered(number, data, cache):
    """A part of a movie, and minutes between its frames."""
    path, scene = cache / f"movie{number}.npy", scene_of(number, tables_of(data))
    if not path.exists():
        last = scene.length - EVERY * FRAMES
        first = int(np.random.default_rng(number).integers(0, max(1, last)))
        frames = range(first, scene.length, EVERY)[:FRAMES]
        np.save(path, np.stack([scene.render(k)[..., 1] for k in frames]))
    return np.load(path), scene.lives.interval_min * EVERY


def tables_of(data):
    return sorted(
        p
        for p in (data / "epic_tables").glob("CD*.csv.gz")
        if not any(word in p.name for word in LEFT_OUT)
    )


def drifting(plane, rng):
    """A still image as a movie: the field moves a little, and every frame has its own noise."""
    plane = as_bytes(plane)
    at, frames = np.zeros(2), []
    for _ in range(FRAMES):
        at += rng.normal(0, 1.5, 2)
        frame = ndimage.shift(plane.astype(np.float32), at, order=1, mode="mirror")
        frames.append(bounded(frame + rng.normal(0, 2, frame.shape)))
    return np.stack(frames)


def slices(data):
    folder = data / "nuclei_ce_slices"
    with (folder / "index.csv").open(newline="") as stream:
        rows = [r for r in csv.DictReader(stream) if int(r["n_nuclei"]) > 5]
    return [skimage.io.imread(folder / f"images/{r['name']}.png") for r in rows[::40]]


def recorded_movies(data):
    """Movies of other things: cells on glass by two microscopes, membranes, planes over time."""
    for folder, kind in (("movie_breast2d", "breast"), ("movie_simplus", "culture")):
        paths = sorted((data / folder / "images").glob("*.tif"))[:FRAMES]
        movie = np.stack([as_bytes(skimage.io.imread(p)) for p in paths])
        rows, columns = (n // 2 for n in movie.shape[1:])
        yield kind, movie
        for y in (0, rows):
            for x in (0, columns):
                yield kind, movie[:, y : y + rows, x : x + columns]
    paths = sorted((data / "membrane_3dmms/raw").glob("*.mat"))
    films = [as_bytes(loadmat(p)["embryo"].max(axis=2)) for p in paths]
    films = np.stack([f[: films[0].shape[0], : films[0].shape[1]] for f in films])
    for part in (films, films[:, ::-1], films[:, :160], films[:, 100:]):
        yield "membrane_movie", np.ascontiguousarray(part)
