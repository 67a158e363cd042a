"""What counts as an error of a network that proposes boxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.nn.functional import logsigmoid

from fatescope.systems.live_dead.training.network import corners_of

if TYPE_CHECKING:
    from fatescope.systems.live_dead.training.settings import BoxLossSettings


def box_loss(
    logits: torch.Tensor, target: torch.Tensor, *, settings: BoxLossSettings
) -> dict[str, torch.Tensor]:
    """Return the parts of the loss and their weighted sum, ``loss``.

    Parameters
    ----------
    logits : Tensor, shape (B, 6, Y, X)
        Of `BoxUNet.logits`.
    target : Tensor, shape (B, 8, Y, X)
        `fatescope.systems.live_dead.training.crops.TARGETS`.
    settings : BoxLossSettings

    Notes
    -----
    Centres: the focal loss of Law and Deng (CornerNet, ECCV 2018), less heavy near a centre.
    Boxes: 1 - generalised IoU (Rezatofighi et al., CVPR 2019). Class: cross-entropy, with as many
    labels taken as wrong as ``smooth`` says. The last two count where the heat of a centre is
    high, and as much.
    """
    heat, corners, second, inside, known = (
        target[:, 0],
        target[:, 1:5],
        target[:, 5],
        target[:, 6],
        target[:, 7],
    )
    centre = (heat == 1).float() * known
    n = centre.sum().clamp(min=1.0)
    p = torch.sigmoid(logits[:, 0])
    hit = (1 - p) ** 2 * logsigmoid(logits[:, 0]) * centre
    miss = p**2 * logsigmoid(-logits[:, 0]) * (1 - heat) ** 4 * known * (1 - centre)
    parts = {"centre": -(hit.sum() + miss.sum()) / n}
    weight = inside.sum().clamp(min=1.0)
    parts["box"] = ((1 - _giou(corners_of(logits[:, 1:5]), corners)) * inside).sum() / weight
    soft = second * (1 - 2 * settings.smooth) + settings.smooth
    parts["state"] = (cross_entropy(logits[:, 5], soft, reduction="none") * inside).sum() / weight
    parts["loss"] = parts["centre"] + settings.box * parts["box"] + settings.state * parts["state"]
    return parts


def _giou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the generalised IoU of boxes (B, 4, Y, X), point by point."""

    def area(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        return (high - low).clamp(min=0).prod(dim=1)

    both = area(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    union = area(a[:, :2], a[:, 2:]) + area(b[:, :2], b[:, 2:]) - both
    hull = area(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:]))
    return both / union.clamp(min=1e-3) - (hull - union) / hull.clamp(min=1e-3)
