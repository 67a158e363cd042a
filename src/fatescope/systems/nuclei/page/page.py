"""The report of a run: one HTML file that needs nothing beside itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.pages.findings import caution_sentence, findings_sections
from fatescope.pages.page import Page, write_page
from fatescope.pages.skeleton import Head, result_page
from fatescope.systems.nuclei.page import sections
from fatescope.systems.nuclei.page.methods import methods_text
from fatescope.systems.nuclei.page.words import answer

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from fatescope.systems.nuclei.page.values import NucleiReport


def write_report(path: str | os.PathLike[str], report: NucleiReport) -> Path:
    """Write the page about one run of ``predict nuclei``.

    The file is complete or absent: it is written beside its place and then renamed.

    Parameters
    ----------
    path : path-like
        Of the HTML file.
    report : NucleiReport

    Returns
    -------
    Path
        The file, at most 20 MB: tables longer than 1000 images, and findings of one rule beyond 50,
        are cut, images that do not fit are left out, and the page says so.
    """
    return write_page(path, report_page(report))


def report_page(report: NucleiReport) -> Page:
    """Return what the page about a run holds."""
    return result_page(
        Head(
            title=report.title,
            kind="nuclei",
            answer=answer(report),
            caution=caution_sentence(
                report.findings,
                report.record,
                n_images=sum(not image.problem for image in report.images),
                doubtful="counts",
            ),
        ),
        figures=(sections.outlines(report),),
        findings=findings_sections(report.findings, cell="nucleus"),
        details=(
            sections.counts(report),
            sections.sizes(report),
            sections.images(report),
            sections.record(report),
            sections.columns(report),
        ),
        methods=methods_text(report),
        record=report.record,
        again=sections.again(report),
    )
