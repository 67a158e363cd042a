"""A torch network with the interface of a loaded model package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray


class EvaluatedNetwork:
    """Runs a network that was just trained where the engine expects a model.

    Parameters
    ----------
    network : Module
        (B, 1, Y, X) to (B, 3, Y, X), in 0..1.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self._network = network.eval()
        self._device = next(network.parameters()).device

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the maps of a batch, float32."""
        with torch.no_grad():
            maps = self._network(torch.from_numpy(np.ascontiguousarray(batch)).to(self._device))
        return np.asarray(maps.float().cpu().numpy(), np.float32)
