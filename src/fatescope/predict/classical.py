"""The model ``classical``: threshold, distance and climbing, without weights.

It takes the same path as a network: it makes the same three maps on the same tiles. The threshold
is Otsu's, of the whole plane, lowered or raised where the background around is darker or brighter.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import ModelError
from fatescope.models.description import ModelDescription
from fatescope.models.inputs import ImageInput, Tiling
from fatescope.models.outputs import InstanceMaps, Thresholds
from fatescope.predict.normalise import VALUE_BINS, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from fatescope.predict.normalise import PlaneStatistics

_VERSION = "1"

DESCRIPTION = ModelDescription(
    name="classical",
    version=_VERSION,
    summary="Otsu's threshold, corrected for uneven background, and distance to the outline.",
    input=ImageInput(
        diameter_px=22.0,
        diameter_range_px=(8.0, 60.0),
        tiling=Tiling(tile_px=(1024, 1024), halo_px=(64, 64), divisor=(1, 1)),
    ),
    output=InstanceMaps(
        thresholds=Thresholds(core=0.4, border_weight=0.0, merge_distance=0.8, min_area_px=30)
    ),
)


class Classical:
    """The built-in model: a `Predictor` without a package."""

    def __init__(self) -> None:
        self.name = DESCRIPTION.name
        self.device = "cpu"
        self.solid = None
        self.description = DESCRIPTION
        text = DESCRIPTION.model_dump_json()
        self.sha256 = hashlib.sha256(text.encode()).hexdigest()

    def network(
        self, parts: Callable[[], Iterable[NDArray[Any]]], statistics: PlaneStatistics | None, /
    ) -> ThresholdNetwork:
        """Return the maps' maker for a plane: its threshold comes from the whole plane.

        Raises
        ------
        ModelError
            Without statistics of the plane.
        """
        if statistics is None:
            raise ModelError(
                f"model {self.name!r} looks at each plane before it draws, and this task gives it "
                "no statistics of planes. Take a trained package."
            )
        counts = np.zeros(VALUE_BINS.n, np.int64)
        for part in parts():
            counts += VALUE_BINS.count(normalise(part, statistics))
        return ThresholdNetwork(VALUE_BINS.otsu(counts))


class ThresholdNetwork:
    """Maps from one threshold on normalised images."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return foreground, distance and (empty) border, each in 0..1."""
        return np.stack([self._maps(image[0]) for image in batch])

    def _maps(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        import edt

        smooth = smoothed(image, times=1)
        foreground = np.clip((smooth - self.threshold) / 0.2 + 0.5, 0, 1)
        inside = (foreground >= 0.5).astype(np.uint8)
        distance = edt.edt(inside, black_border=False, parallel=1)
        radius = DESCRIPTION.image.diameter_px / 2
        distance = np.minimum(smoothed(distance, times=2) / np.float32(radius), 1)
        return np.stack([foreground, distance, np.zeros_like(distance)]).astype(np.float32)


def smoothed(image: NDArray[np.float32], *, times: int) -> NDArray[np.float32]:
    """Smooth by (1, 2, 1) / 4 along both axes, as often as said; the edge is repeated."""
    quarter = np.float32(0.25)
    for _ in range(times):
        for axis in (0, 1):
            values = np.moveaxis(image, axis, 0)
            wide = np.concatenate([values[:1], values, values[-1:]])
            image = np.moveaxis((wide[:-2] + 2 * wide[1:-1] + wide[2:]) * quarter, 0, axis)
    return image
