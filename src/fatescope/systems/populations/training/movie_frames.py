"""Frames of movies and the nuclei in them, for training: read once, kept small; batches by number.

A sample is one annotated frame. A batch is drawn by number, so that a continued training sees what
an unbroken one sees.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from fatescope.acquire import read_image
from fatescope.acquire.lineages import read_lineage
from fatescope.base import InputError
from fatescope.prepare.movies import marker_channel
from fatescope.systems.populations.inference import level_frame, reduction, shrink_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.prepare import Sample
    from fatescope.systems.populations.training.settings import FrameSettings

STRIDE = 4
"""Of the map of nuclei."""
_NUCLEUS_PX = 6.0
"""About the radius of a nucleus of a middle stage, in small pixels."""
RECORDED = "recorded"
"""The kind of samples that a microscope made, as `prepare pairs --movies` calls it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedFrame:
    """One small frame and what is in it.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (Y, X)
        Levelled: 0 is background, 128 a bright nucleus.
    at : ndarray of float32, shape (n, 2)
        y, x of the nuclei, in small pixels.
    unit, kind : str
    neighbour : bool or None
        Whether another embryo is in the movie; ``None`` where nobody says it.
    """

    pixels: NDArray[np.uint8]
    at: FloatArray
    unit: str
    kind: str
    neighbour: bool | None


def read_counted(samples: Sequence[Sample]) -> list[CountedFrame]:
    """Read the frames of samples, each movie and each table once, in the order of the samples.

    Raises `InputError` if a sample has no frame, or its table no rows there.
    """
    by_movie: dict[tuple[Path, Path], list[int]] = defaultdict(list)
    for i, s in enumerate(samples):
        if s.frame is None:
            raise InputError(f"{s.image}: a row of samples.csv names no frame. Make it again.")
        by_movie[s.image, s.labels].append(i)
    out: dict[int, CountedFrame] = {}
    for (movie, table), numbers in by_movie.items():
        image, lineage = read_image(movie), read_lineage(table)
        channel = marker_channel(image)
        times = reduction((image.size("Y"), image.size("X")))
        for i in sorted(numbers, key=lambda n: samples[n].frame or 0):
            sample = samples[i]
            small = shrink_frame(image.read(T=sample.frame or 0, C=channel), times)
            rows = lineage.frame + sample.offset == sample.frame
            if not rows.any():
                raise InputError(f"{table}: has no rows for frame {sample.frame} of {movie}.")
            at = (lineage.position[rows, 1:] + 0.5) / times - 0.5
            out[i] = CountedFrame(
                pixels=np.minimum(level_frame(small, white=255) * 128, 255).astype(np.uint8),
                at=at.astype(np.float32),
                unit=sample.unit,
                kind=sample.kind,
                neighbour=sample.neighbour,
            )
    return [out[i] for i in range(len(samples))]


