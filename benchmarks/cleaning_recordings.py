"""The recordings that `cleaning.py` puts faults into, and faults drawn by another hand.

Rendered embryos of many kinds (size, length, interval, noise, colours, depth), rendered plates in
bright field, and what the data folder holds that can be read as a movie: the embryo, the planes of
volumes, and slices of one depth over time.
"""

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

from fatescope.acquire import read_image
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.simulate.embryo import Lives, MovieScene, MovieSettings

RENDERED = {
    # name: seed, minutes, interval, first frame, frames, height, width, settings
    "128 px, 1 min": (1, 130, 1.0, 40, 70, 128, 128, {}),
    "128 px, 5 min": (2, 250, 5.0, 0, 50, 128, 160, {}),
    "128 px, 1.5 min, little noise": (3, 120, 1.5, 0, 80, 120, 176, {"photons": 200}),
    "128 px, few cells": (4, 60, 1.0, 0, 60, 128, 160, {}),
    "160 px, 1 min, green only": (5, 140, 1.0, 60, 70, 160, 200, {"reporter": "none"}),
    "192 px, 1 min, with a neighbour": (6, 150, 1.0, 60, 80, 192, 256, {"neighbour": 1.0}),
    "192 px, 3 min": (7, 240, 3.0, 0, 75, 192, 256, {}),
    "256 px, 1 min": (8, 200, 1.0, 90, 100, 256, 356, {}),
    "256 px, 5 min": (9, 250, 5.0, 0, 50, 256, 356, {}),
    "256 px, few photons": (10, 160, 1.0, 50, 80, 256, 256, {"photons": 8}),
    "256 px, without noise": (11, 150, 1.5, 10, 80, 256, 256, {"photons": 1e5, "speckle": 0}),
    "256 px, laser turned up": (12, 190, 1.0, 60, 100, 256, 356, {"laser_steps": 4}),
    "256 px, haze": (13, 150, 1.0, 60, 80, 256, 256, {"haze": 0.1, "dark": 0.05}),
    "512 px, 1 min": (14, 190, 1.0, 80, 80, 512, 712, {}),
    "10 frames, 128 px": (15, 120, 1.0, 80, 10, 128, 176, {}),
    "12 frames, 192 px, 5 min": (16, 200, 5.0, 20, 12, 192, 256, {}),
    "20 frames, 128 px, 5 min": (17, 200, 5.0, 10, 20, 128, 128, {}),
    "20 frames, 256 px": (18, 160, 1.0, 100, 20, 256, 256, {}),
    "30 frames, 128 px, few cells": (19, 80, 1.0, 0, 30, 128, 128, {}),
    "30 frames, 192 px, without noise": (20, 160, 3.0, 20, 30, 192, 192, {"photons": 1e5}),
}
"""Rendered movies; each is also read as grey with 16 bits where its name says nothing else."""
GREY = (2, 7, 8, 11, 16, 18, 20)
"""Seeds of those that are read as grey too, in 16 bits."""
UM_PX = 0.09
_HEIGHT = 512


def rendered(others: int = 0):
    """Yield (name, frames) of embryos, (T, Y, X, 3) of uint8 or (T, Y, X) of uint16.

    With ``others``, embryos of the same kinds drawn independently.
    """
    for name, (kind, minutes, interval, first, n, height, width, more) in RENDERED.items():
        seed = kind + 1000 * others
        lives = Lives(
            simulate_lineage(LineagePlan(minutes=minutes), seed=seed),
            spacing_um=(1.0, UM_PX, UM_PX),
            interval_min=interval,
        )
        pixel = UM_PX * max(_HEIGHT / height, 712 / width)
        look = {"neighbour": 0.0, **more}
        settings = MovieSettings(height=height, width=width, voxel_um=(1.0, pixel, pixel), **look)
        scene = MovieScene(lives, settings, seed=seed)
        frames = np.stack([scene.render(first + k) for k in range(n)])
        yield name, frames
        if kind in GREY:
            grey = frames[..., 1].astype(np.uint16) * 40 + 200
            rng = np.random.default_rng(seed)
            noise = 0 if "without" in name else rng.integers(0, 40, grey.shape, dtype=np.uint16)
            yield f"{name}, grey, 16 bit", grey + noise


def drifting(others: int = 0):
    """Yield (name, frames) of cells in bright field on a grey background that drift and divide."""
    for kind, (n, shape, cells) in enumerate([(40, (200, 240), 40), (24, (128, 128), 12)]):
        seed = kind + 1000 * others
        rng = np.random.default_rng([seed, 7])
        y, x = np.indices(shape)
        place = rng.uniform(0.05, 0.95, (cells, 2)) * shape
        field = 120 + 15 * np.sin(y / 90 + seed) + 10 * np.cos(x / 70)
        frames = np.zeros((n, *shape), np.uint8)
        for t in range(n):
            place += rng.normal(0, 0.8, place.shape)
            light = field.copy()
            for py, px in place:
                away = np.hypot(y - py, x - px)
                light += 50 * np.exp(-((away - 7) ** 2) / 6) - 35 * np.exp(-(away**2) / 18)
            frames[t] = np.clip(light + rng.normal(0, 3, shape), 0, 255)
        yield f"bright field, {n} frames, {shape[0]} px", frames


