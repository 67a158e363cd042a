"""The folder of a result, read for a page or a form: one way for all of them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import RunError, Table, escape
from fatescope.engine import open_recorded, read_record
from fatescope.pages.answer import read_answer
from fatescope.storage import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fatescope.base import Image

_TEXT = NAMES | {
    *("state", "class", "field", "founder", "treatment", "dose_unit", "control", "stain", "light"),
    *("severity", "status", "rule", "reason", "object", "channel", "diameter_source", "group"),
    *("spacing_um", "spacing_source", "worst", "doubt_reason", "compact", "second", "species"),
}
_WHOLE = {
    *("label", "label_a", "label_b", "track_id", "frame", "frames", "n", "alive", "plane"),
    *("bbox_z0", "bbox_y0", "bbox_x0", "bbox_z1", "bbox_y1", "bbox_x1", "first_frame"),
    *("last_frame", "placed", "used", "abstained", "flagged", "censored", "touches_border"),
}  # fmt: skip
_NUMBER = re.compile(
    r"[zyx]|[xy][01]|value|limit|low|high|count|score|doubt|viability|survival|confidence|dose"
    r"|hazard_ratio|hr_low|hr_high|p_\w+|(mean|sum|std|min|max|median)_\w+"
    r"|\w+_(um|um2|um3|px|min|h|deg|rad|frame)"
)
Kind = Literal["text", "whole", "number"]


def kind_of(column: str) -> Kind | None:
    """Return what a column of our tables holds; ``None`` for one that its values are to tell.

    Examples
    --------
    >>> [kind_of(c) for c in ("image", "frame", "area_um2", "by_hand")]
    ['text', 'whole', 'number', None]
    """
    if column in _TEXT:
        return "text"
    if column in _WHOLE or column.startswith("n_"):
        return "whole"
    return "number" if _NUMBER.fullmatch(column) else None


def _typed(values: NDArray[Any], kind: Kind | None) -> NDArray[Any]:
    """Return a column as its kind; what is missing is ``None`` in text and NaN in numbers."""
    if kind == "text":
        return np.array([None if v is None or v != v else str(v) for v in values], dtype=object)
    if kind is None or values.dtype.kind != "O":
        return values
    try:
        known = np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
    except ValueError:  # `cell` is a number in fates and a name in lineages
        return _typed(values, "text")
    return known.astype(np.int64) if kind == "whole" and np.isfinite(known).all() else known


@dataclass(frozen=True)
class ResultFolder:
    """What a run has left: its record, its inputs, its tables by name, its findings.

    Parameters
    ----------
    folder : Path
    """

    folder: Path

    @cached_property
    def record(self) -> dict[str, Any]:
        """``run.json``.

        Raises
        ------
        RunError
            If there is none, or it cannot be read.
        """
        return read_record(self.folder)

    @property
    def version(self) -> str:
        """Of the fatescope that made it."""
        return str(self.record.get("fatescope", ""))

    @property
    def settings(self) -> dict[str, Any]:
        """As they were, defaults included."""
        return self.record.get("settings") or {}

    @property
    def model(self) -> dict[str, Any]:
        """Name and content of the model; empty where there was none."""
        return self.record.get("model") or {}

    @cached_property
    def inputs(self) -> dict[str, dict[str, Any]]:
        """What the record says of each input, by the name that tables use; failed ones too."""
        return {str(said["image"]): said for said in self.record.get("inputs") or ()}

    @cached_property
    def done(self) -> list[dict[str, Any]]:
        """What the record says of the inputs that gave a result."""
        return [said for said in self.inputs.values() if said["state"] == "done"]

    def has(self, name: str) -> bool:
        """Say whether there is a table of this name."""
        return any((self.folder / f"{name}.{kind}").is_file() for kind in ("parquet", "csv"))

    def table(self, name: str, *, may_be_absent: bool = False) -> Table:
        """Return a table by its name, such as ``"objects"``, its columns as `kind_of` has them.

        What is unknown is NaN, or ``None`` in text; never 0.

        Raises
        ------
        RunError
            If it is missing.
        """
        for path in (self.folder / f"{name}.parquet", self.folder / f"{name}.csv"):
            if path.is_file():
                as_read = read_table(path)
                written = read_table(path, text=True) if path.suffix == ".csv" else as_read
                kinds = {c: kind_of(c) for c in as_read}
                return Table(
                    {c: _typed((written if k else as_read)[c], k) for c, k in kinds.items()}
                )
        if may_be_absent:
            return Table({})
        raise RunError(
            f"{escape(self.folder / name)}.parquet: is missing. Run the command again to finish "
            "the run."
        )

    @cached_property
    def findings(self) -> list[dict[str, Any]]:
        """The rows of ``findings.csv``; ``file`` is the name that tables use where it is an input.

        Numbers are numbers, or ``None``; a folder without the table has no rows.
        """
        path = self.folder / "findings.csv"
        if not path.is_file():
            return []
        has_record = (self.folder / "run.json").is_file()
        name_of = {str(s.get("path")): key for key, s in self.inputs.items()} if has_record else {}
        with path.open(encoding="utf-8", newline="") as stream:
            rows: list[dict[str, Any]] = [dict(row) for row in csv.DictReader(stream)]
        for row in rows:
            for column, kind in (("frame", int), ("value", float), ("limit", float)):
                row[column] = kind(row[column]) if row[column] else None
            row["file"] = name_of.get(row["file"], row["file"])
        return rows

    def opened(self, said: dict[str, Any]) -> tuple[Image, Image] | None:
        """Return an input and its labels on one grid; ``None`` where one of them is gone."""
        return open_recorded(self.folder, self.record, said)

    def at_the_end(self, objects: Table) -> tuple[Table, str]:
        """Return the objects of the last frame of each image, and where that is in words.

        Frames of a movie show the same cells again: over all of them a share would look surer
        than it is.
        """
        last = {key: n_frames_of(said) - 1 for key, said in self.inputs.items()}
        n, movies = len(self.done), sum(last[said["image"]] > 0 for said in self.done)
        where = f"{n} image{'' if n == 1 else 's'}"
        if movies:
            what = "movie" if movies == n else "image"
            where = f"the last frame of {f'{n} {what}s' if n > 1 else f'the {what}'}"
        if not movies or not len(objects):
            return objects, where
        ends = np.array([last[i] for i in objects["image"].tolist()])
        return objects.rows(objects["frame"] == ends), where

    @property
    def answer(self) -> str:
        """The answer of its page in a sentence; empty where it has no page."""
        return read_answer(self.folder / "report.html")


def n_frames_of(said: Mapping[str, Any]) -> int:
    """Return how many frames an input has, by its record."""
    axes = str(said.get("axes") or "")
    return int(said["shape"][axes.index("T")]) if "T" in axes and said.get("shape") else 1
