"""Numbered files that are the frames of one movie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fatescope.base import InputError

Group = tuple[str, tuple[Path, ...], tuple[int, ...], tuple[tuple[str, str], ...]]
"""Key, files, frame numbers, and what the placeholders of a pattern stood for."""

_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


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
    """Keep the files whose name fits ``pattern``; join those that differ in ``{frame}`` alone.

    Raises
    ------
    InputError
        If the pattern has no placeholder, or fits no file.
    """
    expression, names = _compiled(pattern)
    images: dict[tuple[str, ...], list[tuple[int, Path]]] = {}
    keys: dict[tuple[str, ...], tuple[str, tuple[tuple[str, str], ...]]] = {}
    for name, path in found:
        pure = PurePosixPath(name)
        match = expression.fullmatch(name if "/" in pattern else pure.name)
        if match is None:
            continue
        values = {n: match[n] for n in names}
        frame = values.pop("frame", None)
        folder = "" if "/" in pattern or str(pure.parent) == "." else f"{pure.parent}/"
        identity = (folder, *values.values()) if frame is not None else (name,)
        stem = "_".join(values.values()) if frame is not None else pure.stem
        keys[identity] = (folder + (stem or path.absolute().parent.name), tuple(values.items()))
        images.setdefault(identity, []).append((int(frame) if frame is not None else -1, path))
    if not images:
        first = PurePosixPath(found[0][0]).name
        raise InputError(
            f"no file name fits --pattern {pattern!r}; the first is {first!r}. "
            "Write the name with placeholders, for example {well}_{field}_{frame}.tif."
        )
    return [_group(keys[i][0], members, keys[i][1]) for i, members in images.items()]


def _group(key: str, members: list[tuple[int, Path]], fields: tuple[tuple[str, str], ...]) -> Group:
    ordered = sorted(members, key=lambda member: member[0])
    is_movie = len(ordered) > 1 or ordered[0][0] >= 0
    frames = tuple(number for number, _ in ordered) if is_movie else ()
    return key, tuple(path for _, path in ordered), frames, fields


def _compiled(pattern: str) -> tuple[re.Pattern[str], list[str]]:
    names = _PLACEHOLDER.findall(pattern)
    if not names or len(set(names)) != len(names):
        raise InputError(
            f"--pattern {pattern!r} must hold placeholders such as {{well}}, {{field}} or "
            "{frame}, each once."
        )
    parts = _PLACEHOLDER.split(pattern)
    text = ""
    for i, part in enumerate(parts):
        if i % 2 == 0:
            text += re.escape(part)
        else:
            text += rf"(?P<{part}>\d+)" if part == "frame" else rf"(?P<{part}>[^/]+?)"
    return re.compile(text, re.DOTALL), names
