"""Parts of what networks of maps learn by."""

from __future__ import annotations

import torch


def weighted_mean(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the mean over what has weight; 0 where nothing has."""
    return (error * weight).sum() / weight.sum().clamp(min=1.0)


def dice_loss(probability: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Return 1 less the Dice coefficient over the batch."""
    both = (probability * truth).sum()
    return 1 - (2 * both + 1) / (probability.sum() + truth.sum() + 1)
