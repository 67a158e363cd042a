"""Images of embryos: the digital embryo, of which every cell is known."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.base import InputError, Table
from fatescope.devolearn.note import name_new_way
from fatescope.devolearn.populations import LETTERS
from fatescope.devolearn.values import check_device, check_size
from fatescope.pages.images import write_png
from fatescope.simulate.embryo import MovieScene, MovieSettings
from fatescope.simulate.embryo.settings import LineageSettings
from fatescope.systems.simulation.rendered import read_or_draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    PathLike = str | os.PathLike[str]

_FIELD_UM = (46.0, 64.0)
"""Height and width that an embryo needs with some room around it."""


class embryo_generator_model:
    """Draw images of embryos: maximum projections of a nuclear marker.

    Parameters
    ----------
    device : {"cpu", "cuda"}
        Of no importance: nothing is computed by a network.
    seed : int
        The same seed gives the same images; each call gives the next one.
    """

    def __init__(self, device: str = "cpu", *, seed: int = 0) -> None:
        check_device(device)
        self.device, self.seed = device, seed
        self._next = 0

    def generate(self, image_size: Sequence[int] = (700, 500)) -> NDArray[np.uint8]:
        """Return the next image.

        Parameters
        ----------
        image_size : (int, int)
            Width and height.

        Returns
        -------
        ndarray of uint8, shape (height, width)
        """
        name_new_way(
            "embryo_generator_model.generate",
            "fatescope.simulate.embryo, or fatescope simulate embryo and simulate movie, which "
            "give volumes and movies with true outlines, names and counts",
        )
        return self._draw(check_size(image_size, name="image_size"))[0]

    def generate_n_images(
        self,
        n: int = 3,
        foldername: PathLike = "generated_images",
        image_size: Sequence[int] = (700, 500),
        notebook_mode: bool = False,
    ) -> None:
        """Write images into a folder, and what they show beside them.

        Parameters
        ----------
        n : int
        foldername : path
            Gets ``0.png``, ``1.png``, ... and ``counts.csv``: the true number of cells in each
            image, ``A, E, M, P, C, D, Z`` by the first letter of their names, and in all.
        image_size : (int, int)
            Width and height.
        notebook_mode : bool
            Without effect.
        """
        name_new_way(
            "embryo_generator_model.generate_n_images",
            "fatescope simulate movie --out FOLDER --count N",
        )
        if n < 1:
            raise InputError(f"n must be 1 or more; got {n}.")
        size, folder = check_size(image_size, name="image_size"), Path(foldername)
        rows: list[dict[str, object]] = []
        for number in range(n):
            pixels, names = self._draw(size)
            write_png(folder / f"{number}.png", pixels)
            letters = [name[:1] for name in names]
            counts = {x: letters.count(x) for x in LETTERS}
            rows.append({"image": f"{number}.png", **counts, "total": len(names)})
        write_table(
            Table({c: np.array([r[c] for r in rows]) for c in rows[0]}), folder / "counts.csv"
        )

    def _draw(self, size: tuple[int, int]) -> tuple[NDArray[np.uint8], list[str]]:
        """Return the next image and the names of the cells in it."""
        own = self.seed * 10_000 + self._next
        self._next += 1
        width, height = size
        pixel = max(_FIELD_UM[0] / height, _FIELD_UM[1] / width)
        settings = MovieSettings(
            height=height, width=width, voxel_um=(1.0, pixel, pixel), debris=0, neighbour=0
        )
        lives = read_or_draw(LineageSettings(), table=None, seed=own)
        scene = MovieScene(lives, settings, seed=own)
        frame = int(np.random.default_rng([own, 30]).integers(scene.length))
        names = [str(lives.name[i]) for i in lives.alive(frame)]
        return np.ascontiguousarray(scene.render(frame)[..., 1]), names


class Generator:
    """The network behind the generator of 2020, importable because the old README imports it.

    Raises
    ------
    InputError
        When it is called: no network draws embryos here.
    """

    def __init__(self, ngf: int, nz: int, nc: int) -> None:
        raise InputError(
            "Generator: no network draws embryos here. Use embryo_generator_model, or "
            "fatescope.simulate.embryo for volumes and movies with their truth."
        )
