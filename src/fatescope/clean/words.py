"""What each rule says to a person: one sentence with its number and its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base import Exclusion, Finding
from fatescope.clean.losses import RULE as LOSSES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fatescope.clean.fault import Fault

_SENTENCES = {
    "black": "The frame is black: its bright parts have {value:.1%} of what is usual around it.",
    "dark": "The frame has {value:.0%} of the light that is usual around it.",
    "saturated": "The frame has {value:.1f} times the light that is usual around it.",
    "flicker": "The light goes up and down by turns; here it is {value:.2f} times that of the "
    "frame before.",
    "frozen": "The frame before is shown again, more than once: {value:.1%} of the usual change.",
    "duplicate": "The frame before is shown twice: {value:.1%} of the usual change.",
    "blurred": "The frame has {value:.0%} of the sharpness that is usual around it.",
    "cropped": "A side of the frame is black: {value:.0%} of it.",
    "jump": "Everything lies {value:.0f} px from where it was.",
    "torn": "What is above or below some row lies {value:.0f} px away; the rest stayed.",
    "foreign": "The frame is unlike its neighbours, which are alike by {value:.2f} more.",
    "line": "A saturated red band or line of {value:.0f} blocks comes and goes.",
    "patch": "A saturated red shape of {value:.0f} blocks comes and goes; a reporter rises slowly.",
    "cliff": "{value:.0%} of the cells are missing from here on: the annotation ends for them, not "
    "the embryo.",
    "vanished": "No cell of {object} here, though there are some before and after.",
    "rise": "{value:.0f} cells more than in the frames around.",
    "fall": "{value:.0f} cells fewer than in the frames around.",
    "stretched": "Frames without rows at even distances: times were multiplied by {value:.2f}.",
    "after-end": "Rows from here on, for {value:.0f} frames, belong to no frame of the recording.",
    "duplicate-row": "{value:.0f} rows of this frame are in the table more than once.",
    "wrapped": "Numbers beyond 255 went through eight bits here.",
}
_UNTIL_END = ("cliff", "after-end")
_WHOLE = ("stretched",)
_KEPT = ("duplicate-row",)


def as_findings(faults: Sequence[Fault], file: str) -> list[Finding]:
    """Return what rules found as findings about a file."""
    return [
        Finding(
            file=file,
            frame=f.frame,
            object=f.object or None,
            rule=f.rule,
            value=round(f.value, 4),
            limit=round(f.limit, 4),
            severity=f.severity,
            reason=_SENTENCES[f.rule].format(value=f.value, object=f.object),
        )
        for f in faults
    ]


def exclude_findings(findings: Iterable[Finding]) -> list[Exclusion]:
    """Return what is to be left out for findings that are not rejected; frames in a row are one.

    Repeated rows are no reason to leave a frame out: readers take the first.
    """
    out: list[Exclusion] = []
    for finding in findings:
        if finding.severity == "info" or finding.status == "rejected":
            continue
        if finding.rule == LOSSES:
            frame = finding.frame
            out.append(
                Exclusion(file=finding.file, first_frame=frame, last_frame=frame, rule=LOSSES)
            )
            continue
        if finding.frame is None:
            continue
        if finding.rule in _KEPT:
            continue
        first, last = finding.frame, finding.frame
        before = out[-1] if out else None
        if before is not None and before.last_frame is not None:
            same = (before.file, before.rule) == (finding.file, finding.rule)
            if same and before.last_frame in (first - 1, first):
                first = before.first_frame or 0
                out.pop()
        out.append(
            Exclusion(
                file=finding.file,
                first_frame=None if finding.rule in _WHOLE else first,
                last_frame=None if finding.rule in (*_WHOLE, *_UNTIL_END) else last,
                rule=finding.rule,
            )
        )
    return out
