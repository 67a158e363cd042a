"""The page of a cleaning: every faulty stretch between the frames before and after it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Line, Points, number
from fatescope.pages.images import png_uri, read_side_by_side, shrink_mean, write_png
from fatescope.pages.page import (
    Beside,
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Place,
    Section,
    Text,
    View,
    write_page,
)
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page
from fatescope.systems.cleaning.cliffs import cliff_words
from fatescope.systems.cleaning.losses import loss_sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Finding, Image, Table
    from fatescope.pages.chart import Mark

_SIDE_PX = 240
_GAP_PX = 4
_PLACE_PX = 72
_TITLES = ("before", "at", "after")
_BRIGHTEST = 6.0
"""Dim frames are shown with up to so many times their light, all three alike."""
_MOST = 60
"""Stretches of one movie that get a thumbnail."""
_ROWS = 500  # stretches in the tables; findings.csv has all
_MOST_TABLES = 3  # files with a table each; more share one
_LEAST_CURVES = 2  # a single movie is drawn only if it has a cliff
_UNCHANGED = "Nothing was changed. A rule may be wrong: look at the frames before, at and after. "
_PROMISED = "With --apply, exclusion.csv lists these frames for --exclude."
_WRITTEN = "exclusion.csv lists these frames, for --exclude of other commands."
_METHOD = (
    "Frames and annotations were checked with fatescope {version} by rules that compare each frame "
    "with those around it; each finding names its rule, its value and its limit."
)


def stretches(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings of one file and rule on frames in a row, together."""
    out: list[list[Finding]] = []
    for one in findings:
        last = out[-1][-1] if out else None
        if (
            last is not None
            and one.frame is not None
            and last.frame is not None
            and (last.file, last.rule, last.object) == (one.file, one.rule, one.object)
            and last.frame <= one.frame <= last.frame + 1
        ):
            out[-1].append(one)
        else:
            out.append([one])
    return out


def write_thumbnails(out: Path, key: str, movie: Image, findings: Sequence[Finding]) -> list[str]:
    """Write, for each faulty stretch, the frame before, its first and the one after, beside."""
    written = []
    for stretch in stretches(findings)[:_MOST]:
        first, last = stretch[0].frame, stretch[-1].frame
        if first is None or last is None:
            continue
        three = [
            _small(movie, t) if 0 <= t < movie.size("T") else None
            for t in (first - 1, first, last + 1)
        ]
        there = next(p for p in three if p is not None)
        gap = np.full((there.shape[0], _GAP_PX, 3), 255, dtype=np.uint8)
        gain = _gain([p for p in (three[0], three[2]) if p is not None])
        panes = [np.full_like(there, 255) if p is None else _brighter(p, gain) for p in three]
        path = f"thumbnails/{key}/{first:06d}.png"
        write_png(out / path, np.concatenate([panes[0], gap, panes[1], gap, panes[2]], axis=1))
        written.append(path)
    return written


def _gain(around: Sequence[NDArray[np.uint8]]) -> float:
    """Return by how much the frames around a fault may be brightened."""
    brightest = max((float(np.percentile(p, 99.8)) for p in around), default=255.0)
    return float(np.clip(230 / max(brightest, 1.0), 1.0, _BRIGHTEST))


def _brighter(pixels: NDArray[np.uint8], gain: float) -> NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(pixels * gain), 0, 255), dtype=np.uint8)


