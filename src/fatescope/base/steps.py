"""Several numbers as a user writes them, and steps in µm: ``0.2`` or ``1,0.2,0.2``."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from fatescope.base.errors import InputError
from fatescope.base.spacing import Spacing


def number_parts(text: str, *, alone: bool) -> list[str]:
    """Return the numbers of a text, divided by commas; or by semicolons, with commas inside.

    Parameters
    ----------
    text : str
    alone : bool
        Whether one number with decimals would do as well: then ``1,5`` may be 1.5, or 1 and 5.

    Raises
    ------
    ValueError
        Where a comma may stand before decimals.

    Examples
    --------
    >>> number_parts("1, 0.2, 0.2", alone=True), number_parts("1,5; 0,2", alone=True)
    (['1', '0.2', '0.2'], ['1.5', '0.2'])
    """
    if ";" in text:
        parts = [part.strip() for part in text.split(";")]
        return [re.sub(r"^([+-]?\d+),(\d+)$", r"\1.\2", part) for part in parts]
    parts = [part.strip() for part in text.split(",")]
    doubtful = [(a, b) for a, b in pairwise(parts) if re.match(r"0\d", b)]
    if alone and len(parts) == 2 and all(map(str.isdecimal, parts)):
        doubtful = [(parts[0], parts[1])]
    for first, second in doubtful:
        raise ValueError(
            f"{first},{second} may be {first}.{second}, or {first} and {int(second)}. Write "
            f"decimals with a point, or divide numbers by a semicolon: {first};{int(second)}"
        )
    return parts


_WANTED = "give one to three positive numbers: X, or Y,X, or Z,Y,X in µm"


def _split(value: Any) -> Any:
    if isinstance(value, str):
        parts = number_parts(value, alone=True)
        try:
            return tuple(map(float, parts))
        except ValueError:
            raise ValueError(_WANTED) from None
    return (value,) if isinstance(value, int | float) else value


def _check(value: tuple[float, ...] | None) -> tuple[float, ...] | None:
    if value is not None and not (1 <= len(value) <= 3 and all(0 < v < 1e6 for v in value)):
        raise ValueError(_WANTED)
    try:
        Spacing.given(value, None)
    except InputError as error:
        raise ValueError(str(error).removesuffix(".")) from None
    return value


StepsUm = Annotated[tuple[float, ...] | None, BeforeValidator(_split), AfterValidator(_check)]
"""The type of a setting ``spacing_um``: X, or Y,X, or Z,Y,X in µm."""
