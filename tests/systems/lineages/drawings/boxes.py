"""Where words stand in a drawn figure, and whether two of them lie one over another."""

import itertools
import re
import xml.etree.ElementTree as ET

LETTER = 5.4  # narrower than any font that is used, so that no finding is a false one
SIZES = {"s": 10.0, "s h": 10.0, "t": 14.0, "title": 15.0, "small": 11.0}


def words_of(svg):
    """Return (words, box) of every text that is not turned."""
    out = []
    for e, dx, dy in _placed(ET.fromstring(svg), 0.0, 0.0):
        if e.tag.endswith("}text") and e.get("x") and e.text:
            size = SIZES.get(e.get("class", ""), 12.0)
            wide, x, y = len(e.text) * LETTER * size / 12, float(e.get("x")), float(e.get("y"))
            left = (
                x - {"start": 0.0, "middle": wide / 2, "end": wide}[e.get("text-anchor", "start")]
            )
            out.append((e.text, (dx + left, dy + y - 0.75 * size, dx + left + wide, dy + y)))
    return out


def _placed(element, x, y):
    """Yield every element with how far its groups move it."""
    moved = re.fullmatch(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
    if moved:
        x, y = x + float(moved[1]), y + float(moved[2])
    yield element, x, y
    for child in element:
        yield from _placed(child, x, y)


def overlapping(svg):
    """Return the pairs of words that lie one over another."""
    return [
        (a, b)
        for (a, p), (b, q) in itertools.combinations(words_of(svg), 2)
        if p[0] < q[2] and q[0] < p[2] and p[1] < q[3] and q[1] < p[3]
    ]
