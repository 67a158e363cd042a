"""Another embryo beside the one that is recorded, cut by the edge of the field."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.simulate.embryo.shell import Shell

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.simulate.embryo.moments import Lives, Moment

_GAP_UM = (0.5, 4.0)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An embryo that lies elsewhere, turned in the plane, at a stage of its own.

    Parameters
    ----------
    lives : Lives
    shell : Shell
        Where the lives are.
    turn : float
        Radians from x towards y.
    shift_um : ndarray of float, shape (3,)
        From the middle of its own shell to its place in the field.
    ahead : float
        Frames by which it is ahead of the recorded embryo.
    """

    lives: Lives
    shell: Shell
    turn: float
    shift_um: FloatArray
    ahead: float

    @classmethod
    def draw(
        cls, lives: Lives, shell: Shell, beside: Shell, *, rng: np.random.Generator
    ) -> Neighbour:
        """Place an embryo so that it touches the recorded one, or nearly does."""
        turn, side = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
        turned = Shell(centre_um=beside.centre_um, half_um=shell.half_um, angle=shell.angle + turn)
        away = beside.reach(side) + turned.reach(side) + rng.uniform(*_GAP_UM)
        shift = beside.centre_um + away * np.array([0.0, np.sin(side), np.cos(side)])
        span = float(lives.last.max() - lives.first.min())
        return cls(lives, shell, turn, shift, float(rng.uniform(-0.4, 0.4) * span))

    def at(self, frame: float) -> Moment:
        """Return its nuclei at a moment of the recording, where they are seen."""
        first, last = float(self.lives.first.min()), float(self.lives.last.max())
        moment = self.lives.at(float(np.clip(frame + self.ahead, first, last)))
        return replace(
            moment,
            centre_um=_turned(moment.centre_um - self.shell.centre_um, self.turn) + self.shift_um,
            axis=_turned(moment.axis, self.turn),
        )


def _turned(vector: FloatArray, angle: float) -> FloatArray:
    z, y, x = vector.T
    return np.stack(
        [z, y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)], axis=1
    )
