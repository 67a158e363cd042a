"""Score a design on validation units: thresholds, errors by kind, and what decoding costs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from benchmarks.targets.design import WORKING_PX, Design

from fatescope.evaluate import explain_errors, score_labels
from fatescope.models.description import PERCENTILES
from fatescope.predict.normalise import normalise_plane
from fatescope.predict.resample import apply_taps, make_taps, working_length
from fatescope.prepare import read_label_plane, read_plane
from fatescope.simulate import NucleiMovieSettings, simulate_picture
from fatescope.train.networks import DIVISOR
from fatescope.train.pictures import unit_diameters
from fatescope.train.scoring import Scored, merit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.targets.design import Thresholds

    from fatescope.prepare import Sample

FOLDS = 2
ROUNDS = 2


@dataclass(slots=True)
class Judge:
    """Maps of all pictures, drawn once, and what thresholds made of them."""

    design: Design
    network: torch.nn.Module
    samples: Sequence[Sample]
    _truths: list[np.ndarray] = field(init=False)
    _diameters: list[float] = field(init=False)
    _maps: list[tuple[np.ndarray, tuple[int, int]]] = field(init=False)
    _seen: dict[tuple[float, ...], Scored] = field(init=False)

    def __post_init__(self) -> None:
        self._seen = {}
        self._truths = [read_label_plane(s.labels) for s in self.samples]
        self._diameters = unit_diameters(self.samples)
        self._maps = []
        for sample, diameter in zip(self.samples, self._diameters, strict=True):
            zoom = WORKING_PX / diameter if np.isfinite(diameter) else 1.0
            pixels = normalise_plane(read_plane(sample.image), percentiles=PERCENTILES)
            maps, shape = draw_maps(self.design, self.network, resample(pixels, zoom))
            self._maps.append((maps.astype(np.float16), shape))

    def labels(self, which: int, thresholds: Thresholds) -> np.ndarray:
        """Return the nuclei of a picture on its own grid, by the nearest working pixel."""
        maps, shape = self._maps[which]
        found = self.design.decode(maps, shape, thresholds).astype(np.float32)
        size = self._truths[which].shape[::-1]
        way = cv2.INTER_NEAREST_EXACT
        return cv2.resize(found, size, interpolation=way).astype(np.int32)

    def score(self, which: int, thresholds: Thresholds) -> Scored:
        key = (which, *(value for _, value in sorted(thresholds.items())))
        if key not in self._seen:
            scores = score_labels(self._truths[which], self.labels(which, thresholds))
            self._seen[key] = Scored(self.samples[which], scores, self._diameters[which])
        return self._seen[key]

    def tune(self, which: Sequence[int]) -> Thresholds:
        """Choose thresholds on some pictures, one after the other, twice around."""

        def tried(thresholds: Thresholds) -> float:
            return merit([self.score(i, thresholds) for i in which])

        best = dict(self.design.start)
        best_merit = tried(best)
        for name, values in [*self.design.grids] * ROUNDS:
            for value in values:
                candidate = {**best, name: value}
                if candidate != best and (found := tried(candidate)) > best_merit + 1e-4:
                    best, best_merit = candidate, found
        return best

    def errors(self, chosen: Sequence[Thresholds]) -> list[dict[str, int]]:
        """Count the kinds of errors of each picture with its thresholds."""
        counts = []
        for i, thresholds in enumerate(chosen):
            kinds = explain_errors(self._truths[i], self.labels(i, thresholds))["kind"]
            names, n = np.unique(np.asarray(kinds, str), return_counts=True)
            counts.append(dict(zip(names.tolist(), n.tolist(), strict=True)))
        return counts


def draw_maps(
    design: Design, network: torch.nn.Module, picture: np.ndarray
) -> tuple[np.ndarray, tuple[int, int]]:
    """Return what `Design.decode` takes: maps (C, y, x), and the shape of the picture."""
    height, width = picture.shape
    padded = np.pad(picture, ((0, -height % DIVISOR), (0, -width % DIVISOR)), mode="reflect")
    with torch.no_grad():
        maps = design.maps(network.logits(torch.from_numpy(padded)[None, None]))[0]
    return maps.float().numpy(), (height, width)


def resample(pixels: np.ndarray, zoom: float) -> np.ndarray:
    """Return a normalised plane on the working grid, as prediction does."""
    for axis, length in enumerate(pixels.shape):
        index = np.arange(working_length(length, zoom))
        taps = make_taps(index, scale=zoom, length=length)
        pixels = apply_taps(pixels, taps, axis=axis, first=0)
    return pixels


def folds(samples: Sequence[Sample]) -> list[list[int]]:
    """Divide pictures into two parts by unit, every other unit of a kind, in order of names.

    Frames of a kind that is one unit are divided at their middle.
    """
    units: dict[str, list[str]] = {}
    for s in samples:
        names = units.setdefault(s.kind, [])
        if s.unit not in names:
            names.append(s.unit)
    parts: list[list[int]] = [[] for _ in range(FOLDS)]
    for kind, names in units.items():
        members = [i for i, s in enumerate(samples) if s.kind == kind]
        order = sorted(names)
        middle = np.median([samples[i].frame or 0 for i in members])
        for i in members:
            s = samples[i]
            late = (s.frame or 0) >= middle if len(names) == 1 else order.index(s.unit) % FOLDS
            parts[int(late)].append(i)
    return parts


def cost(design: Design, network: torch.nn.Module, thresholds: Thresholds) -> dict[str, float]:
    """Measure drawing (torch, float32) and decoding on a rendered picture, medians of seven.

    Returns
    -------
    dict
        ``network`` and ``decode`` in CPU seconds per megapixel; ``n_true`` and ``n_found`` nuclei.
    """
    settings = NucleiMovieSettings(
        height=1008, width=1008, diameter_px=WORKING_PX + 2, density=0.26
    )
    picture, truth = simulate_picture(settings, seed=1)
    scaled = normalise_plane(picture, percentiles=PERCENTILES)
    megapixels = scaled.size / 1e6
    maps, shape = draw_maps(design, network, scaled)
    found = design.decode(maps, shape, thresholds)
    return {
        "network": _seconds(lambda: draw_maps(design, network, scaled)) / megapixels,
        "decode": _seconds(lambda: design.decode(maps, shape, thresholds)) / megapixels,
        "n_true": len(np.unique(truth)) - 1,
        "n_found": len(np.unique(found)) - 1,
    }


def _seconds(work: object) -> float:
    assert callable(work)
    times = []
    for _ in range(7):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return float(np.median(times))
