"""Cells in phase contrast, from files on disk to outlines, tables and a report.

The way is that of nuclei (`systems/nuclei/find.py`), with a model for cells and in their words.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.base import Execution, Image, Progress
from fatescope.engine.found import Found
from fatescope.engine.in_memory import as_image, find_in_image
from fatescope.engine.predict import System, predict_images
from fatescope.measurement import DoubtSettings
from fatescope.systems.nuclei.cell_words import of_cells
from fatescope.systems.nuclei.find import NUCLEI, add_doubts, find_nuclei
from fatescope.systems.phase_cells.settings import PhaseCellsSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.engine import Summary
    from fatescope.engine.given import Inputs
    from fatescope.engine.in_memory import ImageLike, SegmentedImage
    from fatescope.predict import Predictor, Scratch
    from fatescope.systems.nuclei.find import Sizes

DOUBTS = DoubtSettings(min_ellipse_fill=0.4)
"""Adherent cells have arms: few fill their ellipse as nuclei do."""


def predict_phase_cells(
    inputs: Inputs,
    *,
    out: Path | str,
    settings: PhaseCellsSettings | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Outline, count and measure cells in phase contrast; what ``predict phase-cells`` does.

    Parameters
    ----------
    inputs : path or sequence of paths
        Images, stacks, movies, or folders of them.
    out : path
        Output folder. The same call again continues, also with more inputs.
    settings : PhaseCellsSettings, optional
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional
        Called as ``progress(done, total, what)``.

    Returns
    -------
    Summary
        The results are those of `predict_nuclei`.

    Raises
    ------
    InputError, SettingsError, ModelError, RunError
        When nothing can be done. An image that cannot be processed costs a finding instead.

    Examples
    --------
    >>> predict_phase_cells("dish.tif", out="results")  # doctest: +SKIP
    """
    return predict_images(
        PHASE_CELLS,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def segment_phase_cells(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    settings: PhaseCellsSettings | None = None,
) -> SegmentedImage:
    """Find and measure the cells of a phase-contrast image, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    settings : PhaseCellsSettings, optional

    Returns
    -------
    SegmentedImage
        The same labels and rows, to the bit, as `predict_phase_cells` writes for a file of the
        image.

    Raises
    ------
    InputError, SettingsError, ModelError
    """
    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    return find_in_image(PHASE_CELLS, whole, settings)


def find_phase_cells(
    image: Image,
    settings: PhaseCellsSettings,
    *,
    predictor: Predictor,
    scratch: Scratch | None,
    decided: Sizes | None,
) -> Found:
    """Find and measure the cells of one image; the `System.find` of phase contrast."""
    found = find_nuclei(image, settings, predictor=predictor, scratch=scratch, decided=decided)
    return replace(
        found,
        tables={**found.tables, "objects": add_doubts(found.tables["objects"], DOUBTS)},
        findings=[of_cells(f) for f in found.findings],
    )


def _write_pages(out: Path) -> tuple[str, ...]:
    from fatescope.pages import CELL_WORDS, in_other_words
    from fatescope.pages.page import write_page
    from fatescope.systems.nuclei.page.again import write_settings
    from fatescope.systems.nuclei.page.folder import nuclei_report_from_folder
    from fatescope.systems.nuclei.page.page import report_page

    report = nuclei_report_from_folder(out)
    given = [i for i in report.record.get("inputs") or () if i.get("image")]
    names = {str(name) for i in given for name in (i["image"], Path(str(i.get("path") or "")).name)}
    page: Any = in_other_words(report_page(report), CELL_WORDS, names=names - {""})
    write_page(out / "report.html", page)
    write_settings(out / "settings.toml", report)
    return "report.html", "settings.toml"


PHASE_CELLS: System[PhaseCellsSettings] = System(
    command="predict phase-cells",
    settings=PhaseCellsSettings,
    cost=NUCLEI.cost,
    find=find_phase_cells,
    open_model=NUCLEI.open_model,
    write_pages=_write_pages,
    decide=NUCLEI.decide,
    follow=NUCLEI.follow,
)
