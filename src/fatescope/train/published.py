"""What trainings of 2020 and 2021 share: an encoder, its weights, and chance that follows steps."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fatescope.train.encoder_weights import fill_encoder, read_weights
from fatescope.train.library_networks import segmentation_library

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.train.network_settings import LibraryNetwork

Batch = tuple[torch.Tensor, torch.Tensor]


def begun(make: Callable[[], Any], *, seed: int, weights: LibraryNetwork | None) -> Any:
    """Return a new network; its encoder is random unless a file of weights is given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
    if weights is not None:
        fill_encoder(network.encoder, read_weights(weights), name=weights.encoder)
    return network.to(memory_format=torch.channels_last)  # a quarter cheaper on CPU


def chance_of_step(transform: Any, rng: np.random.Generator) -> None:
    """Give all parts of a transform of Albumentations one generator.

    `set_random_seed` gives each its own of one seed, and then all of them act on an image or none.
    """
    transform.set_random_state(rng, random.Random(int(rng.integers(2**31))))


class DiceFpn:
    """FPN on ResNet18, one channel, sigmoid, Dice loss; a task adds its samples and its score."""

    def __init__(self, *, seed: int, weights: LibraryNetwork | None) -> None:
        self.seed = seed
        self._weights = weights

    def build(self) -> Any:
        """Return the network."""
        how = {"encoder_weights": None, "in_channels": 1, "classes": 1, "activation": "sigmoid"}
        library = segmentation_library()
        return begun(lambda: library.FPN("resnet18", **how), seed=self.seed, weights=self._weights)

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the Dice loss, and the pixels that both and either call foreground."""
        image, mask = batch
        found = network(image.contiguous(memory_format=torch.channels_last)).float()
        loss = segmentation_library().losses.DiceLoss("binary", from_logits=False)(found, mask)
        return {"loss": loss, **overlap(found, mask)}


def overlap(found: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the pixels that both and either call foreground."""
    inside, true = found > 0.5, mask > 0.5
    return {"shared_px": (inside & true).sum(), "either_px": (inside | true).sum()}
