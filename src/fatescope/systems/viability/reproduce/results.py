"""What the runs of the live/dead reproduction found, and what the posts reported of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.systems.viability.reproduce.scores import WHOLE, difference_over_wells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the posts report of a run, read off their figure: DAPI (live) and Cy5 (dead)."""

    words: str
    auprc: tuple[float, float]
    auroc: str
    f1: str
    accuracy: str


PUBLISHED = {
    "adam_warm": Published(
        words="Adam, cosine with warm restarts",
        auprc=(0.10, 0.13),
        auroc="0.90",
        f1="0.77",
        accuracy="0.96",
    ),
    "sgd_plateau": Published(
        words="SGD, halved on a plateau",
        auprc=(0.43, 0.35),
        auroc="over 0.98",
        f1="0.74",
        accuracy="0.95",
    ),
    "sgd_kicks": Published(
        words="SGD, cosine with kicks",
        auprc=(0.51, 0.38),
        auroc="over 0.98",
        f1="0.74",
        accuracy="0.95",
    ),
    "sgd_plateau_weights": Published(
        words="SGD, plateau, larger weights of classes",
        auprc=(0.39, 0.31),
        auroc="0.99, 0.98",
        f1="0.74",
        accuracy="0.95",
    ),
}


@dataclass(frozen=True, slots=True)
class ArmTables:
    """The tables of a run's folder."""

    out: Path
    arms: Table
    scores: Table
    wells: Table
    curves: Table
    course: Table
    classes: Table

    @staticmethod
    def read(out: Path) -> ArmTables:
        """Read the tables of a run's folder."""
        names = ("arms", "scores", "wells", "curves", "course", "classes")
        return ArmTables(out, *(read_table(out / f"{n}.parquet") for n in names))

    def has(self, arm: str) -> bool:
        """Return whether an arm was trained."""
        return arm in set(self.arms["arm"])

    def own(self, arm: str, name: str, column: str = "auprc") -> float:
        """Return the score of a class on the tiles that an arm chose by."""
        return float(self.of(self.arms, arm)[f"own_{column}_{name}"][0])

    def held(self, arm: str, where: str, name: str) -> dict[str, float]:
        """Return the scores of a class on what no arm has seen; NaN where there are none."""
        rows = self.of(self.scores, arm)
        rows = rows.rows((rows["where"] == where) & (rows["class"] == name))
        columns = ("auprc", "low", "high", "auroc", "precision", "recall", "f1", "accuracy")
        return {c: float(rows[c][0]) if len(rows) else float("nan") for c in (*columns, "share")}

    @property
    def n_wells(self) -> int:
        """Wells that no arm has seen: what an interval is over."""
        return len(set(self.wells["well"]))

    def of(self, table: Table, arm: str) -> Table:
        """Return the rows of an arm."""
        return table.rows(table["arm"] == arm)


def both_classes(values: Sequence[float]) -> str:
    """Return two figures in words: live, dead."""
    return f"{format_number(values[0])} live, {format_number(values[1])} dead"


def format_number(value: float, digits: int = 3) -> str:
    """Return a figure, or that it is not known."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "unknown"


def with_span(scores: dict[str, float]) -> str:
    """Return the area under precision-recall with its interval."""
    span = f" ({format_number(scores['low'])} to {format_number(scores['high'])})"
    return format_number(scores["auprc"]) + (span if np.isfinite(scores["low"]) else "")


def with_sign(value: float) -> str:
    """Return a difference with its sign."""
    return f"{value:+.3f}" if np.isfinite(value) else "unknown"


def gain_over_wells(found: ArmTables, arm: str, base: str, name: str) -> str:
    """Return what an arm gains over another, with its interval over wells."""
    mean, low, high = difference_over_wells(found.wells, arm, base, where=WHOLE, name=name)
    if not np.isfinite(mean):
        return "unknown"
    span = f" ({low:+.3f} to {high:+.3f})" if np.isfinite(low) else ""
    return f"{mean:+.3f}{span}"
