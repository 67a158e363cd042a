"""What counts as an error of the nuclei network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

if TYPE_CHECKING:
    from fatescope.train.settings import LossSettings


def nucleus_loss(
    logits: torch.Tensor, target: torch.Tensor, *, settings: LossSettings
) -> dict[str, torch.Tensor]:
    """Return the parts of the loss and their weighted sum, ``loss``.

    Parameters
    ----------
    logits : Tensor, shape (B, 3, Y, X)
        Foreground, distance and border before the sigmoid.
    target : Tensor, shape (B, 5, Y, X)
        The same three in 0..1; then 1 where the foreground counts (0: ignored), and 1 where
        distance and border count.
    settings : LossSettings
        Weights.

    Notes
    -----
    Foreground: binary cross-entropy, heavier at a touching border, and Dice over the batch.
    Distance: cross-entropy with the distance as a soft target (or the absolute error), three times
    as heavy inside nuclei. Where it is open whether a pixel lies between two nuclei, cross-entropy
    is least at the mean of both answers, which leaves a valley to see; the absolute error is least
    at the likelier answer, which leaves none. Border: cross-entropy in which a
    border pixel weighs `border_class` times any other.
    """
    foreground, distance, border, counts, counts_instances = target.unbind(1)
    near = 1 + settings.near_border * border
    weight = counts * near
    entropy = cross_entropy(logits[:, 0], foreground, reduction="none")
    parts = {"foreground": _mean(entropy, weight)}
    parts["dice"] = _dice(torch.sigmoid(logits[:, 0]) * counts, foreground * counts)
    if settings.distance_error == "absolute":
        error = (torch.sigmoid(logits[:, 1]) - distance).abs()
    else:
        error = cross_entropy(logits[:, 1], distance, reduction="none")
    parts["distance"] = _mean(error, counts_instances * near * (1 + 2 * foreground))
    edge = cross_entropy(logits[:, 2], border, reduction="none")
    weight_edge = counts_instances * (1 + (settings.border_class - 1) * border)
    parts["border"] = _mean(edge, weight_edge)
    parts["loss"] = (
        parts["foreground"]
        + settings.dice * parts["dice"]
        + settings.distance * parts["distance"]
        + settings.border * parts["border"]
    )
    return parts


def _mean(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (error * weight).sum() / weight.sum().clamp(min=1.0)


def _dice(probability: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    both = (probability * truth).sum()
    return 1 - (2 * both + 1) / (probability.sum() + truth.sum() + 1)
