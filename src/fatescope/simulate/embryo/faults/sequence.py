"""Faults of the sequence: frames that were shown already, or belong elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fatescope.simulate.embryo.faults.plan import Fault, Pixels, Render

_ELSEWHERE = (50, 110)
"""A foreign frame comes from so many frames away."""


def repeated(render: Render, frame: int, fault: Fault) -> Pixels:
    """Show the last true frame again: once (duplicate), or for a while (frozen)."""
    return render(fault.first - 1)


def foreign(render: Render, frame: int, fault: Fault) -> Pixels:
    """Show a frame of another time and pose, as some published movies do at the start."""
    away = int(fault.rng().integers(*_ELSEWHERE))
    return render(frame - away if frame >= away else frame + away)[:, ::-1].copy()