def recorded(data: Path):
    """Yield (name, frames) of what was recorded: the embryo, planes of volumes, slices in time."""
    movie = data / "devolearn_samples" / "embryo_timelapse.mov"
    if movie.exists():
        yield "recorded embryo", _film(movie)
    for path in sorted((data / "tissue_volumes").glob("[no]*.tif")):
        yield f"planes of {path.stem}", np.squeeze(np.asarray(read_image(path).read()))
    for path in sorted((data / "nuclei3d_mouse" / "images").glob("*_t*.tif"))[::11]:
        yield f"planes of mouse embryo {path.stem}", np.squeeze(np.asarray(read_image(path).read()))
    yield from _slices(data / "nuclei_ce_slices")


def _film(path):
    image = read_image(path)
    return np.stack([np.moveaxis(image.read(T=t), 0, -1) for t in range(image.size("T"))])


def _slices(folder):
    if not (folder / "index.csv").exists():
        return
    planes = defaultdict(list)
    with (folder / "index.csv").open() as file:
        for row in csv.DictReader(file):
            planes[row["plane"]].append((int(row["time"]), row["name"]))
    for plane, found in sorted(planes.items()):
        if len(found) >= 18 and int(plane) >= 8:
            paths = [folder / "images" / f"{name}.png" for _, name in sorted(found)]
            pixels = np.stack([np.squeeze(np.asarray(read_image(p).read())) for p in paths])
            yield f"slices of plane {plane} over time", pixels


class OtherHand:
    """Faults of the same names, made otherwise than `simulate movie` does; see `frame`."""

    def __init__(self, frames, strangers):
        self.frames, self.strangers = frames, strangers
        self.top = 255 if frames.dtype == np.uint8 else int(frames.max() * 1.3)
        self.colours = frames.ndim == 4

    def frame(self, t, fault):
        """Return the frame that a fault shows instead; ``fault`` as from `plan_faults`."""
        rng = np.random.default_rng([fault.seed, 90])
        make = getattr(self, f"_{fault.rule}")
        out = make(t, fault, rng)
        return np.clip(np.rint(out), 0, self.top).astype(self.frames.dtype)

    def _at(self, t):
        return self.frames[t].astype(np.float32)

    def _black(self, t, fault, rng):
        return np.full(self.frames.shape[1:], rng.choice([0, 2]) if self.colours else 0.0)

    def _dark(self, t, fault, rng):
        return self._at(t) * rng.uniform(0.15, 0.45)

    def _frozen(self, t, fault, rng):
        return self._at(fault.first - 1)

    _duplicate = _frozen

    def _saturated(self, t, fault, rng):
        if rng.random() < 0.3:
            return np.full(self.frames.shape[1:], float(self.top))
        return self._at(t) * rng.uniform(3, 10)

    def _blurred(self, t, fault, rng):
        side = max(round(rng.uniform(0.03, 0.05) * self.frames.shape[1]), 3)
        size = (side, side) + (1,) * (self.frames.ndim - 3)
        if rng.random() < 0.5:
            return ndi.uniform_filter(self._at(t), size)
        return ndi.gaussian_filter(self._at(t), tuple(s / 2.5 if s > 1 else 0 for s in size))

    def _cropped(self, t, fault, rng):
        out = np.rot90(self._at(t), int(rng.integers(4))).copy()
        turns = 4 - int(np.random.default_rng([fault.seed, 90]).integers(4))
        out[: round(rng.uniform(0.25, 0.5) * len(out))] = 0
        return np.rot90(out, turns)

    def _jump(self, t, fault, rng):
        far = rng.uniform(0.06, 0.15) * self.frames.shape[2]
        angle = rng.uniform(0, 2 * np.pi)
        down, right = round(far * np.sin(angle)), round(far * np.cos(angle))
        return np.roll(self._at(t), (down, right), (0, 1))

    def _flicker(self, t, fault, rng):
        depth = rng.uniform(0.3, 0.5)
        return self._at(t) * (1 - depth if (t - fault.first) % 2 else 1 + depth)

    def _torn(self, t, fault, rng):
        out = self._at(t).copy()
        row = round(rng.uniform(0.35, 0.65) * len(out))
        rows = slice(0, row) if rng.random() < 0.5 else slice(row, None)
        far = round(rng.uniform(0.06, 0.15) * out.shape[1]) * int(rng.choice([-1, 1]))
        out[rows] = np.roll(out[rows], far, axis=1)
        return out

    def _foreign(self, t, fault, rng):
        like = [s for s in self.strangers if s.ndim == self.frames.ndim]
        other = like[int(rng.integers(len(like)))]
        pixels = other[len(other) // 2].astype(np.float32) * (self.top / float(other.max()))
        shape = self.frames.shape[1:3]
        zoom = (shape[0] / pixels.shape[0], shape[1] / pixels.shape[1], 1)[: pixels.ndim]
        return ndi.zoom(pixels, zoom, order=1)

    def _line(self, t, fault, rng):
        out = self._at(t).copy()
        wide = max(round(rng.uniform(0.008, 0.02) * len(out)), 2)
        at = round(rng.uniform(0.1, 0.8) * min(out.shape[:2]))
        if rng.random() < 0.5:
            out[at : at + wide] = self._red()
        else:
            out[:, at : at + wide] = self._red()
        return out

    def _patch(self, t, fault, rng):
        out = self._at(t).copy()
        y, x = np.indices(out.shape[:2])
        middle = rng.uniform(0.3, 0.7, 2) * out.shape[:2]
        radius = rng.uniform(0.06, 0.12) * len(out)
        out[np.hypot(y - middle[0], x - middle[1]) < radius] = self._red()
        return out

    def _red(self):
        return (255, 0, 0) if self.colours else self.top
