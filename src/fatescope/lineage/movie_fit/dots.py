"""The nuclei of a table as soft dots, laid on small frames of a movie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import Lineage
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.movie_fit.pose import Pose
    from fatescope.lineage.movie_fit.stack import FrameStack

_SOFT = 0.6
"""Standard deviation of a dot, beside the radius of its nucleus."""
_USUAL_RADIUS = 0.055
"""Of a nucleus beside the extent of its embryo, where the table has no sizes."""
_ASIDE = 2.2
"""How far nuclei are laid aside, in radii, to see whether they fit more sharply than a cloud."""
_LEAST_SHARE = 0.5
"""Of the dots that must lie in the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """Nuclei of some frames of a table, drawn at one size and orientation.

    Parameters
    ----------
    frames : ndarray of int, shape (n,)
        Of the table.
    waves : ndarray of complex64, shape (n, rows, columns / 2 + 1)
        Conjugated Fourier transforms of the dots about the middle of the table, of length 1.
    radius : ndarray of float, shape (n,)
        Of a nucleus, in small pixels.
    pose : Pose
        Its size, orientation and rate were drawn; its place is that which `at_place` reads.
    middle : ndarray of float, shape (2,)
        y, x of the table that lie in the middle of the field.
    """

    frames: IntArray
    waves: NDArray[np.complex64]
    radius: FloatArray
    pose: Pose
    middle: FloatArray

    @classmethod
    def of(cls, lineage: Lineage, frames: IntArray, pose: Pose, stack: FrameStack) -> Dots | None:
        """Draw dots; ``None`` where the table is larger than the field at this size."""
        from scipy.fft import rfft2

        yx = lineage.position[:, 1:]
        wanted = np.isin(lineage.frame, frames)
        low, high = np.percentile(yx[wanted], [1, 99], axis=0)
        middle = (low + high) / 2
        rows, columns = stack.field
        half = np.array([rows, columns]) / 2
        drawn = np.zeros((len(frames), rows, columns), dtype=np.float32)
        radius = np.zeros(len(frames))
        extent = float(np.hypot(*(high - low)))
        linear = (pose.scale / stack.times) * pose.matrix
        for i, frame in enumerate(frames.tolist()):
            here = lineage.frame == frame
            at = (yx[here] - middle) @ linear.T + half
            inside = ((at >= 0) & (at < np.array([rows - 1, columns - 1]))).all(axis=1)
            if inside.mean() < _LEAST_SHARE:
                return None
            _add(drawn[i], at[inside])
            size = np.nanmedian(lineage.radius_px[here]) if _has_size(lineage, here) else np.nan
            size = size if np.isfinite(size) else _USUAL_RADIUS * extent
            radius[i] = max(float(size) * pose.scale / stack.times, 0.7)
        waves = rfft2(drawn) * _soft(stack, _SOFT * radius)
        waves[:, 0, 0] = 0
        waves /= np.maximum(_length(waves, columns), 1e-9)[:, None, None]
        return cls(
            frames=frames,
            waves=np.conj(waves).astype(np.complex64),
            radius=radius,
            pose=pose,
            middle=middle,
        )

    def best_place(self, stack: FrameStack, offset: float) -> tuple[float, tuple[float, float]]:
        """Return the best mean likeness over frames at an offset, and the shift that gives it."""
        from scipy.fft import irfft2

        shown, inside = self._shown(stack, offset)
        if not self._enough(inside):
            return -1.0, (0.0, 0.0)
        product = np.einsum("nyx,nyx->yx", stack.waves[shown[inside]], self.waves[inside])
        surface = irfft2(product, s=stack.field) / inside.sum()
        y, x = np.unravel_index(int(surface.argmax()), surface.shape)
        return float(surface[y, x]), self._shift(stack, _peak(surface, int(y), int(x)))

    def at_place(self, stack: FrameStack, offset: float) -> FloatArray:
        """Return the likeness of each frame where the pose says, (n,); NaN outside the movie."""
        return self._read(stack, offset, np.zeros((1, 2)))[:, 0]

    def aside(self, stack: FrameStack, offset: float) -> FloatArray:
        """Return the mean likeness of each frame where nuclei are laid aside, in 8 directions."""
        angle = np.arange(8) * np.pi / 4
        ring = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        return np.asarray(self._read(stack, offset, _ASIDE * ring).mean(axis=1))

    def _read(self, stack: FrameStack, offset: float, radii: FloatArray) -> FloatArray:
        """Return the likeness at places that are some radii from the pose's, (n, places)."""
        from scipy.fft import irfft2

        shown, inside = self._shown(stack, offset)
        out = np.full((len(self.frames), len(radii)), np.nan)
        at = self._place(stack)
        for i in np.flatnonzero(inside).tolist():
            surface = irfft2(stack.waves[shown[i]] * self.waves[i], s=stack.field)
            out[i] = _bilinear(surface, at + radii * self.radius[i])
        return out

    def _shown(self, stack: FrameStack, offset: float) -> tuple[IntArray, np.ndarray]:
        shown = np.rint(offset + self.pose.rate * self.frames).astype(np.int64)
        inside = (shown >= 0) & (shown < len(stack))
        return shown, inside

    def _enough(self, inside: np.ndarray) -> bool:
        return bool(inside.sum() >= max(3, 0.6 * len(inside)))

    def _shift(self, stack: FrameStack, at: FloatArray) -> tuple[float, float]:
        """Return the shift of the pose for a displacement of the dots in small pixels."""
        field = np.array(stack.field)
        moved = (at + field / 2) % field - field / 2
        small = moved + field / 2  # where the middle of the table lies
        pixel = (small + 0.5) * stack.times - 0.5
        shift = pixel - (self.pose.scale * self.pose.matrix) @ self.middle
        return float(shift[0]), float(shift[1])

    def _place(self, stack: FrameStack) -> FloatArray:
        """Return the displacement of the dots that the pose's shift stands for."""
        pixel = self.pose.places(self.middle[None])[0]
        small = (pixel + 0.5) / stack.times - 0.5
        return np.asarray(small - np.array(stack.field) / 2)


