"""Tiny rendered movies of embryos with their tables, in a second or two each."""

from __future__ import annotations

import numpy as np

from fatescope.acquire import write_table
from fatescope.acquire.movies import write_frames
from fatescope.simulate.embryo.movie import MovieScene
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.simulate.embryo.truth import count_founders, epic_table, spots_of
from fatescope.systems.simulation.rendered import read_or_draw

SMALL = MovieSettings(height=120, width=176, voxel_um=(1.0, 0.37, 0.37), photons=200)


def scene(seed, *, minutes=150.0, interval_min=3.0, settings=SMALL):
    """Return an embryo drawn from the atlas, a frame every three minutes."""
    drawn = LineageSettings(minutes=minutes, interval_min=interval_min)
    return MovieScene(read_or_draw(drawn, table=None, seed=seed), settings, seed=seed)


def write_pair(folder, name, seen, *, frames=None):
    """Write ``movies/NAME.mp4`` and ``tables/CDNAME.csv``; return the movie's path."""
    for part in ("movies", "tables"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    length = frames or seen.length
    path = folder / "movies" / f"{name}.mp4"
    write_frames(
        path,
        (seen.render(k) for k in range(length)),
        frames_per_second=7,
        codec="mpeg4",
        kbit_s=400,
    )
    known = [k for k in range(length) if seen.lives.knows(k)]
    spots = spots_of(seen.lives, known, grid=seen.grid)
    spots = spots.with_columns({"frame": np.array(known)[spots["frame"]]})
    table = epic_table(spots, pixel_um=seen.settings.voxel_um[1], reporter=np.zeros(len(spots)))
    write_table(table, folder / "tables" / f"CD{name}.csv")
    return path


def truth_of(seen, *, frames=None):
    """Return the true numbers of cells, (frames, groups)."""
    rows = count_founders(seen.lives, list(range(frames or seen.length)), movie="a")
    return np.asarray(rows["count"]).reshape(-1, 12)
