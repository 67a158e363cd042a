"""What was done to a label image, undone and done again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fatescope.review.change import Change


@dataclass(frozen=True, slots=True)
class LabelStep:
    """One committed edit: its number in the journal, the change, and its name in words."""

    number: int
    change: Change
    text: str = ""


@dataclass(slots=True)
class LabelHistory:
    """The labels of an image and the steps that led to them.

    Unlike a lineage, frames are changed in place: a copy of a frame for each stroke would take
    longer than the stroke.

    Parameters
    ----------
    read : callable
        Returns the labels of a frame as they were found, (Y, X) or (Z, Y, X).
    done, undone : list of LabelStep
        Steps that hold, oldest first; those that `redo` would bring back, the next one last. A
        new step forgets ``undone``.
    """

    read: Callable[[int], NDArray[np.unsignedinteger]]
    done: list[LabelStep] = field(default_factory=list)
    undone: list[LabelStep] = field(default_factory=list)
    _frames: dict[int, NDArray[np.uint32]] = field(default_factory=dict)

    def frame(self, frame: int) -> NDArray[np.uint32]:
        """Return the labels of a frame as they are now; it is held from here on."""
        if frame not in self._frames:
            found = np.array(self.read(frame), dtype=np.uint32, order="C")
            self._frames[frame] = found
        return self._frames[frame]

    def held(self, frame: int) -> bool:
        """Say whether a frame is in memory, because it was edited or looked at."""
        return frame in self._frames

    @property
    def edited(self) -> dict[int, set[int]]:
        """Labels that the steps that hold have touched, by frame."""
        found: dict[int, set[int]] = {}
        for step in self.done:
            found.setdefault(step.change.frame, set()).update(step.change.labels)
        return found

    def do(self, step: LabelStep) -> None:
        """Apply a new step."""
        step.change.apply(self.frame(step.change.frame))
        self.done.append(step)
        self.undone.clear()

    def undo(self) -> LabelStep:
        """Take the last step back, and return it.

        Raises
        ------
        InputError
            If no step is left.
        """
        if not self.done:
            raise InputError("there is nothing to undo.")
        step = self.done[-1]
        step.change.inverse().apply(self.frame(step.change.frame))
        self.undone.append(self.done.pop())
        return step

    def redo(self) -> LabelStep:
        """Bring back the step that was undone last, and return it.

        Raises
        ------
        InputError
            If nothing was undone since the last new step.
        """
        if not self.undone:
            raise InputError("there is nothing to redo.")
        step = self.undone[-1]
        step.change.apply(self.frame(step.change.frame))
        self.done.append(self.undone.pop())
        return step
