"""What becomes of the founders: which tissues each contributes to, and how many cells.

References
----------
Sulston JE, Schierenberg E, White JG, Thomson JN (1983). The embryonic cell lineage of the
nematode Caenorhabditis elegans. Dev Biol 100:64-119.
"""

from __future__ import annotations

from fatescope.base.sulston import founder_of
from fatescope.base.sulston_tree import dying_names, terminal_names

FOUNDERS_OF_FATE = ("AB", "MS", "E", "C", "D", "P4")
FATES = ("hypodermis", "neurons", "pharynx", "muscle", "gut", "germ line")

_MAIN = {
    "AB": ("hypodermis", "neurons", "pharynx"),
    "MS": ("pharynx", "muscle"),
    "E": ("gut",),
    "C": ("hypodermis", "muscle"),
    "D": ("muscle",),
    "P4": ("germ line",),
}
_FEW = {"AB": ("muscle",), "MS": ("neurons",), "C": ("neurons",)}
"""One body muscle cell comes from AB, six neurons from MS and two from C."""


def founder_fates() -> dict[str, dict[str, str]]:
    """Return for each founder its tissues: ``main`` ones, and those that it gives ``few`` cells.

    Glia, glands, coelomocytes, the excretory system and the somatic gonad (AB and MS) are left
    out.

    Examples
    --------
    >>> founder_fates()["C"]
    {'hypodermis': 'main', 'neurons': 'few', 'muscle': 'main'}
    """
    out = {}
    for founder in FOUNDERS_OF_FATE:
        amount = dict.fromkeys(_MAIN[founder], "main") | dict.fromkeys(_FEW.get(founder, ()), "few")
        out[founder] = {f: amount[f] for f in FATES if f in amount}
    return out


def founder_counts() -> dict[str, tuple[int, int]]:
    """Return for each founder how many of its cells are there at hatching, and how many die.

    Examples
    --------
    >>> founder_counts()["D"], founder_counts()["MS"]
    ((20, 0), (80, 14))
    """
    dying = set(dying_names())
    counts = dict.fromkeys(FOUNDERS_OF_FATE, (0, 0))
    for name in terminal_names():
        there, dead = counts[founder_of(name)]
        counts[founder_of(name)] = (there + (name not in dying), dead + (name in dying))
    return counts
