"""Objects of a volume that go on beyond the image: their volumes are incomplete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base import Finding

if TYPE_CHECKING:
    from fatescope.base import Table
    from fatescope.base.finding import Severity


def border_findings(
    objects: Table, *, file: str, called: str, lost: str, severity: Severity
) -> list[Finding]:
    """Say how many objects of a volume touch its border, in one finding or none.

    Parameters
    ----------
    objects : Table
        From `measure_objects`. Objects of a plane have the column ``touches_border`` alone: some
        of them nearly always do.
    file : str
    called : str
        What the objects are, such as ``"cells"``.
    lost : str
        What is incomplete, such as ``"volumes"``.
    severity : Severity
    """
    n = int(objects["touches_border"].sum()) if "volume_px" in objects else 0
    if not n:
        return []
    return [
        Finding(
            file=file,
            rule="cut",
            severity=severity,
            value=float(n),
            reason=f"{called.capitalize()} that touch the border of the volume: {n} of "
            f"{len(objects)}. They may go on beyond it, and their {lost} are incomplete. Column "
            "touches_border of objects.csv says which; leave them out of means.",
        )
    ]
