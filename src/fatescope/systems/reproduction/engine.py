"""The one engine of reproductions: published, run again, corrected, on one page.

A `Reproduction` is data and the few functions that are its own: what there is to learn from, what
a worker does with a unit, what the page says, what it costs. Folder, continuation, checkpoints,
the quick form, the page's frame and the plan are here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fatescope.base import Execution, check_installed
from fatescope.base.settings import Settings
from fatescope.engine import Run
from fatescope.engine.driver import Keyed, Outcome, pending, work_through
from fatescope.engine.execute import available_workers
from fatescope.engine.plan import RunPlan
from fatescope.pages.page import Page, Section, write_page
from fatescope.pages.skeleton import settings_sections
from fatescope.storage import remove

if TYPE_CHECKING:
    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.systems.reproduction.origin import Origin

R = TypeVar("R", bound=Settings)
M = TypeVar("M")
FITS = "fits"
"""Folder of the checkpoints of trainings that are not done."""
_PROCESS_MB, _OUTPUT_MB = 1500.0, 20.0  # of a plan; a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[R]):
    """What a run was asked for; ``scratch`` goes when it ends."""

    out: Path
    recipe: R
    data: Path | None
    quick: bool
    scratch: Path
    workers: int = 1
    progress: Progress | None = None

    @property
    def given(self) -> Path | None:
        """Return the data, unless the run is quick and renders its own."""
        return None if self.quick else self.data

    @property
    def alone(self) -> Progress | None:
        """Return the progress within a unit: that of a run whose units follow each other."""
        return self.progress if self.workers == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work(Generic[M]):
    """What there is to do.

    Parameters
    ----------
    units : sequence of Keyed
        Trainings and what else is done as a whole, in the order of the page.
    material : object
        What else `Reproduction.begin` and `Reproduction.page` need to know.
    recorded : mapping
        Of the data; goes into the record beside the recipe, so that other data are refused.
    """

    units: Sequence[Keyed]
    material: M
    recorded: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction(Generic[R, M]):
    """A published system as it was reported, run again, and corrected.

    Parameters
    ----------
    name : str
        Of the command and of the page.
    origin : Origin
    needs : tuple of str
        Packages, which are request for before anything is written.
    quick : mapping
        What a quick run changes in the recipe.
    quick_words : str
        What its page begins with.
    what : str
        Its units are called in the plan.
    find : callable
        Returns what there is to do, or raises; nothing is written but in ``scratch``.
    do : callable
        Of a unit, with ``out``, ``recipe`` and ``progress``; returns its `Outcome`.
    costs : callable
        Of recipe, data and whether it is a quick run: CPU seconds of each unit, as measured.
    page : callable, optional
        Returns the page's first sentence and its sections, from the tables of a run that is done;
        without one a unit writes the page (`Reproduction.write`).
    begin : callable, optional
        Before the units that are to be done, such as cutting tiles; returns files that it wrote.
    also : callable, optional
        Writes what stands beside the page, before it; returns files.
    """

    name: str
    origin: Origin
    needs: tuple[str, ...]
    quick: Mapping[str, Any]
    quick_words: str
    what: str
    find: Callable[[Request[R]], Work[M]]
    do: Callable[..., Outcome]
    costs: Callable[[R, Path | None, bool], Sequence[float]]
    page: Callable[[Request[R], M], tuple[str, Sequence[Section]]] | None = None
    begin: Callable[[Request[R], M, Sequence[Any]], Sequence[str]] | None = None
    also: Callable[[Request[R], M], Sequence[str]] | None = None

    def run(
        self,
        *,
        out: Path,
        recipe: R,
        data: Path | None = None,
        quick: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
        fresh: bool = False,
    ) -> Summary:
        """Run the recipe as published, show what it is worth, and run a corrected one.

        Parameters
        ----------
        out : Path
            Gets ``report.html``, the tables of its units and their images and films. The same call
            again continues with the units that are not done, and in one at its last checkpoint.
        recipe : Settings
        data : Path, optional
            What to learn from; its command says what lies there.
        quick : bool
            A short run on rendered data: shows that everything runs, proves nothing.
        workers : int, optional
            Processes, each for one unit at a time and with one thread; default: one for each core.
        progress, fresh

        Raises
        ------
        InputError
            If there is nothing to learn from, or too little.
        """
        check_installed(*self.needs)
        if quick:
            recipe = self.shortened(recipe)
        with tempfile.TemporaryDirectory() as scratch:
            request = Request(
                out=Path(out),
                recipe=recipe,
                data=data,
                quick=quick,
                scratch=Path(scratch),
                progress=progress,
            )
            found = self.find(request)
            settings = {**recipe.model_dump(mode="json"), "quick": quick, **(found.recorded or {})}
            command = f"reproduce {self.name}"
            with Run.open(out, command=command, settings=settings, fresh=fresh) as run:
                if fresh:
                    remove(run.out / FITS)
                todo = pending(run, found.units)
                n = available_workers(workers, max(len(todo), 1))
                request = replace(request, out=run.out, workers=n)
                if todo and self.begin:
                    run.wrote(*self.begin(request, found.material, todo))
                job = partial(self.do, out=run.out, recipe=recipe, progress=request.alone)
                work_through(run, todo, job, execution=Execution(workers=n), progress=progress)
                summary = run.finish()
                if not summary.units_failed:
                    remove(run.out / FITS)
                if summary.units_done and self.page:
                    if self.also:
                        run.wrote(*self.also(request, found.material))
                    lead, sections = self.page(request, found.material)
                    run.wrote(self.write(run.out, lead, sections, recipe=recipe, quick=quick))
        return summary

    def shortened(self, recipe: R) -> R:
        """Return the recipe of a quick run; a value that is no default was asked for."""
        usual = type(recipe)()
        kept = {k for k in self.quick if getattr(recipe, k) != getattr(usual, k)}
        return recipe.replace(**{k: v for k, v in self.quick.items() if k not in kept})

    def write(
        self, out: Path, lead: str, sections: Sequence[Section], *, recipe: R, quick: bool
    ) -> Path:
        """Write ``report.html``: published, run again, corrected, and whose work it is."""
        record = {"settings": recipe.model_dump(mode="json")}
        whose = replace(self.origin.section(), folded=True)
        page = Page(
            title=self.name,
            kind="reproduction",
            sections=[*sections, whose, *settings_sections(record)],
            lead=f"{self.quick_words} {lead}" if quick else lead,
        )
        return write_page(out / "report.html", page)

    def plan(
        self,
        *,
        recipe: R,
        data: Path | None = None,
        quick: bool = False,
        workers: int | None = None,
    ) -> RunPlan:
        """Say what `run` would cost, from measured costs; nothing is rendered or written."""
        if quick:
            recipe = self.shortened(recipe)
        seconds = self.costs(recipe, data, quick)
        workers = available_workers(workers, len(seconds))
        total = sum(seconds)
        return RunPlan(
            command=f"reproduce {self.name}",
            units=len(seconds),
            cpu_seconds=round(total),
            wall_seconds=round(max(total / workers, *seconds, 0.0)),
            peak_memory_mb=_PROCESS_MB * workers,
            output_mb=_OUTPUT_MB,
            workers=workers,
            what=self.what,
        )


def data_folder(data: Path | None, inside: str = "") -> Path | None:
    """Return the folder that was given, else that of ``FATESCOPE_DATA``, or what it holds."""
    named = os.environ.get("FATESCOPE_DATA")
    given = data or (Path(named) if named else None)
    return given / inside if given and (given / inside).is_dir() else given


def in_order(
    shown: Sequence[Section], *, doubt: Section, details: Sequence[Section]
) -> list[Section]:
    """Return sections as every page has them: figures, what to doubt, and closed details."""
    doubts = replace(doubt, title="What to doubt")
    return [*shown, doubts, *(replace(section, folded=True) for section in details)]