class FrameSource:
    """Random augmented frames; the same number is the same frame.

    Parameters
    ----------
    frames : sequence of CountedFrame
    settings : FrameSettings
    seed : int
    """

    def __init__(
        self, frames: Sequence[CountedFrame], *, settings: FrameSettings, seed: int
    ) -> None:
        if not frames:
            raise InputError("samples.csv has no training frame. Give more movies and tables.")
        self._frames, self._settings, self._seed = frames, settings, seed
        self._of_kind = [
            [i for i, f in enumerate(frames) if (f.kind == RECORDED) == recorded]
            for recorded in (False, True)
        ]

    def batch(self, step: int, size: int) -> tuple[torch.Tensor, ...]:
        """Return frames (B, 1, Y, X), maps (B, 1, Y / 4, X / 4), counts (B,), neighbours (B,).

        A neighbour is 1, 0, or -1 where nobody knows.
        """
        rng = np.random.default_rng([self._seed, 40, step])
        chosen = [self._frames[self._choose(rng)] for _ in range(size)]
        matrices = [self._matrix(f, rng) for f in chosen]
        placed = [self._placed(f, m) for f, m in zip(chosen, matrices, strict=True)]
        said = [-1.0 if f.neighbour is None else float(f.neighbour) for f in chosen]
        for i, (frame, matrix) in enumerate(zip(chosen, matrices, strict=True)):
            if rng.random() < self._settings.neighbour:
                other = self._neighbour(frame, matrix, rng)
                if other is not None:
                    placed[i], said[i] = torch.maximum(placed[i], other), 1.0
        maps = torch.stack([self._map(f, m) for f, m in zip(chosen, matrices, strict=True)])
        counts = torch.tensor([float(len(f.at)) for f in chosen])
        return self._changed(torch.stack(placed), rng), maps, counts, torch.tensor(said)

    def _choose(self, rng: np.random.Generator) -> int:
        """Return a frame: of a recording as often as the settings say, any stage alike."""
        drawn, recorded = self._of_kind
        pool = (
            recorded if recorded and rng.random() < self._settings.recorded else drawn or recorded
        )
        return pool[int(rng.integers(len(pool)))]

    def _matrix(self, frame: CountedFrame, rng: np.random.Generator) -> FloatArray:
        """Return the map (2, 3) from pixels y, x of the frame to those of the training frame."""
        s = self._settings
        size = np.exp(rng.uniform(-1, 1) * np.log(s.scale)) * np.ones(2)
        size *= np.exp(rng.uniform(-0.06, 0.06, 2))
        turn = np.radians(rng.uniform(-s.turn, s.turn))
        flip = np.where(rng.random(2) < 0.5, -1.0, 1.0)
        cos, sin = np.cos(turn), np.sin(turn)
        linear = np.array([[cos, -sin], [sin, cos]]) * (size * flip)[None]
        shape = np.array(frame.pixels.shape)
        extent = np.array([s.rows, s.columns])
        shift = rng.uniform(-s.shift, s.shift, 2) * shape
        middle = extent / 2 - 0.5 + shift
        return np.column_stack([linear, middle - linear @ (shape / 2 - 0.5)])

    def _neighbour(
        self, frame: CountedFrame, matrix: FloatArray, rng: np.random.Generator
    ) -> torch.Tensor | None:
        """Return another embryo that lies against this one, or ``None`` if it is not in the field.

        Movies with a neighbour are few and each has its look; so that the look does not stand for
        the neighbour, frames of any movie are given one. Its nuclei are not counted.
        """
        s = self._settings
        other = self._frames[self._choose(rng)]
        towards = rng.normal(size=2)
        towards /= np.linalg.norm(towards)
        there = self._matrix(other, rng)
        mine, its = (f.at @ m[:, :2].T + m[:, 2] for f, m in ((frame, matrix), (other, there)))
        gap = 2 * _NUCLEUS_PX + rng.uniform(0, _NUCLEUS_PX)
        apart = float((mine @ towards).max() - (its @ towards).min()) + gap
        there[:, 2] += apart * towards
        its = its + apart * towards
        inside = ((its > _NUCLEUS_PX / 2) & (its < np.array([s.rows, s.columns]) - 1)).all(axis=1)
        if not inside.any():
            return None
        return self._placed(other, there) * float(rng.uniform(0.5, 1.1))

    def _placed(self, frame: CountedFrame, matrix: FloatArray) -> torch.Tensor:
        s = self._settings
        back = np.linalg.inv(matrix[:, :2])
        y, x = np.mgrid[: s.rows, : s.columns] - matrix[:, 2][:, None, None]
        at = np.tensordot(back, np.stack([y, x]), axes=1)
        shape = np.array(frame.pixels.shape)[:, None, None]
        grid = (2 * at + 1) / shape - 1
        pixels = torch.from_numpy(frame.pixels.astype(np.float32) / 128)[None, None]
        where = torch.from_numpy(np.stack([grid[1], grid[0]], axis=-1).astype(np.float32))[None]
        return grid_sample(pixels, where, align_corners=False)[0]

    def _map(self, frame: CountedFrame, matrix: FloatArray) -> torch.Tensor:
        """Return how many nuclei are in each place; those outside are at the edge."""
        s = self._settings
        rows, columns = s.rows // STRIDE, s.columns // STRIDE
        at = frame.at @ matrix[:, :2].T + matrix[:, 2]
        at = np.clip((at + 0.5) / STRIDE - 0.5, 0, [rows - 1.001, columns - 1.001])
        low = np.floor(at).astype(int)
        part = at - low
        out = np.zeros((rows, columns), dtype=np.float32)
        for dy in (0, 1):
            for dx in (0, 1):
                weight = np.abs(1 - dy - part[:, 0]) * np.abs(1 - dx - part[:, 1])
                np.add.at(out, (low[:, 0] + dy, low[:, 1] + dx), weight)
        return torch.from_numpy(out)[None]

    def _changed(self, images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Change grey values as other markers, lenses and detectors would."""
        s, n = self._settings, len(images)

        def each(low: float, high: float) -> torch.Tensor:
            return torch.from_numpy(rng.uniform(low, high, (n, 1, 1, 1)).astype(np.float32))

        blurred = avg_pool2d(images, 3, stride=1, padding=1)
        images = images + each(-0.4, 1.0).clamp(min=0) * (blurred - images)
        images = images.clamp(min=0) ** torch.exp(each(-1, 1) * float(np.log(s.gamma)))
        coarse = rng.random((n, 1, 4, 6)).astype(np.float32)
        haze = interpolate(
            torch.from_numpy(coarse), size=images.shape[2:], mode="bilinear", align_corners=False
        )
        images = images + each(0, s.haze) * haze
        shade = interpolate(
            torch.from_numpy(rng.random((n, 1, 3, 4)).astype(np.float32)),
            size=images.shape[2:],
            mode="bilinear",
            align_corners=False,
        )
        images = images * (1 - each(0, 0.5) * shade)
        noise = torch.from_numpy(rng.standard_normal(images.shape, dtype=np.float32))
        images = images + each(0, s.noise) * noise
        return (images * torch.exp(each(-0.25, 0.25))).clamp(0, 2)
