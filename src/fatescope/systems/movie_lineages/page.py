"""The page of movies that became lineages: cells named, their tree, doubts, then the nuclei."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import Lineage, Spacing, Table
from fatescope.lineage.exclusion import seen_once, without_rows
from fatescope.numeric import tracks_of
from fatescope.pages.files import store_text
from fatescope.pages.page import Drawing, PageTable, Section, Text, write_page
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import counted
from fatescope.systems.lineages.draw_embryo import draw_tree_page
from fatescope.systems.lineages.embryo import prepare_embryo
from fatescope.systems.lineages.settings import DrawSettings
from fatescope.systems.nuclei.page.again import write_settings
from fatescope.systems.nuclei.page.folder import nuclei_report_from_folder
from fatescope.systems.nuclei.page.page import report_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray
    from fatescope.pages.page import Block

_UNSURE = 0.5
"""Confidence below which a name is called unsure."""
_TREES, _DOUBTS = 3, 20  # on the page; more trees are links


@dataclass(frozen=True, slots=True, kw_only=True)
class _Movie:
    """What came of one movie: ``name`` and ``sure`` of each cell, NaN where it has no name.

    ``why`` says why the embryo is unlike those that names come from, where it is.
    """

    key: str
    lineage: Lineage
    name: Sequence[str]
    sure: FloatArray
    first: Sequence[int]
    n_divisions: int
    why: str

    @property
    def answer(self) -> str:
        """One sentence: cells, divisions, names and how sure they are."""
        counts = np.bincount(self.lineage.frame)
        cells = len(self.name)
        first, most = counts[counts > 0][0], counts.max()
        nuclei = counted(int(most), "nucleus", "nuclei")
        said = (
            f"{self.key}: {f'{first} to ' if first < most else ''}{nuclei} in "
            f"{counted(len(counts), 'frame')}, {counted(cells, 'cell')}, "
            f"{counted(self.n_divisions, 'division')}"
        )
        named = int(np.isfinite(self.sure).sum())
        if not named:
            return f"{said}; cells have no names."
        unsure = int((self.sure < _UNSURE).sum())
        if self.why:
            return f"{said}; {named} of {cells} cells named, all of them doubtful: {self.why}."
        return f"{said}; {named} of {cells} cells named, {unsure} of them unsure."


def write_page_of_run(out: Path) -> tuple[str, ...]:
    """Write report, settings to repeat the run, and a tree for each movie; return their names."""
    report = nuclei_report_from_folder(out)
    movies = _movies(ResultFolder(out))
    written = ["report.html", "settings.toml"]
    blocks: list[Block] = []
    for n, movie in enumerate(movies):
        svg, tree = draw_tree_page(prepare_embryo(movie.key, movie.lineage), DrawSettings())
        name = f"trees/{movie.key}.html"
        store_text(out / name, tree)
        written.append(name)
        if n < _TREES:
            title = f"{movie.key}: lineage of {counted(len(movie.name), 'cell')}"
            blocks.append(Drawing(svg=svg, title=title))
            blocks.append(Text(links=[(name, f"Walk along the tree of {movie.key}")]))
    if len(movies) > _TREES:
        links = [(f"trees/{m.key}.html", m.key) for m in movies[_TREES:]]
        blocks.append(Text(paragraphs=("More trees:",), links=links))
    blocks += _doubts(movies)
    page = report_page(report)
    page = replace(
        page,
        kind="lineage",
        lead=" ".join(m.answer for m in movies[:_TREES]) or page.lead,
        sections=[*([Section(title="Lineage", blocks=blocks)] if blocks else []), *page.sections],
    )
    write_page(out / "report.html", page)
    write_settings(out / "settings.toml", report)
    return tuple(written)


def _movies(result: ResultFolder) -> list[_Movie]:
    """Return the movies of a finished folder that have links."""
    spots = result.table("spots", may_be_absent=True)
    flagged = result.table("embryos", may_be_absent=True)
    why = dict(zip(flagged["table"], flagged["reason"], strict=True)) if len(flagged) else {}
    found = []
    for key in dict.fromkeys(spots["movie"].tolist()) if len(spots) else ():
        rows = spots.rows(spots["movie"] == key)
        named = result.folder / "named" / f"{key}.csv"
        names = read_table(named) if named.is_file() else None
        steps = {a: s["value"] for a, s in result.inputs[key].get("spacing", {}).items()}
        found.append(_movie(str(key), rows, names, steps, str(why.get(key) or "")))
    return found


def _movie(key: str, rows: Table, names: Table | None, steps: dict[str, float], why: str) -> _Movie:
    n = len(rows)
    parent = np.array([-1 if p is None or p != p else int(p) for p in rows["parent"]], np.int64)
    name = np.full(n, "", dtype=object)
    confidence = np.full(n, np.nan)
    if names is not None:
        name = np.array([str(v or "") for v in names["name"]], dtype=object)
        confidence = np.where(name == "", np.nan, names["confidence"].astype(float))
    lineage = Lineage(
        frame=rows["frame"].astype(np.int64),
        position=np.stack([rows[a].astype(float) for a in "zyx"], axis=1),
        parent=parent,
        name=name,
        radius_px=np.full(n, np.nan),
        spacing=Spacing.of(source="file", **steps),
    )
    glimpses = seen_once(lineage)
    lineage, confidence = without_rows(lineage, glimpses), confidence[~glimpses]
    tracks = tracks_of(lineage)
    sure = [
        float(np.nanmean(c)) if np.isfinite(c).any() else np.nan
        for c in np.split(confidence[tracks.rows], tracks.start[1:-1])
    ]
    return _Movie(
        key=key,
        lineage=lineage,
        name=[str(v) for v in tracks.name],
        sure=np.array(sure),
        first=tracks.first.tolist(),
        n_divisions=int(tracks.divides.sum()),
        why=why,
    )


def _doubts(movies: Sequence[_Movie]) -> list[Block]:
    """Return the named cells that are least sure, worst first."""
    rows = sorted(
        (float(sure), movie.key, name, first)
        for movie in movies
        for sure, name, first in zip(movie.sure, movie.name, movie.first, strict=True)
        if np.isfinite(sure) and sure < _UNSURE and name
    )
    if not rows:
        return []
    table = PageTable(
        columns=("movie", "cell", "from frame", "confidence"),
        rows=[(key, name, str(first), f"{sure:.2f}") for sure, key, name, first in rows[:_DOUBTS]],
    )
    return [Text(paragraphs=(f"{counted(len(rows), 'cell')} with an unsure name.",)), table]
