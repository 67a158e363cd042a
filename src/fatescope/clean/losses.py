"""Samples with the highest loss under networks that have not seen them.

A high loss says that a sample is hard, not why: its labels may be wrong, or its stage rare. So the
highest are shown, and left out only where a person asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Finding

if TYPE_CHECKING:
    from fatescope.base import Table
    from fatescope.base.types import BoolArray, FloatArray

SHOWN = 0.1
"""Share of the samples that is shown as highest where nobody gives one."""
RULE = "loss"


def highest(loss: FloatArray, share: float) -> BoolArray:
    """Return which losses are the highest share; of equal ones, the first.

    Examples
    --------
    >>> highest(np.array([0.1, 0.9, 0.2, 0.4]), 0.25).tolist()
    [False, True, False, False]
    """
    out = np.zeros(len(loss), dtype=np.bool_)
    out[np.argsort(-loss, kind="stable")[: round(share * len(loss))]] = True
    return out


def loss_findings(losses: Table, *, drop: float | None) -> list[Finding]:
    """Return a finding for each sample of the highest losses, the highest first.

    Parameters
    ----------
    losses : Table
        ``image, frame, unit, loss``; frame -1: the image is no movie.
    drop : float or None
        Share of the samples that is to be left out (``warning``); ``None``: the highest tenth is
        shown (``info``), and nothing is left out.
    """
    share = SHOWN if drop is None else drop
    chosen = np.flatnonzero(highest(losses["loss"], share))
    if not len(chosen):
        return []
    limit = float(losses["loss"][chosen].min())
    order = chosen[np.argsort(-losses["loss"][chosen], kind="stable")]
    return [
        Finding(
            file=str(losses["image"][row]),
            frame=None if losses["frame"][row] < 0 else int(losses["frame"][row]),
            rule=RULE,
            value=round(float(losses["loss"][row]), 6),
            limit=round(limit, 6),
            severity="info" if drop is None else "warning",
            reason=f"A network that has not seen {losses['unit'][row]} has a loss of "
            f"{losses['loss'][row]:.3g} here, among the highest {share:.0%} of all samples: wrong "
            "labels, or a rare stage. Look before you leave it out.",
        )
        for row in order.tolist()
    ]
