"""Sulston names: who is whose mother, sister and daughter, from the name alone.

A name is a founder and one letter per division: ``ABpla`` is the anterior daughter of ``ABpl``.
Six parents are irregular (P0, P1, EMS, P2, P3, P4). The functions here follow the grammar and so
also serve names that are not in the *C. elegans* embryo (over-split tables, other species);
`fatescope.base.sulston_tree` knows the 1,341 names that are.

References
----------
Sulston JE, Schierenberg E, White JG, Thomson JN (1983). The embryonic cell lineage of the
nematode Caenorhabditis elegans. Dev Biol 100:64-119.
"""

from __future__ import annotations

import re
from typing import Literal

from fatescope.base.errors import InputError

Axis = Literal["a/p", "l/r", "d/v", "founder"]

FOUNDER_DAUGHTERS: dict[str, tuple[str, str]] = {
    "P0": ("AB", "P1"),
    "P1": ("EMS", "P2"),
    "EMS": ("MS", "E"),
    "P2": ("C", "P3"),
    "P3": ("D", "P4"),
    "P4": ("Z2", "Z3"),
}
"""The six parents whose daughters are not called mother + letter; first daughter first."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FOUNDER_MOTHER: dict[str, str] = {d: m for m, pair in FOUNDER_DAUGHTERS.items() for d in pair}

LEFT_RIGHT = _names(
    "ABa ABp Ea Ep ABalaaaa MSaaaaaa ABalaaaar ABalaaapa ABalaaapp ABalaaaala ABalaaapal "
    "ABalaaapar ABalaaappl ABalaaappr ABalaapaaa ABarpaaaaa"
)
"""Mothers of a left and a right daughter."""

DORSAL_VENTRAL = _names(
    "Caapp Cpapp Ealaa Earaa Capppp Cppppp MSapaaaa MSppaaaa ABalpppaap ABalpppapa ABalppppaa "
    "ABpraaaaap ABpraaaapa ABpraaapaa ABaraapapaa ABaraapppaa ABplapaaapa ABprapaaapa"
)
"""Mothers of a dorsal and a ventral daughter."""

# Place of each founder in depth-first order; digits sort before the letters that follow.
_PATH = {
    "P0": "",
    "AB": "0",
    "P1": "1",
    "EMS": "10",
    "MS": "100",
    "E": "101",
    "P2": "11",
    "C": "110",
    "P3": "111",
    "D": "1110",
    "P4": "1111",
    "Z2": "11110",
    "Z3": "11111",
}
_BLAST = re.compile(r"(AB|MS|E|C|D)([aplrdv]*)")
_OPPOSITE = dict(zip("aplrdv", "parlvd", strict=True))
_WRITTEN_OTHERWISE = {"MSt": "MS", "P0a": "AB", "P0p": "P1"}


def is_cell_name(name: str) -> bool:
    """Tell whether ``name`` follows the grammar of Sulston names.

    Examples
    --------
    >>> [is_cell_name(n) for n in ("ABpla", "EMS", "EMSa", "Z2", "Nuc12", "P5")]
    [True, True, False, True, False, False]
    """
    return name in _PATH or _BLAST.fullmatch(name) is not None


def check_cell_name(name: str) -> None:
    """Raise `InputError` unless ``name`` follows the grammar of Sulston names."""
    if not is_cell_name(name):
        raise InputError(
            f"{name!r} is not a Sulston name. Names are P0, P1, P2, P3, P4, EMS, Z2, Z3, or AB, "
            "MS, E, C, D followed by letters out of a, p, l, r, d, v."
        )


def _split(name: str) -> tuple[str, str]:
    """Return founder and letters of a name."""
    match = _BLAST.fullmatch(name)
    if match:
        return match[1], match[2]
    check_cell_name(name)
    return name, ""


def mother_of(name: str) -> str | None:
    """Return the mother of a cell, or ``None`` for P0.

    Raises
    ------
    InputError
        If ``name`` is not a Sulston name.

    Examples
    --------
    >>> mother_of("MSa"), mother_of("MS"), mother_of("Z3"), mother_of("P0")
    ('MS', 'EMS', 'P4', None)
    """
    founder, letters = _split(name)
    return name[:-1] if letters else FOUNDER_MOTHER.get(founder)


def division_axis(name: str) -> Axis:
    """Return the axis along which a cell is said to divide, by the letters of its daughters.

    The letters are taxonomic: most divisions are called a/p even when oblique.

    Examples
    --------
    >>> division_axis("ABa"), division_axis("ABal"), division_axis("Caapp"), division_axis("P2")
    ('l/r', 'a/p', 'd/v', 'founder')
    """
    check_cell_name(name)
    if name in FOUNDER_DAUGHTERS:
        return "founder"
    if name in LEFT_RIGHT:
        return "l/r"
    return "d/v" if name in DORSAL_VENTRAL else "a/p"


def daughter_names(name: str) -> tuple[str, str]:
    """Return what the two daughters of a cell are called if it divides.

    Whether the cell does divide in the embryo: `fatescope.base.sulston_tree.daughters_of`.

    Raises
    ------
    InputError
        If ``name`` is not a Sulston name, or is Z2 or Z3, which do not divide in the embryo.

    Examples
    --------
    >>> daughter_names("EMS"), daughter_names("ABa"), daughter_names("Capppp")
    (('MS', 'E'), ('ABal', 'ABar'), ('Cappppd', 'Cappppv'))
    """
    axis = division_axis(name)
    if axis == "founder":
        return FOUNDER_DAUGHTERS[name]
    if name in ("Z2", "Z3"):
        raise InputError(f"{name} does not divide in the embryo, so its daughters have no names.")
    first, second = axis.split("/")
    return name + first, name + second


def sister_of(name: str) -> str | None:
    """Return the sister of a cell, or ``None`` for P0.

    Examples
    --------
    >>> sister_of("E"), sister_of("ABal"), sister_of("ABala")
    ('MS', 'ABar', 'ABalp')
    """
    founder, letters = _split(name)
    if letters:
        return name[:-1] + _OPPOSITE[letters[-1]]
    mother = FOUNDER_MOTHER.get(founder)
    if mother is None:
        return None
    first, second = FOUNDER_DAUGHTERS[mother]
    return second if name == first else first


def founder_of(name: str) -> str:
    """Return the founder whose population a cell belongs to; Z2 and Z3 belong to P4.

    Examples
    --------
    >>> founder_of("ABpla"), founder_of("EMS"), founder_of("Ealp"), founder_of("Z2")
    ('AB', 'EMS', 'E', 'P4')
    """
    founder, _ = _split(name)
    return "P4" if founder in ("Z2", "Z3") else founder


def depth_of(name: str) -> int:
    """Return the number of divisions between P0 and a cell.

    Examples
    --------
    >>> depth_of("P0"), depth_of("ABal"), depth_of("MSa")
    (0, 3, 4)
    """
    founder, letters = _split(name)
    return len(_PATH[founder]) + len(letters)


def sort_key(name: str) -> tuple[int, str]:
    """Return a key that sorts names as lineage files do, depth first and MS before E.

    Anything that is not a Sulston name sorts after all that are.

    Examples
    --------
    >>> sorted(["Nuc1", "E", "MSa", "P1", "ABa", "Z3", "D", "MS", "AB"], key=sort_key)
    ['AB', 'ABa', 'P1', 'MS', 'MSa', 'E', 'D', 'Z3', 'Nuc1']
    """
    if name in _PATH:
        return 0, _PATH[name]
    match = _BLAST.fullmatch(name)
    return (0, _PATH[match[1]] + match[2]) if match else (1, name)


def compact_name(name: str, length: int = 3) -> str:
    """Return the first ``length`` characters: the published ``compact_cellname``.

    Three characters give the 32 classes of the published network; any other length works.

    Raises
    ------
    InputError
        If ``length`` is below 1.

    Examples
    --------
    >>> compact_name("ABplaa"), compact_name("ABplaa", 4), compact_name("E")
    ('ABp', 'ABpl', 'E')
    """
    if length < 1:
        raise InputError(f"`length` of a compact name must be at least 1; got {length}.")
    return name[:length]


def parse_name(text: str) -> str:
    """Read a name as people write it and return it in the form of lineage files.

    Accepts the dot or blank of the parts list (``AB.plap``, ``AB plap``), ``P0.a`` for AB,
    ``MSt`` for MS, and the terminal names of `fatescope.base.sulston_alias` (``ADAL``).

    Raises
    ------
    InputError
        If the text is none of these.

    Examples
    --------
    >>> parse_name(" AB.plapaaaapp "), parse_name("ADAL"), parse_name("P0.a")
    ('ABplapaaaapp', 'ABplapaaaapp', 'AB')
    """
    from fatescope.base.sulston_alias import ALIASES

    text = text.strip()
    if text in ALIASES:
        return ALIASES[text]
    name = re.sub(r"[.\s]+", "", text)
    name = _WRITTEN_OTHERWISE.get(name, name)
    check_cell_name(name)
    return name
