"""What a worker of a predicting command needs to open any image and its model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar

from fatescope.acquire import open_image
from fatescope.predict.settings import PredictSettings

if TYPE_CHECKING:
    from fatescope.acquire import ImageFile
    from fatescope.base import Image
    from fatescope.models.runtime import Device
    from fatescope.predict import Predictor

S = TypeVar("S", bound=PredictSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker(Generic[S]):
    """What a worker needs to open any image and its model; it travels to other processes."""

    settings: S
    open_model: Callable[..., Predictor]
    threads: int
    device: Device

    def open(self, file: ImageFile) -> tuple[Image, Predictor]:
        """Return an image with the scale that the user gave, and the model, opened once."""
        choice = self.settings
        return open_image(file, choice), _open_once(
            self.open_model, choice.model, choice.precision, self.threads, self.device
        )


@lru_cache(maxsize=1)
def _open_once(
    open_model: Callable[..., Predictor],
    model: str,
    precision: str,
    threads: int,
    device: Device,
) -> Predictor:
    """Open the model once for each worker."""
    return open_model(model, precision=precision, threads=threads, device=device)
