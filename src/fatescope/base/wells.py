"""Names of wells: a letter for the row, two digits for the column."""

from __future__ import annotations

import re

from fatescope.base.errors import InputError

ROWS, COLUMNS = 32, 48
"""Of the largest plate, with 1536 wells; its rows after Z are AA to AF."""
_WELL = re.compile(r"([A-Za-z]{1,2})[ _-]?0*(\d{1,2})")


def parse_well(text: str) -> str:
    """Return the name of a well in the one form that is used everywhere.

    Raises
    ------
    InputError
        If the text is no row and column of a plate of 6 to 1536 wells.

    Examples
    --------
    >>> parse_well("b2"), parse_well("AF48")
    ('B02', 'AF48')
    """
    match = _WELL.fullmatch(text.strip())
    if match is None:
        raise InputError(f"{text!r} is not a well. Write row and column, such as B02.")
    row = 0
    for letter in match[1].upper():
        row = 26 * row + ord(letter) - ord("A") + 1
    return name_well(row, int(match[2]))


def is_well(text: str) -> bool:
    """Tell whether a text is the name of a well."""
    try:
        parse_well(text)
    except InputError:
        return False
    return True


def name_well(row: int, column: int) -> str:
    """Return the name of the well in a row and column, both counted from 1.

    Raises
    ------
    InputError
        If no plate has such a row or column.

    Examples
    --------
    >>> name_well(2, 3), name_well(27, 1)
    ('B03', 'AA01')
    """
    if not (1 <= row <= ROWS and 1 <= column <= COLUMNS):
        raise InputError(
            f"row {row}, column {column} is not a well: plates have {ROWS} rows and {COLUMNS} "
            "columns at most."
        )
    letters = chr(ord("A") + row - 1) if row <= 26 else "A" + chr(ord("A") + row - 27)
    return f"{letters}{column:02d}"


def well_order(well: str) -> tuple[int, str]:
    """Return a key that sorts names of wells by row, then column: Z01 before AA01."""
    return len(well), well
