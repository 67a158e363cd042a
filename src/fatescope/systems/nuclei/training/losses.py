"""What counts as an error of the nuclei network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from fatescope.prepare.targets import OFFSET_REACH_PX
from fatescope.train.losses import dice_loss, weighted_mean

if TYPE_CHECKING:
    from fatescope.train.settings import LossSettings

OFFSET_UNIT_PX = 11
"""An offset that is wrong by this, the radius of a usual nucleus, is an error of 1."""


def nucleus_loss(
    logits: torch.Tensor, target: torch.Tensor, *, settings: LossSettings
) -> dict[str, torch.Tensor]:
    """Return the parts of the loss and their weighted sum, ``loss``.

    Parameters
    ----------
    logits : Tensor, shape (B, 3 or 5, Y, X)
        Foreground, distance and border before the sigmoid; then offsets down and across, where
        the network draws them.
    target : Tensor, shape (B, 8, Y, X)
        All five in 0..1; then 1 where the foreground counts (0: ignored), where distance and
        border count, and where offsets count.
    settings : LossSettings
        Weights.

    Notes
    -----
    Foreground: binary cross-entropy, heavier at a touching border, and Dice over the batch.
    Distance: cross-entropy with the distance as a soft target (or the absolute error), three times
    as heavy inside nuclei. Where it is open whether a pixel lies between two nuclei, cross-entropy
    is least at the mean of both answers, which leaves a valley to see; the absolute error is least
    at the likelier answer, which leaves none. Border: cross-entropy in which a border pixel weighs
    `border_class` times any other. Offsets: absolute error in units of `OFFSET_UNIT_PX`, inside
    nuclei that are seen whole.
    """
    foreground, distance, border, down, across = target[:, :5].unbind(1)
    counts, counts_instances, counts_offsets = target[:, 5:].unbind(1)
    near = 1 + settings.near_border * border
    weight = counts * near
    entropy = cross_entropy(logits[:, 0], foreground, reduction="none")
    parts = {"foreground": weighted_mean(entropy, weight)}
    parts["dice"] = dice_loss(torch.sigmoid(logits[:, 0]) * counts, foreground * counts)
    if settings.distance_error == "absolute":
        error = (torch.sigmoid(logits[:, 1]) - distance).abs()
    else:
        error = cross_entropy(logits[:, 1], distance, reduction="none")
    parts["distance"] = weighted_mean(error, counts_instances * near * (1 + 2 * foreground))
    edge = cross_entropy(logits[:, 2], border, reduction="none")
    weight_edge = counts_instances * (1 + (settings.border_class - 1) * border)
    parts["border"] = weighted_mean(edge, weight_edge)
    if logits.shape[1] > 3:
        residual = torch.sigmoid(logits[:, 3:]) - torch.stack([down, across], dim=1)
        error = residual.abs().sum(dim=1) * (OFFSET_REACH_PX / OFFSET_UNIT_PX)
        parts["offset"] = weighted_mean(error, counts_offsets * near * foreground)
    else:
        parts["offset"] = torch.zeros(())
    parts["loss"] = (
        parts["foreground"]
        + settings.dice * parts["dice"]
        + settings.distance * parts["distance"]
        + settings.border * parts["border"]
        + settings.offset * parts["offset"]
    )
    return parts
