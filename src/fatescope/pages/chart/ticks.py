"""Round numbers for axes, and numbers as a reader wants them."""

from __future__ import annotations

import math

from fatescope.base import InputError


def nice_ticks(low: float, high: float, *, n: int) -> list[float]:
    """Return about ``n`` round numbers from at most ``low`` to at least ``high``.

    Parameters
    ----------
    low, high : float
        Finite; where they are equal the range is widened.
    n : int
        Wanted number of steps.

    Returns
    -------
    list of float
        Multiples of 1, 2 or 5 times a power of ten.

    Raises
    ------
    InputError
        If the range is not finite or turned around.

    Examples
    --------
    >>> nice_ticks(3, 97, n=5)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise InputError(f"an axis needs two finite numbers in rising order; got {low} and {high}.")
    if low == high:
        low, high = low - max(abs(low) * 0.1, 0.5), high + max(abs(high) * 0.1, 0.5)
    step = nice_step((high - low) / n)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    # Rounded to the digits of the step: 3 * 0.1 is 0.30000000000000004.
    digits = max(0, -math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(first, last + 1)]


def nice_step(at_least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below ``at_least``."""
    power = 10.0 ** math.floor(math.log10(at_least))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= at_least * (1 - 1e-9))


def number(value: float, *, digits: int = 3) -> str:
    """Write a number for a reader: digits that count, thousands set apart, no ``e+04``.

    Examples
    --------
    >>> number(12345), number(0.04567), number(31.0), number(13974.2, digits=4)
    ('12 345', '0.0457', '31', '13 974')
    >>> number(0.00001234), number(float("nan"))
    ('1.23 × 10⁻⁵', '–')
    """
    if not math.isfinite(value):
        return "–"
    if value == round(value) or abs(value) >= 10**digits:
        # A narrow space that does not break, as the SI brochure asks.
        return f"{round(value):,}".replace(",", "\u202f").replace("-", _MINUS)
    text, _, power = f"{value:#.{digits}g}".partition("e")
    text = text.rstrip("0").rstrip(".").replace("-", _MINUS)
    return f"{text} × 10{str(int(power)).translate(_RAISED)}" if power else text


_MINUS = "−"
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
