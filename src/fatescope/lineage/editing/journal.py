"""What was done, undone and done again, and actions as plain records for a journal of JSON lines.

Numbers keep every bit: JSON text of a float64 reads back as the same float64; NaN and infinity,
which JSON lacks, are written as ``{"float": "nan"}``. Long lists of rows are written as runs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fatescope.base.errors import InputError
from fatescope.lineage.editing.actions import (
    Action,
    Add,
    Fill,
    Group,
    Join,
    Move,
    Relink,
    Remove,
    Rename,
    Split,
    SwapDaughters,
)
from fatescope.lineage.editing.rows import Plain, Spot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fatescope.base.lineage import Lineage

Record = dict[str, Any]


def action_to_record(action: Action) -> Record:
    """Return ``action`` as a mapping of plain values with the key ``kind``."""
    match action:
        case Rename(rows, old, new):
            return {"kind": "rename", "rows": _runs(rows), "old": _repeat(old), "new": _repeat(new)}
        case Relink(row, old, new):
            return {"kind": "relink", "row": row, "old": old, "new": new}
        case Split(row, parent):
            return {"kind": "split", "row": row, "parent": parent}
        case Join(row, parent):
            return {"kind": "join", "row": row, "parent": parent}
        case Add(row, spot):
            return {"kind": "add", "row": row, "spot": _spot_record(spot)}
        case Remove(row, spot):
            return {"kind": "remove", "row": row, "spot": _spot_record(spot)}
        case Move(row, old, new):
            return {"kind": "move", "row": row, "old": _floats(old), "new": _floats(new)}
        case Fill(column, rows, was, becomes):
            values = {"old": _repeat(map(_encode, was)), "new": _repeat(map(_encode, becomes))}
            return {"kind": "fill", "column": column, "rows": _runs(rows), **values}
        case SwapDaughters(first, second, a, b):
            sides = {"rows_first": _runs(a), "rows_second": _runs(b)}
            return {"kind": "swap", "first": first, "second": second, **sides}
        case Group(actions, label):
            return {
                "kind": "group",
                "label": label,
                "actions": [action_to_record(a) for a in actions],
            }
    raise InputError(f"{type(action).__name__} is not an action that a journal knows.")


def action_from_record(record: Mapping[str, Any]) -> Action:
    """Return the action that `action_to_record` wrote.

    Raises
    ------
    InputError
        If the record's kind is unknown or one of its fields is missing or of a wrong type.
    """
    kind = record.get("kind")
    build = _BUILD.get(str(kind))
    if build is None:
        raise InputError(
            f"{kind!r} is not a kind of action; known are {', '.join(sorted(_BUILD))}."
        )
    try:
        return build(record)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"the record of a {kind!r} action is damaged ({error!r}).") from error


def _rename(r: Mapping[str, Any]) -> Action:
    old, new = (tuple(map(str, _unrepeat(r[k]))) for k in ("old", "new"))
    return Rename(_rows(r["rows"]), old, new)


def _move(r: Mapping[str, Any]) -> Action:
    return Move(int(r["row"]), _four(r["old"]), _four(r["new"]))


def _fill(r: Mapping[str, Any]) -> Action:
    if "row" in r:  # one row, as earlier versions wrote it
        return Fill(str(r["column"]), (int(r["row"]),), (_decode(r["old"]),), (_decode(r["new"]),))
    old, new = (tuple(map(_decode, _unrepeat(r[k]))) for k in ("old", "new"))
    return Fill(str(r["column"]), _rows(r["rows"]), old, new)


def _swap(r: Mapping[str, Any]) -> Action:
    return SwapDaughters(
        str(r["first"]), str(r["second"]), _rows(r["rows_first"]), _rows(r["rows_second"])
    )


def _group(r: Mapping[str, Any]) -> Action:
    return Group(tuple(action_from_record(a) for a in r["actions"]), str(r["label"]))


_BUILD: dict[str, Callable[[Mapping[str, Any]], Action]] = {
    "rename": _rename,
    "relink": lambda r: Relink(int(r["row"]), int(r["old"]), int(r["new"])),
    "split": lambda r: Split(int(r["row"]), int(r["parent"])),
    "join": lambda r: Join(int(r["row"]), int(r["parent"])),
    "add": lambda r: Add(int(r["row"]), _spot(r["spot"])),
    "remove": lambda r: Remove(int(r["row"]), _spot(r["spot"])),
    "move": _move,
    "fill": _fill,
    "swap": _swap,
    "group": _group,
}


def _spot_record(spot: Spot) -> Record:
    return {
        "frame": spot.frame,
        "position": _floats(spot.position),
        "parent": spot.parent,
        "name": spot.name,
        "radius_px": _encode(spot.radius_px),
        "extra": [[column, _encode(value)] for column, value in spot.extra],
    }


def _spot(r: Mapping[str, Any]) -> Spot:
    z, y, x = (_number(v) for v in r["position"])
    return Spot(
        frame=int(r["frame"]),
        position=(z, y, x),
        parent=int(r["parent"]),
        name=str(r["name"]),
        radius_px=_number(r["radius_px"]),
        extra=tuple((str(c), _decode(v)) for c, v in r["extra"]),
    )


def _encode(value: Plain) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value


def _decode(value: Any) -> Plain:
    if isinstance(value, dict):
        return float(value["float"])
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"{value!r} is not a plain value")


def _number(value: Any) -> float:
    decoded = _decode(value)
    if not isinstance(decoded, int | float):
        raise ValueError(f"{value!r} is not a number")
    return float(decoded)


def _floats(values: Iterable[float]) -> list[Any]:
    return [_encode(float(v)) for v in values]


def _four(values: Sequence[Any]) -> tuple[float, float, float, float]:
    z, y, x, radius = (_number(v) for v in values)
    return z, y, x, radius


def _runs(rows: Sequence[int]) -> list[list[int]]:
    """Return ascending stretches of ``rows``, in their order, as [first, length]."""
    runs: list[list[int]] = []
    for row in rows:
        if runs and row == runs[-1][0] + runs[-1][1]:
            runs[-1][1] += 1
        else:
            runs.append([row, 1])
    return runs


def _rows(runs: Iterable[Sequence[int]]) -> tuple[int, ...]:
    return tuple(row for first, n in runs for row in range(int(first), int(first) + int(n)))


def _repeat(values: Iterable[Any]) -> list[list[Any]]:
    """Return equal neighbours of ``values`` as [value, count]."""
    runs: list[list[Any]] = []
    for value in values:
        if runs and repr(value) == repr(runs[-1][0]):  # 1 is not 1.0 there, nor 0.0 -0.0
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return runs


def _unrepeat(runs: Iterable[Sequence[Any]]) -> tuple[Any, ...]:
    return tuple(value for value, n in runs for _ in range(int(n)))


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
