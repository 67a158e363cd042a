"""What a person took out: frames of a file, or objects in some of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fatescope.base.types import BoolArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion:
    """Frames of one file that nothing downstream uses, or some objects in them.

    Parameters
    ----------
    file : str
        The input, as findings name it.
    first_frame, last_frame : int, optional
        Both are excluded; ``None``: from the first, to the last frame of the file.
    objects : tuple of str
        Names of cells, or labels; empty: whole frames.
    rule : str
        The rule whose accepted finding is obeyed; empty where a person decided without one.
    """

    file: str
    first_frame: int | None = None
    last_frame: int | None = None
    objects: tuple[str, ...] = ()
    rule: str = ""

    def concerns(self, file: str) -> bool:
        """Say whether it is about a file; what stands before its name does not count."""
        return file == self.file or file.endswith(f"/{self.file}")

    def covers(self, frame: IntArray) -> BoolArray:
        """Return which of these frames lie between the first and the last one."""
        inside = np.ones(len(frame), dtype=bool)
        if self.first_frame is not None:
            inside &= frame >= self.first_frame
        if self.last_frame is not None:
            inside &= frame <= self.last_frame
        return inside


def excluded_frames(exclusions: Iterable[Exclusion], file: str, n_frames: int) -> BoolArray:
    """Return which frames of a file are excluded as a whole, shape (n_frames,)."""
    whole = [e for e in exclusions if not e.objects]
    return excluded_rows(whole, file, np.arange(n_frames), np.full(n_frames, "", dtype=object))


def excluded_rows(
    exclusions: Iterable[Exclusion], file: str, frame: IntArray, name: np.ndarray
) -> BoolArray:
    """Return which rows of a table are excluded.

    Parameters
    ----------
    exclusions : iterable of Exclusion
        Of any files.
    file : str
    frame : ndarray of int, shape (n,)
    name : ndarray of str, shape (n,)
        The object of each row; ``""`` where it has no name.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> cut = Exclusion(file="a.csv", first_frame=1, objects=("AB",))
    >>> excluded_rows([cut], "a.csv", np.array([0, 1, 1]), np.array(["AB", "AB", "P1"])).tolist()
    [False, True, False]
    """
    out = np.zeros(len(frame), dtype=bool)
    text = name.astype(str)
    for one in exclusions:
        if one.concerns(file):
            named = np.isin(text, one.objects) if one.objects else True
            out |= one.covers(frame) & named
    return out
