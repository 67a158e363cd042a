"""What rendered volumes and movies of embryos share: the unit, the run, where a lineage is from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fatescope.acquire import read_lineage
from fatescope.base import Spacing, WorkUnit
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

S = TypeVar("S", "MovieSettings", "VolumeSettings")
_TABLE_UM = (1.0, 0.09, 0.09)
"""Spacing of a drawn lineage (volumes have one of their own), and of a table that gives none."""


@dataclass(frozen=True, slots=True)
class Rendered(WorkUnit):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenes(Generic[S]):
    """What is to be seen, and whose lives: drawn from the atlas, or those of a table."""

    settings: S
    lineage: LineageSettings
    table: Path | None
    seed: int

    def record(self) -> dict[str, Any]:
        """Return what decides the files; a larger ``count`` adds to the same run."""
        drawn = self.lineage.model_dump(mode="json")
        return {
            **self.settings.model_dump(mode="json", exclude={"count"}),
            "lineage": drawn if self.table is None else hash_path(self.table),
            "seed": self.seed,
        }


def render_files(
    command: str,
    units: Sequence[Rendered],
    render: Callable[..., Outcome],
    scenes: Scenes[Any],
    *,
    out: Path,
    execution: Execution,
    fresh: bool,
    progress: Progress | None,
) -> Summary:
    """Render files into a run, each by ``render(unit, out=..., scenes=...)``."""
    job = partial(render, out=out.absolute(), scenes=scenes)
    with Run.open(out, command=command, settings=scenes.record(), fresh=fresh) as run:
        work_through(run, pending(run, units), job, execution=execution, progress=progress)
        table = scenes.table
        return run.finish(findings=[] if table is None else _findings_of(table, scenes.lineage))


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