def _small(movie: Image, frame: int) -> NDArray[np.uint8]:
    """Return a frame as small RGB, with the values as they are."""
    pixels = movie.read(T=frame)
    planes = pixels if pixels.ndim == 3 else pixels[None]
    planes = planes[:3] if len(planes) >= 3 else np.repeat(planes[:1], 3, axis=0)
    step = -(-max(planes.shape[1:]) // _SIDE_PX)
    high = 255.0 if planes.dtype == np.uint8 else max(float(np.nan_to_num(planes).max()), 1e-9)
    shrunk = np.stack([shrink_mean(np.nan_to_num(p), step=step) for p in planes], axis=-1)
    return np.asarray(np.clip(np.rint(shrunk * (255 / high)), 0, 255), dtype=np.uint8)


def frames_around(out: Path, findings: Sequence[Finding]) -> Section | None:
    """Return faulty frames between those around them; ``out`` is the folder of a cleaning."""
    viewer = _viewer(ResultFolder(out), stretches(findings))
    return None if viewer is None else Section(title="Frames", blocks=(viewer,))


def curves_with_cliffs(out: Path, findings: Sequence[Finding]) -> Section | None:
    """Return the curves of tables with their cliffs; ``out`` is the folder of a cleaning."""
    counts = ResultFolder(out).table("counts", may_be_absent=True)
    return _curves(counts, findings) if len(counts) else None


def one_of_each(out: Path, findings: Sequence[Finding], rules: Sequence[str]) -> ImageViewer | None:
    """Return a faulty frame of each rule beside the others; the slider walks to the next ones.

    ``out`` is the folder of a cleaning.
    """
    together = stretches(findings)
    files = sorted((out / "thumbnails").rglob("*.png"))
    panes: list[list[Pane]] = []
    for rule in rules:
        of_rule = [(s, _thumbnail(files, s[0])) for s in together if s[0].rule == rule]
        panes.append(
            [
                Pane.of(
                    read_side_by_side(path, len(_TITLES), gap=_GAP_PX)[1],
                    f"{rule}, {_frames(stretch)}",
                )
                for stretch, path in of_rule
                if path is not None
            ]
        )
    frames = [
        Frame(panes=each, index=i) for i, each in enumerate(zip(*panes, strict=False), start=1)
    ]
    if not frames:
        return None
    view = View(title="One of each", frames=frames, walk="example", first=1, step=0)
    return ImageViewer(title="A frame of each fault", views=(view,))


def write_clean_page(out: Path, findings: Sequence[Finding], *, drop: float | None = None) -> str:
    """Write ``report.html`` and return its name."""
    together, result = stretches(findings), ResultFolder(out)
    is_written = (out / "exclusion.csv").is_file()
    page = result_page(
        Head(title="Faults of movies and tables", kind="clean", answer=_answer(result, together)),
        figures=(frames_around(out, findings), curves_with_cliffs(out, findings)),
        doubt=(Text(paragraphs=(_UNCHANGED + (_WRITTEN if is_written else _PROMISED),)),),
        details=(*loss_sections(out, drop), _tables(together) if together else None),
        methods=_METHOD.format(version=result.version),
        record=result.record,
    )
    write_page(out / "report.html", page)
    return "report.html"


def _answer(result: ResultFolder, together: Sequence[Sequence[Finding]]) -> str:
    """Say in how many places of how many files there are faults, and which."""
    images = result.table("images", may_be_absent=True)
    n_frames = int(np.nansum(images["frames"].astype(float))) if len(images) else 0
    scope = counted(len(result.done), "file")
    scope += f" of {counted(n_frames, 'frame')}" if n_frames else ""
    if not together:
        return f"No fault was found in {scope}."
    rules = Counter(s[0].rule for s in together).most_common()
    named = ", ".join(f"{number(n)} {rule}" for rule, n in rules)
    at_fault = len({s[0].file for s in together})
    return f"{counted(len(together), 'fault')} in {number(at_fault)} of {scope}: {named}."


def _curves(counts: Table, findings: Sequence[Finding]) -> Section | None:
    """Draw the cells that the tables say: all of them, those with a cliff, and the others."""
    names = list(dict.fromkeys(zip(counts["file"], counts["movie"], strict=True)))
    falls: dict[str, list[int]] = {}
    for stretch in stretches(f for f in findings if f.rule == "cliff"):
        falls.setdefault(stretch[0].file, []).append(stretch[0].frame or 0)
    if not names or (len(names) < _LEAST_CURVES and not falls):
        return None
    with_cliff = [n for n in names if n[0] in falls]
    others = [n for n in names if n[0] not in falls]
    charts = [
        _curve_chart(f"{title} ({len(chosen)})", counts, chosen, falls)
        for title, chosen in (
            ("All tables", names),
            ("Tables with a cliff", with_cliff),
            ("Tables without one", others),
        )
        if chosen
    ]
    return Section(title="Cells over time", blocks=(Beside(blocks=charts),))


def _curve_chart(
    title: str,
    counts: Table,
    chosen: Sequence[tuple[str, str]],
    falls: Mapping[str, Sequence[int]],
) -> Chart:
    x, y, at = [], [], []
    for file, movie in chosen:
        rows = counts.rows((counts["file"] == file) & (counts["movie"] == movie))
        x += [*rows["frame"].astype(float).tolist(), np.nan]
        y += [*rows["total"].astype(float).tolist(), np.nan]
        known = dict(zip(rows["frame"].tolist(), rows["total"].tolist(), strict=True))
        at += [(f, float(known[f])) for f in falls.get(file, ()) if f in known]
    marks: list[Mark] = [Line(name="cells", x=x, y=y, colour="#0072B2", width=1.0)]
    if at:
        marks.append(
            Points(
                name="cliff",
                x=[a[0] for a in at],
                y=[a[1] for a in at],
                colour="#D55E00",
                size_px=7.0,
            )
        )
    return Chart(title=title, x=Axis(title="frame"), y=Axis(title="cells"), marks=marks)


def _viewer(result: ResultFolder, together: Sequence[Sequence[Finding]]) -> ImageViewer | None:
    """Return each stretch that has a thumbnail, one view for each movie."""
    out = result.folder
    folders = sorted((out / "thumbnails").rglob("*.png")) if together else []
    frames: dict[str, list[Frame]] = {}
    lengths = _lengths(result)
    places: list[Place] = []
    counted = cliff_words(out)
    for stretch in together:
        first = stretch[0]
        path = _thumbnail(folders, first)
        if path is None:
            continue
        three = read_side_by_side(path, len(_TITLES), gap=_GAP_PX)
        seen = frames.setdefault(first.file, [])
        reason = first.reason
        if first.rule == "cliff":
            reason = f"{reason} {counted.get((first.file, first.frame or 0), '')}".rstrip()
        words = f"{first.rule}, {_frames(stretch)}. {reason}"
        panes = [Pane.of(p, title) for p, title in zip(three, _TITLES, strict=True)]
        seen.append(Frame(panes=panes, index=first.frame or 0, words=words))
        places.append(
            Place(
                title=f"{first.rule}, {_frames(stretch)}",
                reason=reason,
                thumbnail=png_uri(_square(three[1])),
                view=list(frames).index(first.file),
                frame=len(seen) - 1,
            )
        )
    if not frames:
        return None
    views = [
        View(
            title=file.rpartition("/")[2],
            frames=seen,
            length=lengths.get(file, 0) or max(f.index for f in seen) + 1,
            about="Dim frames are brightened, all three alike.",
        )
        for file, seen in frames.items()
    ]
    cut = f"{number(len(places))} of {number(len(together))} faults are shown."
    return ImageViewer(
        title="Before, at, after",
        views=views,
        places=places,
        places_title="Faults",
        places_note=cut if len(places) < len(together) else "",
    )


def _lengths(result: ResultFolder) -> dict[str, int]:
    """Return the number of frames of each movie, by its path."""
    table = result.table("images", may_be_absent=True)
    if not len(table):
        return {}
    return {path: int(n) for path, n in zip(table["path"], table["frames"], strict=True) if n == n}


def _square(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the middle of an image as a small square."""
    side = min(pixels.shape[:2])
    top, left = ((n - side) // 2 for n in pixels.shape[:2])
    step = max(side // _PLACE_PX, 1)
    return np.ascontiguousarray(pixels[top : top + side : step, left : left + side : step])


def _thumbnail(files: Sequence[Path], finding: Finding) -> Path | None:
    """Return the thumbnail that shows a finding, if there is one, by the file's stem and frame."""
    stem = finding.file.rpartition("/")[2].rpartition(".")[0]
    name = f"{finding.frame or 0:06d}"
    return next((p for p in files if p.stem == name and stem in p.parent.name), None)


def _tables(together: Sequence[Sequence[Finding]]) -> Section:
    """Return all findings, a table for each file: a phone has no room for its name in each row."""
    files = list(dict.fromkeys(s[0].file for s in together))
    shown = together[:_ROWS]
    blocks: list[PageTable | Text] = []
    if len(shown) < len(together):
        cut = f"The first {_ROWS} of {number(len(together))}; findings.csv has all."
        blocks.append(Text(paragraphs=(cut,), tone="aside"))
    if len(files) > _MOST_TABLES:
        rows = [(_name(s[0].file), *_row(s)) for s in shown]
        blocks.append(PageTable(columns=("file", "frames", "rule", "what"), rows=rows))
        return Section(title="All findings", blocks=blocks)
    for file in files:
        if len(files) > 1:
            blocks.append(Text(paragraphs=(_name(file),)))
        rows_of = [_row(s) for s in shown if s[0].file == file]
        blocks.append(PageTable(columns=("frames", "rule", "what"), rows=rows_of))
    return Section(title="All findings", blocks=blocks)


def _row(stretch: Sequence[Finding]) -> tuple[str, str, str]:
    first, last = stretch[0].frame, stretch[-1].frame
    frames = "" if first is None else str(first) if first == last else f"{first} to {last}"
    return frames, stretch[0].rule, stretch[0].reason


def _name(file: str) -> str:
    return file.rpartition("/")[2]


def _frames(stretch: Sequence[Finding]) -> str:
    first, last = stretch[0].frame, stretch[-1].frame
    if first is None:
        return ""
    return f"frame {first}" if first == last else f"frames {first} to {last}"