def _has_size(lineage: Lineage, here: np.ndarray) -> bool:
    return bool(np.isfinite(lineage.radius_px[here]).any())


def _add(drawn: FloatArray, at: FloatArray) -> None:
    low = np.floor(at).astype(int)
    part = at - low
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dy - part[:, 0]) * np.abs(1 - dx - part[:, 1])
            np.add.at(drawn, (low[:, 0] + dy, low[:, 1] + dx), weight)


def _soft(stack: FrameStack, width: FloatArray) -> FloatArray:
    """Return the Fourier transforms of soft dots, (n, rows, columns / 2 + 1)."""
    rows, columns = stack.field
    y, x = np.fft.fftfreq(rows), np.fft.rfftfreq(columns)
    square = (y[:, None] ** 2 + x[None] ** 2).astype(np.float32)
    wide = width[:, None, None].astype(np.float32)
    return np.asarray(np.exp(-2 * np.pi**2 * square * wide**2))


def _length(waves: NDArray[np.complex64], columns: int) -> FloatArray:
    """Return the lengths of the images that half transforms belong to (Parseval)."""
    power = np.abs(waves) ** 2
    twice = 2 * power.sum(axis=(1, 2)) - power[:, :, 0].sum(axis=1)
    if columns % 2 == 0:
        twice -= power[:, :, -1].sum(axis=1)
    return np.asarray(np.sqrt(twice / (waves.shape[1] * columns)))


def _peak(surface: FloatArray, y: int, x: int) -> FloatArray:
    """Return the top of a parabola through a maximum and its neighbours."""
    out = []
    for place, line in ((y, surface[:, x]), (x, surface[y])):
        before, here, after = line[place - 1], line[place], line[(place + 1) % len(line)]
        bend = before - 2 * here + after
        out.append(place + (0.5 * (before - after) / bend if bend < 0 else 0.0))
    return np.array(out)


def _bilinear(surface: FloatArray, at: FloatArray) -> FloatArray:
    """Read a surface between its pixels; it goes round."""
    low = np.floor(at).astype(int)
    part = at - low
    out = np.zeros(len(at))
    for dy in (0, 1):
        for dx in (0, 1):
            weight = np.abs(1 - dy - part[:, 0]) * np.abs(1 - dx - part[:, 1])
            rows, columns = (low[:, 0] + dy), (low[:, 1] + dx)
            out += weight * surface[rows % surface.shape[0], columns % surface.shape[1]]
    return out
