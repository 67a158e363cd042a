"""The page about one run of ``measure``, from the files of its output folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import number
from fatescope.pages.findings import caution_sentence, findings_sections
from fatescope.pages.page import Page, PageTable, Section, Text, outlines_of
from fatescope.pages.result import ResultFolder
from fatescope.pages.sizes import SIZE_UNITS, known_sizes, sizes_section
from fatescope.pages.skeleton import Head, counted, none_or, result_page
from fatescope.pages.views import images_section

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import FloatArray, Table

_MOST_ROWS = 50  # images in the table
_METHODS = (
    "Objects that were outlined before were measured with fatescope {version}: sizes count pixels, "
    "axes and orientation are those of the ellipse with the same second moments, brightness is the "
    "mean of the pixels of an object, with nothing subtracted. {n} objects were measured in "
    "{images}."
)


def measure_page(out: Path) -> Page:
    """Return the page about a finished run of ``measure``.

    Parameters
    ----------
    out : Path
        The output folder. Images and labels that are gone are not shown.
    """
    result = ResultFolder(out)
    objects = result.table("objects", may_be_absent=True)
    n_images = len(result.done)
    return result_page(
        Head(
            title="Measured objects",
            kind="measure",
            answer=_answer(objects, n_images),
            caution=caution_sentence(result.findings, result.record, n_images=n_images),
        ),
        figures=(
            images_section(
                result,
                objects,
                lambda labels, _: outlines_of(labels),
                title="Objects in images",
                noun="object",
                words=lambda rows: counted(len(rows), "object"),
            ),
        ),
        doubt=(_doubts(objects),),
        findings=findings_sections(result.findings, cell="object"),
        details=(sizes_section(objects, "object"), _by_image(result, objects)),
        methods=_METHODS.format(
            version=result.version, n=number(len(objects)), images=counted(n_images, "image")
        ),
        record=result.record,
    )


def _answer(objects: Table, n_images: int) -> str:
    where = counted(n_images, "image")
    column, values = known_sizes(objects)
    if not column:
        return f"No object was outlined in {where}."
    low, middle, high = (number(float(v)) for v in np.percentile(values, [25, 50, 75]))
    what, unit = column.split("_")[0], SIZE_UNITS[column]
    half = f" (half of them {low} to {high})" if len(values) > 3 else ""
    size = f"{middle} {unit}{half}"
    found = f"{counted(len(objects), 'object')} in {where}"
    if len(values) < len(objects):
        middle_of = "a median of " if len(values) > 1 else ""
        known = f"{what} in {unit} is known of {number(len(values))} of them"
        return f"{found}; the {known}: {middle_of}{size}."
    return f"{found}, {f'of a median {what} of' if len(values) > 1 else f'its {what} is'} {size}."


def _doubts(objects: Table) -> Text | None:
    """Say of how many objects the numbers are not those of the whole object, or have no unit."""
    if not len(objects):
        return None
    cut = int(objects["touches_border"].sum())
    paragraphs = [
        f"{none_or(cut)} of {counted(len(objects), 'object')} touch the border of their image: "
        "what lies beyond is not counted."
    ]
    has_size = np.zeros(len(objects), bool)
    for column in [c for c in SIZE_UNITS if c in objects and "_um" in c]:
        has_size |= np.isfinite(objects[column].astype(float))
    if unknown := int((~has_size).sum()):
        paragraphs.append(
            f"The size of a pixel is not known for {number(unknown)} of them, so their "
            "micrometres are empty; --spacing-um gives it."
        )
    paragraphs.append("Outlines were taken as they are; whether they are right is not judged here.")
    return Text(paragraphs=[p[:1].upper() + p[1:] for p in paragraphs])


def _by_image(result: ResultFolder, objects: Table) -> Section | None:
    """List the median of size and brightness in each image."""
    if not len(objects):
        return None
    sizes = _sizes_shown(objects)
    means = [c for c in objects if c.startswith("mean_")]
    names = [str(said["image"]) for said in result.done]
    rows = []
    for name in names[:_MOST_ROWS]:
        mine = objects.rows(objects["image"] == name)
        medians = [_median(mine[c].astype(np.float64)) for c in (*sizes, *means)]
        rows.append((name, number(len(mine)), *medians))
    heads = [f"{c.split('_')[0]} ({SIZE_UNITS[c]})" for c in sizes]
    bright = [f"brightness, {c.removeprefix('mean_')}" for c in means]
    more = (
        f" The first {len(rows)} of {number(len(names))} images." if len(names) > len(rows) else ""
    )
    words = Text(paragraphs=(f"Medians over objects and frames; all are in objects.csv.{more}",))
    table = PageTable(columns=("image", "objects", *heads, *bright), rows=rows)
    return Section(title="By image", blocks=(words, table))


def _sizes_shown(objects: Table) -> list[str]:
    """Return the sizes that are known of any object; one that says it of all stands alone."""
    column, values = known_sizes(objects)
    if len(values) == len(objects):
        return [column]
    return [c for c in SIZE_UNITS if c in objects and np.isfinite(objects[c].astype(float)).any()]


def _median(values: FloatArray) -> str:
    known = values[np.isfinite(values)]
    return number(float(np.median(known))) if len(known) else "–"
