"""What was done, undone and done again: a lineage with its steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.lineage.editing.actions import Action


@dataclass(frozen=True, slots=True)
class Step:
    """One committed action: its number in the journal, the action, and what the user typed."""

    number: int
    action: Action
    text: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """A lineage and the steps that led to it; every method returns a new history.

    ``done`` are the steps that hold, oldest first; ``undone`` those that `redo` would bring
    back, the next one last. A new step forgets ``undone``, as in every editor; the journal
    still lists them.
    """

    lineage: Lineage
    done: tuple[Step, ...] = field(default=())
    undone: tuple[Step, ...] = field(default=())

    def do(self, step: Step) -> History:
        """Apply a new step."""
        return History(step.action.apply(self.lineage), (*self.done, step), ())

    def undo(self) -> History:
        """Take the last step back.

        Raises
        ------
        InputError
            If no step is left.
        """
        if not self.done:
            raise InputError("there is nothing to undo.")
        step = self.done[-1]
        return History(
            step.action.inverse().apply(self.lineage), self.done[:-1], (*self.undone, step)
        )

    def redo(self) -> History:
        """Bring back the step that was undone last.

        Raises
        ------
        InputError
            If nothing was undone since the last new step.
        """
        if not self.undone:
            raise InputError("there is nothing to redo.")
        step = self.undone[-1]
        after = replace(self, undone=()).do(step)
        return replace(after, undone=self.undone[:-1])
