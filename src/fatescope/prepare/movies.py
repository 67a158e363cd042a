"""Movies and the lineage tables that belong to them: paired by name, checked, frame by frame."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import find_images, read_image
from fatescope.acquire.lineages import find_lineages, read_lineage
from fatescope.base import Finding, InputError, escape
from fatescope.lineage.movie_fit import FrameStack, fit_table
from fatescope.prepare.splits import split_frames, split_units
from fatescope.prepare.store import SPLITS, Sample, with_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.acquire import ImageFile
    from fatescope.base import Image, Lineage
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.prepare.splits import Split, SplitSettings

OFFSETS = tuple(range(-6, 7))
"""Frames by which a table may be off; 0 is the convention of EPIC, frame = time - 1."""
_CHECKED = 24
"""Frames that an offset is read from."""
_LEAST_SCORE = 0.7
"""Marker at nuclei, in standard deviations of the frame, below which the two are no pair."""
_CLEARLY = 0.04
"""By which another offset must be better, beside the score of the convention."""
FACTS = ("movies.csv", "truth/movies.csv")
"""What a folder may say of its movies: columns movie, neighbour (0 or 1), kind, split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoviePair:
    """A movie and its table, and how well they fit.

    Parameters
    ----------
    movie, table : Path
    offset : int
        Frames to add to those of the table, so that nuclei lie on their light.
    scores : mapping of int to float
        The mean score of the marker at the nuclei by offset.
    findings : tuple of Finding
        What was wrong with the table.
    """

    movie: Path
    table: Path
    offset: int
    scores: dict[int, float]
    findings: tuple[Finding, ...] = ()


def marker_channel(image: Image) -> int:
    """Return the channel with the nuclei: green, or the only one.

    Raises
    ------
    InputError
        If there are several, and none is called green.
    """
    if image.size("C") == 1:
        return 0
    names = [c.lower() for c in image.channels]
    if "green" in names:
        return names.index("green")
    listed = ", ".join(image.channels) or f"0 to {image.size('C') - 1}"
    raise InputError(
        f"{escape(image.name)}: has the channels {listed}. Say with --channel which one shows "
        "nuclei."
    )


def pair_movies(movies: Path, tables: Path) -> tuple[list[MoviePair], list[Finding]]:
    """Pair the movies of a folder with tables by name, and check where the frames belong.

    Parameters
    ----------
    movies, tables : Path
        Folders. The table of ``a.mp4`` is ``a.csv`` or ``CDa.csv``, in any format of lineages.

    Returns
    -------
    list of MoviePair, list of Finding
        In order of names. A movie without table (or the reverse), one whose nuclei lie nowhere on
        light, and one that fits with another offset than frame = time - 1 are findings; the first
        two are left out.

    Raises
    ------
    InputError
        If nothing is left.
    """
    named = {_name(f.path): f.path for f in find_lineages([tables])}
    pairs: list[MoviePair] = []
    findings: list[Finding] = []
    used = set()
    for file in find_images([movies]):
        name = _name(file.paths[0])
        if name not in named:
            findings.append(_alone(file))
            continue
        used.add(name)
        pair = check_pair(file.paths[0], named[name])
        if pair.scores[pair.offset] < _LEAST_SCORE:
            pair, lies = _searched(pair)
            findings += _complaints(pair, lies)
        else:
            findings += _complaints(pair)
        findings += pair.findings
        if pair.scores[pair.offset] >= _LEAST_SCORE:
            pairs.append(pair)
    findings += [
        Finding(
            file=str(path),
            rule="no-movie",
            severity="info",
            reason="No movie has the name of this table; it is not used.",
        )
        for name, path in sorted(named.items())
        if name not in used
    ]
    if not pairs:
        why = findings[0].reason if findings else ""
        raise InputError(
            f"no movie of {escape(movies)} fits a table of {escape(tables)}. {why} A movie a.mp4 "
            "belongs to a table a.csv or CDa.csv."
        )
    return pairs, findings


def check_pair(movie: Path, table: Path) -> MoviePair:
    """Return a movie and its table with the offset at which nuclei lie on light."""
    image, lineage = read_image(movie), read_lineage(table)
    scores = offset_scores(image, lineage, channel=marker_channel(image))
    best = max(OFFSETS, key=lambda o: (scores[o], -abs(o)))
    offset = best if scores[best] > (1 + _CLEARLY) * scores[0] else 0
    findings = tuple(replace(f, file=str(table)) for f in lineage.findings)
    return MoviePair(movie=movie, table=table, offset=offset, scores=scores, findings=findings)


def _searched(pair: MoviePair) -> tuple[MoviePair, str]:
    """Look for a table that lies nowhere near, and say where it lies.

    Returns
    -------
    MoviePair
        With the offset that was found, if nothing else is wrong.
    str
        How the table lies on the movie, if that can be told and it must be changed to be used.
    """
    image, lineage = read_image(pair.movie), read_lineage(pair.table)
    channel = marker_channel(image)
    planes = (image.read(T=t, C=channel) for t in range(image.size("T")))
    try:
        fit = fit_table(FrameStack.of(planes), lineage)
    except InputError:
        return pair, ""
    if not fit.is_told:
        return pair, ""
    pose = fit.pose
    if not (pose.is_plain and pose.rate == 1):
        return pair, f"at {pose.frames_in_words}, {pose.turn_in_words}"
    offset = round(pose.offset)
    moved = replace(lineage, frame=lineage.frame + offset)
    score = offset_scores(image, moved, channel=channel)[0]
    scores = {**pair.scores, offset: max(score, _LEAST_SCORE)}
    return replace(pair, offset=offset, scores=scores), ""


