"""Units of doses as people write them: which are one unit, and which can be converted."""

from __future__ import annotations

import re
import unicodedata

_PREFIXES = {"": 1.0, "k": 1e3, "d": 1e-1, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}
_WORDS = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "femto": "f", "mc": "u"}
_MOLAR = re.compile(r"(milli|micro|nano|pico|femto|[munpf])?(?:m|molar|mol(?:/l|l-1|l\^-1))")
_MASS = re.compile(r"(mc|[kmunpf])?g(?:/([dmunpf])?l|([dmunpf])?l-1)")


def in_base_unit(dose: float, unit: str) -> tuple[float, str]:
    """Return a dose in mol/L or g/L, and which of these; of another unit, the dose and the unit.

    Case, spaces and the letter for micro (``u`` and both of Unicode) make no difference. Without
    any of the compound there is no unit.

    Examples
    --------
    >>> in_base_unit(1000, "nM") == in_base_unit(1, "µM")
    True
    >>> in_base_unit(2, "mg/mL"), in_base_unit(5, "% v/v"), in_base_unit(0, "nM")
    ((2.0, 'g/l'), (5.0, '%v/v'), (0.0, ''))
    """
    text = "".join(unicodedata.normalize("NFKC", unit).split()).casefold()
    text = text.replace("\N{GREEK SMALL LETTER MU}", "u").replace("·", "").replace("*", "")
    if dose == 0:
        return 0.0, ""
    if molar := _MOLAR.fullmatch(text):
        return _rounded(dose * _factor(molar[1])), "mol/l"
    if mass := _MASS.fullmatch(text):
        return _rounded(dose * _factor(mass[1]) / _factor(mass[2] or mass[3])), "g/l"
    return float(dose), text


def _factor(prefix: str | None) -> float:
    return _PREFIXES[_WORDS.get(prefix or "", prefix or "")]


def _rounded(amount: float) -> float:
    """Return an amount without what the arithmetic of powers of ten leaves."""
    return float(f"{amount:.12g}")
