"""Networks of segmentation-models-pytorch behind the interface of this house's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fatescope.base import imported
from fatescope.prepare.targets import DRAWN
from fatescope.train._torchvision import ensure_torchvision
from fatescope.train.encoder_weights import fill_encoder, read_weights

if TYPE_CHECKING:
    from fatescope.train.network_settings import LibraryNetwork

_NAMES = {
    "resnet18": "resnet18",
    "mobilenet-v2": "mobilenet_v2",
    "efficientnet-lite0": "tu-tf_efficientnet_lite0",
}
_DEPTH = 4  # strides up to 16: inputs of multiples of 16, as for the house's network
_DECODER = (128, 64, 32, 16)  # channels; the library's own, without the first of its five


class NamedNetwork(nn.Module):  # type: ignore[misc] # torch is not followed
    """(B, C, Y, X) to maps in 0..1, (B, n, Y, X); Y and X multiples of 16.

    Parameters
    ----------
    settings : LibraryNetwork
    n_inputs : int
        Channels of the input.
    """

    def __init__(self, settings: LibraryNetwork, *, n_inputs: int = 1) -> None:
        super().__init__()
        smp = segmentation_library()
        common: dict[str, Any] = {
            "encoder_name": _NAMES[settings.encoder],
            "encoder_weights": None,  # nothing is fetched; `fill_encoder` brings them
            "encoder_depth": _DEPTH,
            "in_channels": n_inputs,
            "classes": settings.n_outputs or len(DRAWN),
        }
        self.settings = settings
        if settings.kind == "fpn":
            # Without dropout: its random numbers would be lost where a run is continued.
            self.body = smp.FPN(**common, decoder_dropout=0.0, upsampling=2)
        else:
            self.body = smp.Unet(**common, decoder_channels=_DECODER)

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs before the sigmoid, at full resolution."""
        return self.body(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return probabilities; what the exported graph computes."""
        return torch.sigmoid(self.logits(x))

    def prepare_step(self, step: int) -> None:
        """Let the encoder learn, or not, at a step; frozen, its statistics stand still too."""
        plan = self.settings
        frozen = plan.freeze == "encoder" and (plan.unfreeze_at is None or step < plan.unfreeze_at)
        self.body.encoder.requires_grad_(not frozen)
        self.body.encoder.train(self.training and not frozen)

    def rate_groups(self) -> list[tuple[float, list[nn.Parameter]]]:
        """Return parameters by their rate beside that of the recipe; the decoder's first."""
        encoder = list(self.body.encoder.parameters())
        known = {id(p) for p in encoder}
        others = [p for p in self.parameters() if id(p) not in known]
        return [(1.0, others), (self.settings.encoder_rate, encoder)]


def build_named(settings: LibraryNetwork, *, n_inputs: int = 1) -> Any:
    """Return a `NamedNetwork`, its encoder filled as the settings say."""
    network = NamedNetwork(settings, n_inputs=n_inputs)
    if settings.weights != "random":
        fill_encoder(network.body.encoder, read_weights(settings), name=settings.encoder)
    return network


def segmentation_library() -> Any:
    """Return segmentation-models-pytorch."""
    ensure_torchvision()
    return imported("segmentation_models_pytorch")
