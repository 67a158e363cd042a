"""What rendered volumes and movies of embryos share: the unit, the run, where a lineage is from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from fatescope.acquire import read_lineage
from fatescope.base import Spacing
from fatescope.engine import Run, Summary
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.lineage.atlas_embryo import draw_embryo
from fatescope.simulate.embryo import Lives
from fatescope.storage import hash_path
from fatescope.systems.lineages.reading import assumed_scale, open_atlas

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fatescope.base import Execution, Finding, Lineage, Progress
    from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings, VolumeSettings

_TABLE_UM = (1.0, 0.09, 0.09)
"""Spacing of a drawn lineage (volumes have one of their own), and of a table that gives none."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One file to render: the movie of an embryo, or its volume at one of the stages."""

    embryo: int
    table: Path | None
    stage: int | None = None

    @property
    def movie(self) -> str:
        """Name of the embryo."""
        return f"embryo_{self.embryo:03d}"

    @property
    def key(self) -> str:
        """Name of the file, without its ending."""
        return self.movie if self.stage is None else f"{self.movie}_t{self.stage:04d}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The table, where there is one."""
        return () if self.table is None else (self.table,)

    def absolute(self) -> Self:
        """Return the unit with the whole path of its table."""
        return self if self.table is None else replace(self, table=self.table.absolute())

    def __str__(self) -> str:
        return self.key


def render_files(
    units: Sequence[Rendered],
    render: Callable[[Rendered], Outcome],
    *,
    out: Path,
    command: str,
    settings: MovieSettings | VolumeSettings,
    lineage: LineageSettings,
    table: Path | None,
    seed: int,
    execution: Execution,
    fresh: bool,
    progress: Progress | None,
) -> Summary:
    """Render files into a run; a larger ``count`` of the settings adds to the same run."""
    record = {
        **settings.model_dump(mode="json", exclude={"count"}),
        "lineage": lineage.model_dump(mode="json") if table is None else hash_path(table),
        "seed": seed,
    }
    with Run.open(out, command=command, settings=record, fresh=fresh) as run:
        work_through(run, pending(run, units), render, execution=execution, progress=progress)
        return run.finish(findings=[] if table is None else _findings_of(table, lineage))


def _findings_of(table: Path, settings: LineageSettings) -> list[Finding]:
    """Return what there is to say of a table, once for all that is rendered from it."""
    read = read_lineage(table)
    step = settings.interval_min
    usual = Spacing.of(source="assumed", T=step, **dict(zip("ZYX", _TABLE_UM, strict=True)))
    known = read.spacing if read.spacing.um("ZYX") else read.spacing.only("T")
    found = [replace(f, file=str(table)) for f in read.findings]
    return [*found, *assumed_scale(usual.replaced_by(known), file=str(table))]


def simulate_embryo(settings: LineageSettings | None = None, *, seed: int) -> Lives:
    """Draw the lives of one embryo from the atlas, to be rendered by a scene.

    Parameters
    ----------
    settings : LineageSettings, optional
        Length, interval, pace, and how far the embryo differs from the mean one.
    seed : int
        The same seed gives the same embryo.

    Returns
    -------
    Lives
        For `MovieScene` and `EmbryoScene`; ``count()`` says how many cells there are.

    Examples
    --------
    >>> import fatescope as fs
    >>> frames, cells = fs.simulate_embryo(seed=1).count()
    >>> int(cells[0]), int(cells[-1]) > 100
    (2, True)
    """
    from fatescope.simulate.embryo.settings import LineageSettings as Drawn

    return read_or_draw(settings or Drawn(), table=None, seed=seed)


def read_or_draw(lineage: LineageSettings, *, table: Path | None, seed: int) -> Lives:
    """Return the lives to render: of a table, or of an embryo drawn from the atlas.

    A table whose spacing or interval is unknown is taken as recorded with 1 x 0.09 x 0.09 µm,
    at the interval of the settings.
    """
    if table is not None:
        read = read_lineage(table)
        return _lives(read, read.spacing.interval_min or lineage.interval_min)
    drawn = draw_embryo(
        open_atlas(),
        minutes=lineage.minutes,
        interval_min=lineage.interval_min,
        pace=lineage.pace,
        spread=lineage.spread,
        spacing_um=_TABLE_UM,
        seed=seed,
    )
    return _lives(drawn, lineage.interval_min)


def _lives(lineage: Lineage, interval_min: float) -> Lives:
    known = lineage.spacing.um("ZYX")
    spacing = (known[0], known[1], known[2]) if known else _TABLE_UM
    return Lives(lineage, spacing_um=spacing, interval_min=interval_min)
