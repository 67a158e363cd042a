"""Cells of each lineage in a movie, as a table with a column for each letter."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, write_table
from fatescope.base import Image, InputError, Table
from fatescope.base.extras import imported
from fatescope.devolearn.note import name_new_way, tell_findings
from fatescope.devolearn.values import check_device
from fatescope.storage import write_beside

if TYPE_CHECKING:
    PathLike = str | os.PathLike[str]

LETTERS = ("A", "E", "M", "P", "C", "D", "Z")
_MOST_AB = 250
"""A table ended where the A lineage reached so many cells; it still does."""


class lineage_population_model:
    """Count the cells of each lineage, by the first letter of their names.

    Parameters
    ----------
    device : {"cpu", "cuda"}
    mode : {"cpu", "cuda"}, optional
        What ``device`` was called first.
    """

    def __init__(self, device: str = "cpu", mode: str | None = None) -> None:
        from fatescope.systems.populations.find import open_counter
        from fatescope.systems.populations.settings import PopulationSettings

        self.device = self.mode = mode or device
        self._settings = PopulationSettings(letters=True)
        self._predictor = open_counter(self._settings.model, device=check_device(self.device))

    def predict(self, image_path: PathLike) -> dict[str, int | None]:
        """Return the numbers of cells in one frame.

        Parameters
        ----------
        image_path : path
            A maximum projection; of colours the green one shows nuclei.

        Returns
        -------
        dict of str to int
            ``A, E, M, P, C, D, Z``; ``None`` where the stage is beyond what the model knows.
        """
        from fatescope.systems.populations.counts import (
            infer_populations,
            letter_rows,
            shipped_growth,
        )
        from fatescope.systems.populations.frames import look_at_movie
        from fatescope.systems.populations.inference import CountChances

        name_new_way(
            "lineage_population_model.predict",
            "fatescope.count_populations(movie): a whole movie says far more than one frame, and "
            "counts come with intervals",
        )
        image = read_image(os.fspath(image_path))
        if image.size("T") > 1 or image.size("Z") > 1:
            raise InputError(
                f"{image.name}: has the axes {image.axes}; one frame is wanted. Movies go into "
                "predict_from_video."
            )
        pixels = np.asarray(image.read(T=0, Z=0))
        axes = "TYX" if pixels.ndim == 2 else "TCYX"
        movie = Image(pixels=pixels[None], axes=axes, name=image.name, channels=image.channels)
        seen = look_at_movie(movie, self._settings, predictor=self._predictor)
        output = self._predictor.description.output_as(CountChances)
        _, estimate = infer_populations(seen, output, interval_min=1.0, curves=shipped_growth())
        if seen.unlike:
            _say_unlike(image.name, seen.unlike)
        rows = letter_rows(estimate)
        return {x: int(rows[x][0]) if len(rows) else None for x in LETTERS}

    def predict_from_video(
        self,
        video_path: PathLike,
        csv_name: PathLike = "foo.csv",
        save_csv: bool = False,
        ignore_first_n_frames: int = 0,
        ignore_last_n_frames: int = 0,
        postprocess: bool = True,
    ) -> Any:
        """Return the numbers of cells in each frame of a movie.

        Parameters
        ----------
        video_path : path
        csv_name : path
        save_csv : bool
            Write the table to ``csv_name``.
        ignore_first_n_frames, ignore_last_n_frames : int
            Rows left out; the model sees the frames all the same.
        postprocess : bool
            Without effect: counts are inferred from the movie as a whole.

        Returns
        -------
        pandas.DataFrame
            ``A, E, M, P, C, D, Z``, whole numbers; the index is the frame. It ends where A has
            250 cells, and lacks frames of which nothing can be said.
        """
        name_new_way(
            "lineage_population_model.predict_from_video",
            "fatescope.count_populations(movie), or fatescope.predict_populations(movie, "
            'out="results") for twelve founders with intervals, a clock and a report',
        )
        pandas = imported("pandas")
        rows = self._letters(video_path, ignore_first_n_frames, ignore_last_n_frames)
        if save_csv:
            write_table(Table({x: rows[x] for x in LETTERS}), Path(csv_name))
        return pandas.DataFrame({x: rows[x] for x in LETTERS}, index=rows["frame"])

    def create_population_plot_from_video(
        self,
        video_path: PathLike,
        save_plot: bool = False,
        plot_name: PathLike = "plot.png",
        ignore_first_n_frames: int = 0,
        ignore_last_n_frames: int = 0,
        postprocess: bool = False,
    ) -> Any:
        """Plot the numbers of cells over the frames of a movie.

        Parameters
        ----------
        video_path : path
        save_plot : bool
            Write the plot to ``plot_name``.
        plot_name : path
        ignore_first_n_frames, ignore_last_n_frames : int
        postprocess : bool
            Without effect.

        Returns
        -------
        module
            `matplotlib.pyplot`, whose current figure is the plot.
        """
        name_new_way(
            "lineage_population_model.create_population_plot_from_video",
            'fatescope.predict_populations(movie, out="results"): report.html has the curves with '
            "intervals",
        )
        plot = imported("matplotlib.pyplot")
        rows = self._letters(video_path, ignore_first_n_frames, ignore_last_n_frames)
        _, axes = plot.subplots()
        for letter in LETTERS:
            axes.plot(rows["frame"], rows[letter], label=letter)
        axes.set_xlabel("frame")
        axes.set_ylabel("number of cells")
        axes.legend()
        if save_plot:
            target = Path(plot_name)
            with write_beside(target) as part:
                plot.savefig(part, format=target.suffix.removeprefix(".") or "png")
        return plot

    def _letters(self, video_path: PathLike, first: int, last: int) -> Table:
        from fatescope.systems.populations.find import find_populations

        image = read_image(os.fspath(video_path))
        found = find_populations(image, self._settings, predictor=self._predictor)
        tell_findings(found.findings)
        rows = found.tables["letters"]
        frame = rows["frame"]
        rows = rows.rows((frame >= first) & (frame < image.size("T") - last))
        full = np.flatnonzero(rows["A"] >= _MOST_AB)
        return rows.rows(slice(0, int(full[0]))) if len(full) else rows


def _say_unlike(name: str, why: tuple[str, ...]) -> None:
    from fatescope.base import Finding

    reason = f"The image is unlike those that the model was trained on: {'; '.join(why)}."
    tell_findings([Finding(file=name, rule="unlike-training", severity="warning", reason=reason)])
