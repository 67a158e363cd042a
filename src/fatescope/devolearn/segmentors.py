"""The two segmentors: a map of a fixed size for a plane, and for each frame of a movie."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image
from fatescope.base import Image, Table
from fatescope.base.extras import imported
from fatescope.devolearn.note import name_new_way, tell_findings
from fatescope.devolearn.values import (
    centroids_of,
    check_device,
    check_size,
    draw_centroids,
    fit_labels,
    grey_frame,
    paint_map,
)
from fatescope.pages.images import write_png

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, LabelImage

    PathLike = str | os.PathLike[str]
    Centroids = list[tuple[int, int]]


class cell_membrane_segmentor:
    """Find the cells between membranes in planes and movies.

    Parameters
    ----------
    device : {"cpu", "cuda"}
    """

    def __init__(self, device: str = "cpu") -> None:
        from fatescope.systems.membranes.cells import MembraneSettings, open_membrane_model

        self.device = device
        self._settings = MembraneSettings()
        self._predictor = open_membrane_model(self._settings.model, device=check_device(device))

    def predict(
        self,
        image_path: PathLike,
        pred_size: Sequence[int] = (350, 250),
        centroid_mode: bool = False,
        color_mode: bool = False,
    ) -> FloatArray | tuple[FloatArray, Centroids]:
        """Return the map of one plane, or its outlines with their centroids.

        Parameters
        ----------
        image_path : path
            Of a grey plane; colours become grey.
        pred_size : (int, int)
            Width and height of what is returned.
        centroid_mode, color_mode : bool
            Outlines and centroids instead of the map; outlines in colour.

        Returns
        -------
        ndarray of float32, shape (height, width)
            1 inside of a cell, 0 outside and on the line between two cells.
        ndarray of float64, list of (x, y)
            In centroid mode: outlines and centres (0 to 255), and the centres in pixels of it.
        """
        name_new_way(
            "cell_membrane_segmentor.predict",
            "fatescope.segment_membranes(image) for labels, sizes and contacts in pixels of the "
            "image, in 3D as well",
        )
        image = read_image(os.fspath(image_path))
        cells = self._cells(image, 0, check_size(pred_size, name="pred_size"))
        if centroid_mode:
            return _centroid_image(cells, color_mode)
        return paint_map(cells, _inside(cells))

    def predict_from_video(
        self,
        video_path: PathLike,
        pred_size: Sequence[int] = (350, 250),
        save_folder: PathLike = "preds",
        centroid_mode: bool = False,
        color_mode: bool = False,
        notebook_mode: bool = False,
    ) -> Any:
        """Write the map of each frame into a folder, as ``0.png``, ``1.png``, ...

        Parameters
        ----------
        video_path : path
        pred_size : (int, int)
            Width and height.
        save_folder : path
            Is made; images of the same name in it are replaced.
        centroid_mode, color_mode : bool
            As for `predict`.
        notebook_mode : bool
            Without effect.

        Returns
        -------
        list of str
            The names written, in the order of the frames.
        pandas.DataFrame
            In centroid mode: ``filenames, centroids``, one row for each frame.
        """
        name_new_way(
            "cell_membrane_segmentor.predict_from_video",
            'fatescope.predict_membranes(movie, out="results") for lossless labels, tables and a '
            "report; an interrupted run continues",
        )
        pandas = imported("pandas") if centroid_mode else None
        size, folder = check_size(pred_size, name="pred_size"), Path(save_folder)
        names: list[str] = []
        found: list[Centroids] = []
        for number, cells in enumerate(self._frames(read_image(os.fspath(video_path)), size)):
            names.append(f"{number}.png")
            if centroid_mode:
                drawn, centroids = _centroid_image(cells, color_mode)
                found.append(centroids)
            else:
                drawn = paint_map(cells, _inside(cells)) * 255
            write_png(folder / names[-1], np.rint(drawn).astype(np.uint8))
        if pandas is None:
            return names
        where = [f"{os.fspath(save_folder)}/{name}" for name in names]
        return pandas.DataFrame({"filenames": where, "centroids": found})

    def _frames(self, image: Image, size: tuple[int, int]) -> Iterator[LabelImage]:
        for t in range(image.size("T")):
            yield self._cells(image, t, size)

    def _cells(self, image: Image, frame: int, size: tuple[int, int]) -> LabelImage:
        from fatescope.systems.membranes.find import find_membranes

        plane = _plane(image, frame)
        found = find_membranes(plane, self._settings, predictor=self._predictor)
        tell_findings(f for f in found.findings if f.rule != "assumed-scale")
        return fit_labels(np.asarray(found.rasters["labels"][0][...]), size)


class cell_nucleus_segmentor:
    """Find nuclei in fluorescence planes.

    Parameters
    ----------
    device : {"cpu", "cuda"}
    """

    def __init__(self, device: str = "cpu") -> None:
        from fatescope.predict import open_predictor
        from fatescope.systems.nuclei.settings import NucleiSettings

        self.device = device
        self._settings = NucleiSettings()
        self._predictor = open_predictor(self._settings.model, device=check_device(device))

    def predict(
        self, image_path: PathLike, pred_size: Sequence[int] = (350, 250)
    ) -> NDArray[np.float32]:
        """Return the map of one plane.

        Parameters
        ----------
        image_path : path
            Of a grey plane; colours become grey.
        pred_size : (int, int)
            Width and height of what is returned.

        Returns
        -------
        ndarray of float32, shape (height, width)
            The score of the nucleus at each pixel, above 0 to 1; 0 outside, and on the line
            between two that touch.
        """
        from fatescope.systems.nuclei.find import segment_and_measure

        name_new_way(
            "cell_nucleus_segmentor.predict",
            "fatescope.segment_nuclei(image) for labels and measures in pixels of the image; "
            "electron micrographs: fatescope predict nuclei-em",
        )
        size = check_size(pred_size, name="pred_size")
        plane = _plane(read_image(os.fspath(image_path)), 0)
        found, objects, _ = segment_and_measure(plane, self._settings, predictor=self._predictor)
        labels = found.labels
        found.close()
        tell_findings(found.findings)
        return paint_map(fit_labels(labels, size), _scores(objects, int(labels.max(initial=0))))


embryo_segmentor = cell_membrane_segmentor
"""The name that the membrane segmentor had first."""


def _plane(image: Image, frame: int) -> Image:
    return Image(pixels=grey_frame(image, frame), axes="YX", name=image.name, spacing=image.spacing)


def _inside(labels: LabelImage) -> FloatArray:
    values = np.ones(int(labels.max(initial=0)) + 1)
    values[0] = 0
    return values


def _scores(objects: Table, n: int) -> FloatArray:
    values = np.zeros(n + 1)
    values[objects["label"]] = objects["score"]
    return values


def _centroid_image(labels: LabelImage, colour: bool) -> tuple[FloatArray, Centroids]:
    centroids = centroids_of(labels)
    return draw_centroids(labels, centroids, colour=colour), centroids
