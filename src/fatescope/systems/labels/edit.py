"""One edit of labels as a person asks for it, and the change that it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fatescope.base.settings import Settings, setting
from fatescope.review import (
    cut_label,
    draw_label,
    erase_labels,
    merge_labels,
    paint_label,
    remove_label,
    split_label,
)
from fatescope.review.whole import box_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fatescope.review import Change

_LONGEST = 20_000  # points; a guard, no hand draws so many


class LabelEdit(Settings):
    """What is to be done to the labels of a frame; points are y and x, pixel centres whole."""

    do: Literal["remove", "merge", "split", "cut", "paint", "erase", "draw"] = setting(
        ..., "what is to be done"
    )
    frame: int = setting(0, "frame, from 0", ge=0)
    plane: int = setting(0, "plane of a volume, from 0", ge=0)
    label: int = setting(0, "the object; 0: a new one (paint, draw), or any (erase)", ge=0)
    other: int = setting(0, "the object that becomes part of it (merge)", ge=0)
    points: tuple[tuple[float, float], ...] = setting(
        (), "line of the brush, outline or cut", max_length=_LONGEST
    )
    radius_px: float = setting(4.0, "radius of the brush", unit="px", gt=0, le=500)


def change_for(
    edit: LabelEdit, labels: NDArray[np.uint32], *, spacing: Sequence[float] | None
) -> tuple[Change, int, str]:
    """Return the change that an edit means, the object it is about, and the edit in words.

    Raises `InputError` if it cannot be done to these labels.
    """
    label, frame = edit.label, edit.frame
    makes_one = edit.do in ("split", "cut") or (edit.do in ("paint", "draw") and not label)
    new = int(labels.max(initial=0)) + 1 if makes_one else 0  # the whole frame is looked at
    brush: dict[str, Any] = {"radius_px": edit.radius_px, "plane": edit.plane, "frame": frame}
    if edit.do == "remove":
        return remove_label(labels, label, frame=frame), 0, f"remove {label}"
    if edit.do == "merge":
        change = merge_labels(labels, [label, edit.other], frame=frame)
        return change, label, f"merge {edit.other} into {label}"
    if edit.do == "split":
        change = split_label(labels, label, new=new, spacing=spacing, frame=frame)
        return change, label, f"split {label} into {label} and {new}"
    if edit.do == "cut":
        change = cut_label(labels, label, edit.points, new=new, frame=frame)
        return change, label, f"cut {label} into {label} and {new}"
    if edit.do == "erase":
        change = erase_labels(labels, edit.points, only=label, **brush)
        return change, label, f"erase {label}" if label else "erase"
    if label:
        box_of(labels, label)
    if edit.do == "paint":
        change = paint_label(labels, label or new, edit.points, **brush)
    else:
        change = draw_label(labels, label or new, edit.points, plane=edit.plane, frame=frame)
    return change, label or new, f"{edit.do} {label}" if label else f"{edit.do} {new}, new"
