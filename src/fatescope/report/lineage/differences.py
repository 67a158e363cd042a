"""How much cells differ, and how sure that is: one dot per cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.lineage.labels import place_labels
from fatescope.report.lineage.panel import Panel, figure, legend, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray

_MOST_NAMED = 20


def draw_differences(
    difference: FloatArray,
    q: FloatArray,
    names: Sequence[str],
    groups: Sequence[str],
    colours: Mapping[str, str],
    *,
    limit: float,
    x_label: str,
    title: str,
) -> str:
    """Draw difference against false discovery rate; cells beyond the limit are named.

    Parameters
    ----------
    difference, q : ndarray of float, shape (k,)
    names, groups : sequence of str, length k
    colours : mapping of group to colour
    limit : float
        The false discovery rate that counts as found.
    x_label, title : str
    """
    sure = -np.log10(np.maximum(q, 1e-12))
    known = np.isfinite(difference) & np.isfinite(sure)
    reach = (
        float(np.max(difference[known], initial=1.0)),
        float(np.min(difference[known], initial=0.0)),
    )
    margin = 0.04 * (reach[0] - reach[1])
    panel = Panel(
        left=70,
        top=50,
        width=640,
        height=340,
        x_range=(reach[1] - margin, reach[0] + margin),
        y_range=(0.0, max(float(np.max(sure[known], initial=0.0)) * 1.08, 2.0)),
        x_label=x_label,
        y_label="−log10 of the false discovery rate",
        title=title,
    )
    body = [panel.axes()]
    at = panel.y(-float(np.log10(limit)))
    body.append(
        f'<path d="M{panel.left},{at:.1f}h{panel.width}" stroke="#444" stroke-dasharray="4,3"/>'
    )
    end = panel.left + panel.width - 4
    body.append(text(end, at - 4, f"found: q below {limit:g}", kind="s", anchor="end"))
    for group, colour in colours.items():
        mine = np.flatnonzero(known & (np.array(groups) == group))
        hints = [f"{names[i]}: {difference[i]:+.2f}, q {q[i]:.2g}" for i in mine.tolist()]
        body.append(panel.dots(difference[mine], sure[mine], colour, titles=hints))
    found = [i for i in np.argsort(np.where(known, q, np.inf)) if known[i] and q[i] < limit]
    dots = [(panel.x(difference[i]), panel.y(sure[i])) for i in found]
    labels = place_labels(
        dots[:_MOST_NAMED],
        [names[i] for i in found[:_MOST_NAMED]],
        within=(panel.left, panel.top, panel.left + panel.width, panel.top + panel.height),
        taken=[(x - 2.5, y - 2.5, x + 2.5, y + 2.5) for x, y in dots],
    )
    body += [label.draw() for label in labels]
    body.append(legend(panel.left + panel.width + 24, 66, list(colours.items())))
    return figure("".join(body), width=860, height=440, title=title)
