"""Numbered files that are the frames of one movie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fatescope.acquire.name_pattern import NamePattern
from fatescope.base import InputError

Grid = tuple[tuple[str, tuple[str, ...]], ...]
"""Axes that lie in files of their own, each with its values in order; the last varies fastest."""
Group = tuple[str, tuple[Path, ...], tuple[int, ...], tuple[tuple[str, str], ...], Grid]
"""Key, files, frame numbers, what the placeholders of a pattern stood for, and its grid."""
AXIS_OF = {"frame": "T", "channel": "C", "plane": "Z"}
"""Placeholders that are axes of one image, in the order of axes."""

_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")


def grouped_by_number(found: Sequence[tuple[str, Path]]) -> list[Group]:
    """Join files whose names differ only in the last number of the stem.

    A file without a number is a movie of its own.
    """
    movies: dict[tuple[str, ...], list[tuple[int, Path]]] = {}
    for name, path in found:
        pure = PurePosixPath(name)
        match = _LAST_NUMBER.search(pure.stem)
        if match is None:
            movies[(name,)] = [(0, path)]
            continue
        around = pure.stem[: match.start()], pure.stem[match.end() :]
        movies.setdefault((str(pure.parent), *around, pure.suffix), []).append(
            (int(match[0]), path)
        )
    groups: list[Group] = []
    for place, members in movies.items():
        if len(place) == 1:
            groups.append(_group(str(PurePosixPath(place[0]).with_suffix("")), members, ()))
            continue
        folder, before, after, _ = place
        stem = before.rstrip("_-. ") + after.rstrip("_-. ")
        stem = stem or members[0][1].absolute().parent.name
        groups.append(_group(stem if folder == "." else f"{folder}/{stem}", members, ()))
    return groups


def grouped_by_pattern(found: Sequence[tuple[str, Path]], pattern: str) -> list[Group]:
    """Keep the files whose name fits ``pattern``; join those that differ in its axes alone.

    The axes are ``{frame}``, ``{plane}`` and ``{channel}``. Numbers may have gaps: frames that are
    not there are no frames.

    Raises
    ------
    InputError
        If the pattern has no placeholder, or fits no file.
    """
    form = read_pattern(pattern)
    names = form.names
    axes = [n for n in AXIS_OF if n in names]
    images: dict[tuple[str, ...], dict[tuple[str, ...], Path]] = {}
    keys: dict[tuple[str, ...], tuple[str, tuple[tuple[str, str], ...]]] = {}
    for name, path in found:
        pure = PurePosixPath(name)
        match = form.read(name if "/" in pattern else pure.name)
        if match is None:
            continue
        place = tuple(match[n] for n in axes)
        values = {n: match[n] for n in names if n not in axes}
        folder = "" if "/" in pattern or str(pure.parent) == "." else f"{pure.parent}/"
        identity = (folder, *values.values()) if axes else (name,)
        key = folder + ("_".join(values.values()) if axes else pure.stem)
        if not key.rpartition("/")[2]:  # numbers alone: the folder has the name
            key = folder.rstrip("/") or path.absolute().parent.name
        keys[identity] = (key, tuple(values.items()))
        files = images.setdefault(identity, {})
        while place in files:  # 1 and 01: said when the image is read
            place = (*place, "twice")
        files[place] = path
    if not images:
        first = PurePosixPath(found[0][0]).name
        raise InputError(
            f"no file name fits --pattern {pattern!r}; the first is {first!r}. "
            "Write the name with placeholders, for example {well}_{field}_{frame}.tif."
        )
    return [_on_grid(*keys[i], axes, files) for i, files in images.items()]


def _on_grid(
    key: str,
    fields: tuple[tuple[str, str], ...],
    axes: Sequence[str],
    files: dict[tuple[str, ...], Path],
) -> Group:
    """Put the files of one image in the order of its axes; one that is missing leaves fewer."""
    if not axes:
        return key, tuple(files.values()), (), fields, ()
    values = [sorted({p[i] for p in files}, key=_number) for i in range(len(axes))]
    ordered = sorted(files, key=lambda place: [_number(v) for v in place])
    grid = tuple((AXIS_OF[n], tuple(v)) for n, v in zip(axes, values, strict=True))
    frames = tuple(int(v) for v in values[0]) if axes[0] == "frame" else ()
    return key, tuple(files[p] for p in ordered), frames, fields, grid


def _number(text: str) -> tuple[int, str]:
    return (int(text), "") if text.isdecimal() else (-1, text)


def _group(key: str, members: list[tuple[int, Path]], fields: tuple[tuple[str, str], ...]) -> Group:
    ordered = sorted(members, key=lambda member: member[0])
    frames = tuple(number for number, _ in ordered) if len(ordered) > 1 else ()
    if len(ordered) == 1 and ordered[0][0] >= 0:
        frames = (ordered[0][0],)
    return key, tuple(path for _, path in ordered), frames, fields, ()


def read_pattern(pattern: str) -> NamePattern:
    """Return what names of files must fit: ``{frame}`` and ``{plane}`` are digits, others text.

    Raises
    ------
    InputError
        If there is no placeholder, or one twice, or ``{t}``, ``{z}`` or ``{c}``.
    """
    form = NamePattern.of(pattern, {"frame": "digits", "plane": "digits"})
    names = form.names
    if not names or len(set(names)) != len(names):
        raise InputError(
            f"--pattern {pattern!r} must hold placeholders such as {{well}}, {{field}} or "
            "{frame}, each once."
        )
    for name, wrong in (("frame", "t"), ("plane", "z"), ("channel", "c")):
        if wrong in names:
            raise InputError(
                f"--pattern {pattern!r}: write {{{name}}} instead of {{{wrong}}}. The axes are "
                "{frame}, {plane} and {channel}."
            )
    return form
