"""What a person decided of findings: the column ``status`` of ``findings.csv``, no other."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, get_args

from fatescope.base import FileFormatError, InputError, escape
from fatescope.base.finding import Status
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from pathlib import Path


def read_finding_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of ``findings.csv`` as they are written; none if there is no such table.

    Raises
    ------
    FileFormatError
        If it has no column ``status``, or cannot be read as text.
    """
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
            names = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{escape(path)}: cannot be read ({error}).") from error
    if "status" not in names:
        raise FileFormatError(f"{escape(path)}: has no column status. Run the command again.")
    return rows


def decide_finding(path: Path, row: int, status: str, *, rule: str = "") -> dict[str, str]:
    """Write the status of one finding; the table is replaced as a whole, or stays as it is.

    Parameters
    ----------
    path : Path
        ``findings.csv`` of an output folder.
    row : int
        Counted from 0.
    status : str
        ``open``, ``accepted`` or ``rejected``.
    rule : str
        Of the finding that is meant, if it is to be checked.

    Returns
    -------
    dict
        The row as it is now.

    Raises
    ------
    InputError
        If there is no such row or status, or the row holds another rule.
    """
    if status not in get_args(Status):
        raise InputError(f"a finding is open, accepted or rejected; got {status!r}.")
    rows = read_finding_rows(path)
    if not 0 <= row < len(rows):
        raise InputError(f"there is no finding {row} in this result.")
    if rule and rows[row].get("rule") != rule:
        raise InputError("the findings have changed. Load the page again.")
    rows[row]["status"] = status
    with write_beside(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[row]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return rows[row]
