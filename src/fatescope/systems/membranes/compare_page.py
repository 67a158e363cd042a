"""The page, the images and the films of a comparison on membranes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.evaluate import borders_of, published_interior
from fatescope.pages import colour_of, side_by_side, write_film
from fatescope.pages.differences import differences
from fatescope.pages.images import display_limits, to_grey, write_png
from fatescope.pages.page import (
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    write_page,
)
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, result_page
from fatescope.prepare import read_label_plane, read_plane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import LabelImage, Table
    from fatescope.evaluate import ComparedScore, PairedDifference
    from fatescope.pages.chart import Chart
    from fatescope.prepare import Sample

REGRESSIONS = 10  # planes that are shown
_SHARE = 0.45  # of a cell's colour over the image
_TITLES = ("input", "labels")


@dataclass(frozen=True, slots=True, kw_only=True)
class MembraneComparison:
    """What stands on the page; ``units`` are the test samples by unit."""

    rows: Table
    names: tuple[str, str]
    lead: str
    over: str
    differences: Sequence[tuple[str, PairedDifference]]
    strata: Mapping[str, Sequence[tuple[str, PairedDifference]]]
    units: Mapping[str, Sequence[Sample]]
    score: ComparedScore


def write_membrane_comparison(out: Path, page: MembraneComparison) -> list[str]:
    """Write page, films and regressions; return their names below ``out``."""
    samples = {s.image.stem: s for unit in page.units.values() for s in unit}
    worst = regressions(page.rows, page.score)
    written = ["report.html", "film.mp4", "film.gif"]
    views = []
    for rank, i in enumerate(worst, start=1):
        name = str(page.rows["image"][i])
        panes = four_panes(out, samples[name], str(page.rows["unit"][i]))
        titles = [*_TITLES, *page.names]
        file = f"regressions/{rank:02d}-{name}.png"
        write_png(out / file, side_by_side(panes, titles, note=name))
        written.append(file)
        views.append(_view(name, panes, titles, _said(page.rows, i, page.score)))
    frames = []
    first = str(page.rows["unit"][0])
    for i in np.flatnonzero(page.rows["unit"] == first).tolist():
        name = str(page.rows["image"][i])
        panes = four_panes(out, samples[name], first)
        frames.append(
            side_by_side(panes, [*_TITLES, *page.names], note=f"plane {page.rows['plane'][i]}")
        )
    write_film(out / "film", frames)
    made = result_page(
        Head(
            title=f"{page.names[0]} and {page.names[1]}",
            kind="comparison of two models of membranes",
            answer=page.lead,
        ),
        figures=(_worst(views, page),),
        doubt=(_limits(page),),
        details=(_scores(page), *_strata(page)),
        record=ResultFolder(out).record,
    )
    write_page(out / "report.html", made)
    return written


def regressions(rows: Table, score: ComparedScore, most: int = REGRESSIONS) -> list[int]:
    """Return the planes on which the new model lost most, the worst first."""
    change = _of_plane(rows, "new", score) - _of_plane(rows, "old", score)
    order = sorted(range(len(rows)), key=lambda i: (change[i], i))
    return [i for i in order if change[i] < 0][:most]


def _of_plane(rows: Table, side: str, score: ComparedScore) -> NDArray[np.float64]:
    if score != "ap_50":
        return np.asarray(rows[f"{score}_{side}"], float)
    true, found, tp = (np.asarray(rows[f"cells_{k}_{side}"], float) for k in _COUNTS)
    return np.asarray(tp / np.maximum(true + found - tp, 1))


_COUNTS = ("n_true", "n_pred", "tp")


def _said(rows: Table, i: int, score: ComparedScore) -> str:
    old, new = (_of_plane(rows, side, score)[i] for side in ("old", "new"))
    return f"{old:.3f} -> {new:.3f}"


def four_panes(out: Path, sample: Sample, unit: str) -> list[NDArray[np.uint8]]:
    """Return input, labels, old and new as colour images of one size."""
    pixels = read_plane(sample.image)
    grey = to_grey(pixels, limits=display_limits(pixels))
    folder = out / "labels"
    found = [
        read_label_plane(folder / side / unit.replace("/", "-") / f"{sample.image.stem}.png")
        for side in ("old", "new")
    ]
    return [
        np.repeat(grey[..., None], 3, axis=2),
        *(painted(grey, labels) for labels in (read_label_plane(sample.labels), *found)),
    ]


def painted(grey: NDArray[np.uint8], labels: LabelImage) -> NDArray[np.uint8]:
    """Return an image with each cell in its colour, and its border bright."""
    n = int(labels.max(initial=0)) + 1
    hues = np.zeros((n, 3), float)
    for label in range(1, n):
        text = colour_of(label)
        hues[label] = [int(text[k : k + 2], 16) for k in (1, 3, 5)]
    out = grey[..., None].astype(float) * np.ones(3)
    inside = labels > 0
    out[inside] = (1 - _SHARE) * out[inside] + _SHARE * hues[labels[inside]]
    edge = borders_of(labels) & (inside | (labels == 0))
    out[edge] = 255
    return np.asarray(np.rint(out), np.uint8)


def _view(name: str, panes: Sequence[NDArray[np.uint8]], titles: Sequence[str], about: str) -> View:
    drawn = [Pane.of(p, t) for t, p in zip(titles, panes, strict=True)]
    return View(title=name, frames=(Frame(panes=drawn, words=about),), about=about)


def _block(
    rows: Sequence[tuple[str, PairedDifference]], page: MembraneComparison, first: str
) -> tuple[Chart, PageTable]:
    counted = {"planes": lambda d: d.n_images}
    return differences(rows, page.names, first=first, counted=counted, over=page.over)


def _scores(page: MembraneComparison) -> Section:
    words = (
        "All scores are pooled over planes. Interiors are scored as published in 2021 (labels, "
        f"eroded by 2 x 2 pixels); there a filled silhouette without any wall reaches "
        f"{silhouette_iou(page):.3f} on the same planes, so the F1 of walls decides unless "
        "something else was asked for."
    )
    return Section(
        title="Scores",
        blocks=(Text(paragraphs=(words,)), *_block(page.differences, page, "score")),
    )


def silhouette_iou(page: MembraneComparison) -> float:
    """Return the published measure of the union of all labels with its walls filled."""
    from scipy.ndimage import binary_closing, binary_fill_holes

    both, either = 0, 0
    names = set(page.rows["image"].tolist())
    for sample in (s for unit in page.units.values() for s in unit):
        if sample.image.stem in names:
            labels = read_label_plane(sample.labels)
            wide = np.pad(labels > 0, 4)
            filled = binary_fill_holes(binary_closing(wide, iterations=3))[4:-4, 4:-4]
            true = published_interior(labels)
            both += int((filled & true).sum())
            either += int((filled | true).sum())
    return both / max(either, 1)


def _strata(page: MembraneComparison) -> list[Section]:
    said = {
        "stage": "Cells in the whole volume.",
        "depth": "Where the plane lies among those that hold cells, first to last.",
        "density": "Cells in the plane itself.",
    }
    return [
        Section(title=f"By {name}", blocks=(Text(paragraphs=(said[name],)), *_block(r, page, name)))
        for name, r in page.strata.items()
        if r
    ]


def _worst(views: Sequence[View], page: MembraneComparison) -> Section:
    title = "Worst regressions"
    if not views:
        none = f"On no plane is {page.names[1]} worse than {page.names[0]}."
        return Section(title=title, blocks=(Text(paragraphs=(none,)),))
    words = (
        f"The {len(views)} planes on which {page.names[1]} lost most: input, labels, old and new. "
        "They are in regressions/ too; film.mp4 and film.gif show every plane of the first "
        "volume in the same way."
    )
    viewer = ImageViewer(title="Planes on which the new model lost most", views=views)
    return Section(title=title, blocks=(Text(paragraphs=(words,)), viewer))


def _limits(page: MembraneComparison) -> Section:
    words = (
        f"Both models saw the same planes. Intervals: percentiles of a bootstrap over {page.over}, "
        "the same draw for both. Neighbouring planes of one embryo are alike, and one embryo is "
        "one embryo: nothing is claimed for others.",
        "A package lists the units that it saw, and is refused on them; a plain ONNX file lists "
        "nothing, so whoever gives it must know.",
    )
    return Section(title="How far this can be believed", blocks=(Text(paragraphs=words),))
