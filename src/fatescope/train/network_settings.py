"""Networks by name: an encoder and a decoder of segmentation-models-pytorch. No array library."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fatescope.base import Settings, setting

N_OUTPUTS = setting(
    None,
    "maps it draws while it learns: 3 (foreground, distance, border), or 5 (and offsets); "
    "default: as the package that it goes on from, or 5",
    ge=1,
)


class LibraryNetwork(Settings):
    """A network of segmentation-models-pytorch, for comparison or for weights from elsewhere."""

    kind: Literal["unet", "fpn"] = setting("unet", "the decoder")
    encoder: Literal["resnet18", "mobilenet-v2", "efficientnet-lite0"] = setting(
        "efficientnet-lite0", "the encoder"
    )
    weights: str = setting(
        "random", "weights of the encoder: random, imagenet, or a .safetensors or .pth file"
    )
    sha256: str = setting("", "checksum of that file; needed where weights is a file")
    freeze: Literal["nothing", "encoder"] = setting("nothing", "what does not learn at first")
    unfreeze_at: int | None = setting(
        None, "step at which the frozen encoder begins to learn", unit="steps", ge=1
    )
    encoder_rate: float = setting(0.1, "learning rate of the encoder beside the decoder's", gt=0)
    n_outputs: int | None = N_OUTPUTS

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        if self.weights not in ("random", "imagenet") and not self.sha256:
            raise ValueError(f"weights = {self.weights!r} is a file and needs its sha256")
        if self.unfreeze_at is not None and self.freeze == "nothing":
            raise ValueError("unfreeze_at needs freeze = 'encoder'")
        return self
