"""Movies for the reproduction: square frames, true counts, and counts as joined in 2020."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.acquire.lineages import read_lineage
from fatescope.acquire.movies import read_frames
from fatescope.base import InputError
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.systems.simulation.movies import movie_scene

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from fatescope.base import FloatArray
    from fatescope.simulate.embryo.movie import MovieScene

LETTERS = ("A", "E", "M", "P", "C", "D", "Z")
_SMALL = {"height": 256, "width": 356, "voxel_um": (1.0, 0.18, 0.18)}
RECORDED_INTERVAL_MIN, _RENDERED_INTERVAL_MIN = 1.0, 1.5
"""Between frames; the recorded movie's, as its recording is described, is used by clocks alone."""
_ANNOTATED = 0.6
"""Share of a rendered movie that its table covers: of the recorded one, 210 of 389 frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledMovie:
    """A movie with two sets of counts.

    ``frames`` (n, side, side, 3) are uint8, blue green red, squeezed by the nearest pixel.
    ``true`` (n, 7) is NaN where nobody annotated; ``joined`` (n, 7) is known everywhere.
    """

    key: str
    is_real: bool
    frames: NDArray[np.uint8]
    true: FloatArray
    joined: FloatArray
    predicted: FloatArray | None = None  # the predictions that were published, where they were
    number: int = -1  # of a rendered movie
    interval_min: float = RECORDED_INTERVAL_MIN

    @property
    def annotated(self) -> NDArray[np.intp]:
        """Frames with true counts."""
        return np.flatnonzero(np.isfinite(self.true).all(axis=1))


def join_as_published(true: FloatArray, n_frames: int) -> FloatArray:
    """Return the counts of a table as they were spread over a movie in 2020.

    Parameters
    ----------
    true : ndarray of float, shape (m, 7)
        Counts of the annotated time points, by `LETTERS`.
    n_frames : int
        Frames of the movie.

    Notes
    -----
    The annotated time points are stretched over all frames, although annotation stops earlier. The
    series of each group, from its first cell to its last, is put at the end and filled with zeros
    in front: right for groups that persist, wrong for P, which ends when Z2 and Z3 are born. One
    more row of zeros stands first.
    """
    m = len(true)
    shifted = np.zeros_like(true)
    for k in range(true.shape[1]):
        present = np.flatnonzero(true[:, k])
        if len(present):
            series = true[present[0] : present[-1] + 1, k]
            shifted[m - len(series) :, k] = series
    rows = np.concatenate([np.zeros((1, true.shape[1])), shifted])
    at = np.minimum((np.arange(n_frames) * len(rows)) // n_frames, len(rows) - 1)
    return np.asarray(rows[at])


def load_movies(
    data: Path | None,
    *,
    rendered: int,
    length: int,
    seed: int,
    side_px: int,
) -> tuple[list[LabelledMovie], str]:
    """Return the recorded movie, where there is one, and rendered ones; and a sentence on both."""
    recorded = [] if data is None else [recorded_movie(data, side_px=side_px)]
    movies = list(recorded)
    for i in range(rendered):
        movies.append(rendered_movie(i, length=length, seed=seed, side_px=side_px))
    said = f"{len(recorded)} recorded movie and " if recorded else ""
    return movies, f"{said}{rendered} rendered movies of {length} frames"


def recorded_files(folder: Path) -> tuple[Path, Path, Path]:
    """Return the recorded movie, its table, and the published counts.

    Raises
    ------
    InputError
        If one of them is not in the folder.
    """
    folder = folder / "devolearn_samples" if (folder / "devolearn_samples").is_dir() else folder
    tables = sorted(folder.glob("CD*.csv"))
    movie, joined = folder / "embryo_timelapse.mov", folder / "published_counts.csv"
    if not (movie.is_file() and joined.is_file() and tables):
        raise InputError(
            f"{folder}: needs embryo_timelapse.mov, its table CD*.csv and published_counts.csv. "
            "Leave --data out for rendered movies alone."
        )
    return movie, tables[0], joined


def recorded_movie(folder: Path, *, side_px: int) -> LabelledMovie:
    """Return the movie of the published samples, with the published and the true counts.

    Raises
    ------
    InputError
        As `recorded_files`.
    """
    movie, table, joined = recorded_files(folder)
    frames = squeeze(read_frames(movie), side_px)
    lineage = read_lineage(table)
    true = np.full((len(frames), len(LETTERS)), np.nan)
    for frame in np.unique(lineage.frame):
        first = np.array([str(n)[:1] for n in lineage.name[lineage.frame == frame]])
        true[int(frame)] = [(first == letter).sum() for letter in LETTERS]
    rows = read_table(joined)
    published = np.zeros((len(frames), len(LETTERS)))
    numbers = [int(Path(str(name)).stem) for name in rows["filenames"]]
    published[numbers] = np.stack([rows[letter] for letter in LETTERS], axis=1)
    said = joined.parent / "published_model_predictions.csv"
    predicted = None
    if said.is_file():
        given = read_table(said)
        predicted = np.stack([given[letter] for letter in LETTERS], axis=1).astype(float)
    return LabelledMovie(
        key=table.stem.removeprefix("CD"),
        is_real=True,
        frames=frames,
        true=true,
        joined=published,
        predicted=predicted,
    )


def rendered_movie(number: int, *, length: int, seed: int, side_px: int) -> LabelledMovie:
    """Render a movie whose truth is known in every frame, and whose table ends early."""
    scene = _scene(number, length=length, seed=seed)
    spots = scene.spots()
    first = np.array([str(n)[:1] for n in spots["name"].tolist()])
    true = np.stack(
        [np.bincount(spots["frame"][first == x], minlength=length)[:length] for x in LETTERS],
        axis=1,
    ).astype(float)
    return LabelledMovie(
        key=f"rendered-{number:02d}",
        is_real=False,
        frames=squeeze((scene.render(k) for k in range(length)), side_px),
        true=true,
        joined=join_as_published(true[: round(_ANNOTATED * length)], length),
        number=number,
        interval_min=_RENDERED_INTERVAL_MIN,
    )


def rendered_frames(number: int, *, length: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Render the frames of `rendered_movie` at their own size, (Y, X, 3), red green blue."""
    scene = _scene(number, length=length, seed=seed)
    return (scene.render(k) for k in range(length))


def _scene(number: int, *, length: int, seed: int) -> MovieScene:
    return movie_scene(
        MovieSettings.from_values({**_SMALL, "frames": length}),
        LineageSettings(
            interval_min=_RENDERED_INTERVAL_MIN, minutes=_RENDERED_INTERVAL_MIN * length
        ),
        table=None,
        seed=seed * 1000 + number,
    )


def squeeze(frames: Iterable[NDArray[Any]], side_px: int) -> NDArray[Any]:
    """Return frames of any size as squares of ``side_px``, by the nearest pixel, blue green red."""
    small = []
    for frame in frames:
        y, x = (np.arange(side_px) * n // side_px for n in frame.shape[:2])
        small.append(frame[np.ix_(y, x)][..., ::-1])
    return np.stack(small)