def offset_scores(image: Image, lineage: Lineage, *, channel: int) -> dict[int, float]:
    """Return, for each of `OFFSETS`, how bright the marker is at the nuclei of the table.

    The value of a frame is the mean over nuclei, in standard deviations above the mean of the
    frame; that of an offset is the mean over frames all along the table. At the right offset it is
    about 2.
    """
    known = np.unique(lineage.frame)
    inside = known[(known >= -min(OFFSETS)) & (known < image.size("T") - max(OFFSETS))]
    inside = inside[len(inside) // 6 :]  # the first frames are dark
    if not len(inside):
        return dict.fromkeys(OFFSETS, 0.0)
    chosen = np.unique(inside[np.linspace(0, len(inside) - 1, _CHECKED).astype(int)])
    planes: dict[int, FloatArray] = {}
    sums = dict.fromkeys(OFFSETS, 0.0)
    for frame in chosen.tolist():
        at = lineage.position[lineage.frame == frame, 1:]
        planes = {k: p for k, p in planes.items() if k >= frame + min(OFFSETS)}
        for offset in OFFSETS:
            shown = frame + offset
            if shown not in planes:
                planes[shown] = _scaled(image, shown, channel)
            sums[offset] += _at_nuclei(planes[shown], at)
    return {o: s / len(chosen) for o, s in sums.items()}


def movie_samples(
    pairs: Sequence[MoviePair], *, movies: Path, settings: SplitSettings
) -> list[Sample]:
    """Return one sample for each annotated frame, divided by movie.

    Parameters
    ----------
    pairs : sequence of MoviePair
    movies : Path
        Folder that they were found in; it may say more of them (see `FACTS`).
    settings : SplitSettings
        A single movie is divided by time; a movie whose split is said has that one.
    """
    facts = _facts(movies)
    samples = []
    for pair in pairs:
        said = facts.get(pair.movie.stem, {})
        samples += [
            Sample(
                image=pair.movie,
                labels=pair.table,
                unit=pair.movie.stem,
                frame=frame,
                role="lineage",
                kind=said.get("kind") or "recorded",
                neighbour={"0": False, "1": True}.get(said.get("neighbour") or ""),
                offset=pair.offset,
            )
            for frame in _annotated(pair).tolist()
        ]
    units = [s.unit for s in samples]
    given = [_said_split(facts.get(u, {}).get("split") or "", u) for u in units]
    if all(given):
        return with_splits(samples, [s for s in given if s])
    if len(set(units)) == 1:
        return with_splits(
            samples, split_frames([s.frame or 0 for s in samples], settings=settings)
        )
    found = split_units(units, [s.kind for s in samples], settings=settings)
    return with_splits(samples, [g or f for g, f in zip(given, found, strict=True)])


def _said_split(said: str, movie: str) -> Split | None:
    known: dict[str, Split] = {s: s for s in SPLITS}
    if said and said not in known:
        raise InputError(
            f"movies.csv says that {movie} is for {said!r}; it may be {', '.join(SPLITS)}."
        )
    return known.get(said)


def _annotated(pair: MoviePair) -> IntArray:
    """Return the frames of the movie that the table has rows for."""
    frames = np.unique(read_lineage(pair.table).frame) + pair.offset
    n = read_image(pair.movie).size("T")
    return np.asarray(frames[(frames >= 0) & (frames < n)])


def _scaled(image: Image, frame: int, channel: int) -> FloatArray:
    plane = image.read(T=frame, C=channel).astype(np.float32)
    return np.asarray((plane - plane.mean()) / max(float(plane.std()), 1e-6))


def _at_nuclei(plane: FloatArray, at: FloatArray) -> float:
    rows, columns = np.rint(at).astype(int).T
    inside = (rows >= 0) & (rows < plane.shape[0]) & (columns >= 0) & (columns < plane.shape[1])
    return float(plane[rows[inside], columns[inside]].mean()) if inside.any() else 0.0


def _name(path: Path) -> str:
    stem = path.name.split(".")[0].lower()
    return stem.removeprefix("cd")


def _alone(file: ImageFile) -> Finding:
    return Finding(
        file=str(file),
        rule="no-table",
        severity="warning",
        reason="No table has the name of this movie (a.csv or CDa.csv for a.mp4); it is not used.",
    )


def _complaints(pair: MoviePair, lies: str = "") -> list[Finding]:
    score = pair.scores[pair.offset]
    if score < _LEAST_SCORE:
        return [
            Finding(
                file=str(pair.movie),
                rule="not-its-table",
                severity="warning",
                value=round(score, 3),
                limit=_LEAST_SCORE,
                reason=f"The marker at the nuclei of {escape(pair.table.name)} is only {score:.2f} "
                "standard deviations above the mean of the frame, at any offset. "
                + (
                    f"The table lies on the movie {lies}; `fatescope lineage match` writes it so "
                    "that it can be used. "
                    if lies
                    else "They do not seem to belong together. "
                )
                + "It is not used.",
            )
        ]
    if pair.offset:
        return [
            Finding(
                file=str(pair.movie),
                rule="offset",
                severity="warning",
                value=float(pair.offset),
                limit=0.0,
                reason=f"Nuclei of {escape(pair.table.name)} lie on their light "
                f"{abs(pair.offset)} frames {'later' if pair.offset > 0 else 'earlier'} than "
                f"frame = time - 1 says (score {score:.2f} against {pair.scores[0]:.2f}); that "
                "offset is used.",
            )
        ]
    return []


def _facts(movies: Path) -> dict[str, dict[str, str]]:
    """Return what the folder, or the one above, says of its movies."""
    for folder in (movies, movies.parent):
        for name in FACTS:
            if (folder / name).is_file():
                with (folder / name).open(newline="", encoding="utf-8") as stream:
                    return {r["movie"]: r for r in csv.DictReader(stream) if r.get("movie")}
    return {}
