"""``samples_loss.csv``: the loss of each sample under a network that has not seen its unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.tables import read_table
from fatescope.base import InputError, Table, escape

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("image", "unit", "loss")
"""Those that must be there; ``frame``, ``fold`` and ``seed`` may be."""


def is_loss_table(path: Path) -> bool:
    """Say whether a CSV file has a loss for each sample."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as stream:
        header = {h.strip().strip('"') for h in stream.readline().split(",")}
    return set(COLUMNS) <= header


def read_losses(path: Path) -> Table:
    """Read ``image, frame, unit, loss``, one row for each sample, in file order.

    A sample that several seeds have scored has the mean of its losses. ``frame`` is -1 where an
    image is no movie.

    Raises
    ------
    FileFormatError, InputError
        If it cannot be read, has no such columns, no rows, or a loss that is no finite number.
    """
    table = read_table(path)
    missing = [c for c in COLUMNS if c not in table]
    if missing:
        raise InputError(
            f"{escape(path)}: lacks the columns {', '.join(missing)} of losses. "
            "fatescope train --leave-out all writes them."
        )
    if not len(table):
        raise InputError(f"{escape(path)}: holds no losses. Train with --leave-out all again.")
    loss = np.array([_number(v) for v in table["loss"]])
    if not np.isfinite(loss).all():
        raise InputError(
            f"{escape(path)}: row {int(np.argmin(np.isfinite(loss))) + 2} has no loss, or one that "
            "is no finite number. Train with --leave-out all again."
        )
    frame = [_frame(v) for v in table["frame"]] if "frame" in table else [-1] * len(table)
    keys = list(zip(table["image"].astype(str).tolist(), frame, strict=True))
    rows: dict[tuple[str, int], list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    first = np.array([found[0] for found in rows.values()])
    return Table(
        {
            "image": np.array([key[0] for key in rows], dtype=object),
            "frame": np.array([key[1] for key in rows], dtype=np.int64),
            "unit": table["unit"][first].astype(str).astype(object),
            "loss": np.array([loss[found].mean() for found in rows.values()]),
        }
    )


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return np.nan


def _frame(value: object) -> int:
    return -1 if value is None or value == "" or value != value else int(float(str(value)))
