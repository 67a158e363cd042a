"""What the counting model sees of movies of embryos and of other kinds, for `unlike_training`."""

import csv

import numpy as np
import skimage.io
from benchmarks.population_movies import LEFT_OUT, scene_of
from benchmarks.population_movies import look as look_of
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
from fatescope.acquire.movies import write_frames
from fatescope.base import Image
from fatescope.predict import open_predictor
from fatescope.simulate.embryo import vary_movie
from fatescope.simulate.embryo.movie import MovieScene
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.systems.populations.counts import infer_populations, shipped_growth, why_unlike
from fatescope.systems.populations.frames import look_at_movie
from fatescope.systems.populations.inference import CountChances
from fatescope.systems.populations.settings import PopulationSettings
from fatescope.systems.simulation.rendered import read_or_draw

FRAMES, EACH, EVERY = 24, 6, 5
OWN = (*range(12, 24), 212, 214, 216, *range(300, 560, 2), *range(1000, 1024), *range(2000, 2060))
"""Numbers of `population_movies`: those for the test, and others drawn from the atlas."""


def collect(package, data, cache):
    """Return of each movie its kind, its unit, its traits, and whether it is flagged today."""
    rng = np.random.default_rng(5)
    predictor = open_predictor(str(package.source))
    own = [(f"m{n}", *rendered(n, data, cache)) for n in OWN]
    own += [(unit, squeezed(movie), every) for unit, movie, every in own[::4]]
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
    path, scene = cache / f"movie{number}.npy", scene_at(number, data)
    if not path.exists():
        last = scene.length - EVERY * FRAMES
        first = int(np.random.default_rng(number).integers(0, max(1, last)))
        frames = range(first, scene.length, EVERY)[:FRAMES]
        np.save(path, np.stack([scene.render(k)[..., 1] for k in frames]))
    film = path.with_suffix(".mp4")
    if not film.exists():
        green = [np.stack([0 * f, f, 0 * f], axis=-1) for f in np.load(path)]
        codec, kbit_s = scene.settings.codec, 2 * scene.settings.kbit_s
        write_frames(film, green, frames_per_second=7, codec=codec, kbit_s=kbit_s)
    image = read_image(film)
    movie = np.stack([image.read(T=t, C=1) for t in range(image.size("T"))])
    return movie, scene.lives.interval_min * EVERY


def squeezed(movie):
    """Frames of 256 x 256 by the nearest pixel, as they were published for training."""
    rows, columns = ((np.arange(256) + 0.5) * n // 256 for n in movie.shape[1:])
    return movie[:, rows.astype(int)[:, None], columns.astype(int)]


def scene_at(number, data):
    """The embryo of a movie; from 1000 on at full size, as commands render it, then small."""
    if number < 1000:
        return scene_of(number, tables_of(data))
    settings, lineage = (MovieSettings(), LineageSettings()) if number < 2000 else look_of(number)
    if number >= 2000:
        times = np.random.default_rng(number).uniform(1.3, 2.4)
        settings = settings.replace(
            height=2 * int(settings.height / times / 2),
            width=2 * int(settings.width / times / 2),
            voxel_um=(1.0, *(times * s for s in settings.voxel_um[1:])),
            codec="lossless" if number % 3 else settings.codec,
        )
    lives = read_or_draw(lineage, table=None, seed=number)
    return MovieScene(lives, vary_movie(settings, seed=number), seed=number)


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
