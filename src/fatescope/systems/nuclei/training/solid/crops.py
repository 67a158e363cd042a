"""Crops of the maps of planes, with what the network in space should draw there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.tiling import FULL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.systems.nuclei.training.solid.settings import SolidCrops
    from fatescope.systems.nuclei.training.solid.stacks import SolidVolume

_TRIES = 8  # to place a crop on a voxel of a nucleus


class SolidCropSource:
    """All crops of a training run, by number; a crop depends on the seed and its number alone."""

    def __init__(self, volumes: Sequence[SolidVolume], *, settings: SolidCrops, seed: int) -> None:
        self._volumes, self._settings, self._seed = volumes, settings, seed
        kinds = [v.kind for v in volumes]
        weight = np.array([kinds.count(k) ** (settings.balance - 1) for k in kinds])
        self._share = weight / weight.sum()

    def crop(self, number: int) -> tuple[FloatArray, FloatArray]:
        """Return crop ``number``.

        Returns
        -------
        shown : ndarray of float32, shape (3, Z, Y, X)
            In 0..1, a little beyond where noise was added.
        target : ndarray of float32, shape (3, Z, Y, X)
            Foreground, distance; then 1 where both are known. Beyond the stack all are 0.
        """
        rng = np.random.default_rng((self._seed, number))
        volume = self._volumes[int(rng.choice(len(self._volumes), p=self._share))]
        window, pads = self._window(volume, rng)
        both = np.concatenate([volume.shown[window], volume.target[window]])
        both = np.pad(both, pads)
        for axis in (1, 2, 3):
            if rng.random() < 0.5:
                both = np.flip(both, axis)
        if rng.random() < 0.5:
            both = both.swapaxes(2, 3)
        crop = np.ascontiguousarray(both, np.float32) / np.float32(FULL)
        shown, target = crop[:3], crop[3:]
        if rng.random() < self._settings.changed:
            shown = self._changed(shown, rng)
        return shown, target

    def _window(
        self, volume: SolidVolume, rng: np.random.Generator
    ) -> tuple[tuple[slice, ...], list[tuple[int, int]]]:
        """Return where a crop is cut, and what is added where the stack is shorter."""
        inside, plan = volume.target[0], self._settings
        tries = _TRIES if rng.random() < plan.on_nuclei else 1
        for _ in range(tries):
            middle = tuple(int(rng.integers(n)) for n in inside.shape)
            if inside[middle]:
                break
        window, pads = [slice(None)], [(0, 0)]
        side = plan.planes, plan.size_px, plan.size_px
        for at, n, length in zip(middle, inside.shape, side, strict=True):
            first = int(np.clip(at - length // 2, 0, max(0, n - length)))
            window.append(slice(first, min(n, first + length)))
            pads.append((0, max(0, length - n)))
        return tuple(window), pads

    def _changed(self, shown: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Put an exponent and a factor on each map, and noise on all."""
        plan = self._settings
        gamma, gain = (
            np.exp(rng.normal(0, spread, (3, 1, 1, 1))) for spread in (plan.gamma, plan.gain)
        )
        changed = np.clip(shown**gamma * gain, 0, 1)
        noise = rng.normal(0, rng.uniform(0, plan.noise), shown.shape)
        return np.asarray(changed + noise, np.float32)
