"""The frame that a faulty recording shows in place of the true one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.simulate.embryo.faults import dirt, light, place, sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fatescope.simulate.embryo.faults.plan import Fault, Pixels, Render

FRAME_FAULTS: Mapping[str, Callable[[Render, int, Fault], Pixels]] = {
    "black": light.black,
    "dark": light.dark,
    "saturated": light.saturated,
    "blurred": light.blurred,
    "flicker": light.flicker,
    "cropped": place.cropped,
    "jump": place.jump,
    "torn": place.torn,
    "frozen": sequence.repeated,
    "duplicate": sequence.repeated,
    "foreign": sequence.foreign,
    "line": dirt.line,
    "patch": dirt.patch,
}
"""By rule; each takes the true recording, the number of a frame and the fault."""


def faulty_frame(render: Render, frame: int, faults: Sequence[Fault]) -> Pixels:
    """Return one frame (Y, X, 3) of a recording with its faults.

    Parameters
    ----------
    render : callable
        Gives the true frame of a number; the recording may be rendered or real.
    frame : int
    faults : sequence of Fault
        As from `plan_faults`: at most one in each frame.
    """
    for fault in faults:
        if fault.first <= frame <= fault.last:
            return FRAME_FAULTS[fault.rule](render, frame, fault)
    return render(frame)
