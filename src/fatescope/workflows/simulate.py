"""Rendered pictures as files, with their truth beside them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire import write_labels, write_table
from fatescope.run import Run, Summary

if TYPE_CHECKING:
    from fatescope.simulate import NucleiMovieSettings


def write_nuclei_movie(
    out: Path, settings: NucleiMovieSettings, *, seed: int, fresh: bool = False
) -> Summary:
    """Render a movie of nuclei into a folder.

    Parameters
    ----------
    out : Path
        Gets ``nuclei.tif`` (16 bit, axes and spacing inside, opens in Fiji),
        ``truth/labels/nuclei.tif``, ``truth/spots.csv`` and ``run.json``.
    settings : NucleiMovieSettings
        What is to be seen.
    seed : int
        The same seed and settings give the same bytes.
    fresh : bool
        Remove what an earlier run left in ``out``.

    Returns
    -------
    Summary

    Raises
    ------
    RunError
        If ``out`` holds something else, or cannot be written.
    """
    from fatescope.simulate import simulate_nuclei

    key = "nuclei"
    record = {**settings.model_dump(mode="json"), "seed": seed}
    with Run.open(out, command="simulate nuclei", settings=record, fresh=fresh) as run:
        if run.pending([key]):
            begun = time.monotonic()
            movie = simulate_nuclei(settings, seed=seed)
            pictures, labels = out / "nuclei.tif", out / "truth" / "labels" / "nuclei.tif"
            for path, pixels in ((pictures, movie.pixels), (labels, movie.labels)):
                write_labels(
                    path,
                    pixels,
                    shape=pixels.shape,
                    axes="TYX",
                    dtype=pixels.dtype,
                    spacing=movie.spacing,
                )
            spots = out / "truth" / "spots.csv"
            write_table(movie.spots, spots)
            run.record(
                key,
                files=[pictures, labels, spots],
                seconds={"simulate": time.monotonic() - begun},
            )
        return run.finish()
