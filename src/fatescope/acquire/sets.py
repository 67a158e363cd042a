"""Files that are one image because one of them says so: OME-TIFF, Micro-Manager, NDTiff."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import takewhile
from pathlib import Path, PurePosixPath

from fatescope.acquire.images.formats import describes_others, load
from fatescope.acquire.sequences import Group
from fatescope.base import FatescopeError

_COUNTED = re.compile(r"[_\-. ]+[A-Za-z]{0,2}0*$")
"""What is left of ``_C0``, ``_C1`` at the end of what several names begin with."""


def grouped_by_set(found: Sequence[tuple[str, Path]]) -> Iterator[Group]:
    """Pass each file, and each set once, at the place of its first file.

    A file of a set is not opened when another has named it, so a recording of a thousand files is
    listed by reading one. What cannot be opened is an image by itself, and says so in its turn.
    """
    there = {path.absolute() for _, path in found}
    # A text that describes images speaks for them, wherever it stands among them.
    texts = {p: _files_of(p) for _, p in found if p.suffix.lower() in (".ome", ".txt", ".index")}
    members = {f.absolute() for files in texts.values() for f in files[1:]}
    for name, path in found:
        if path.absolute() in members:
            continue
        files = texts[path] if path in texts else _files_of(path)
        if len(files) < 2:
            yield name, (path,), (), (), ()
            continue
        members.update(f.absolute() for f in files)
        names = [f.name for f in files if f.absolute() in there]
        yield _name(name, path, names), tuple(files), (), (), ()


def _files_of(path: Path) -> Sequence[Path]:
    form = describes_others(path.name)
    with suppress(FatescopeError, OSError):
        return (path,) if form is None else load(form.files)(path)
    return (path,)


def _name(name: str, path: Path, files: Sequence[str]) -> str:
    """Return what a set is called: after its folder, its companion, or what its files share."""
    pure = PurePosixPath(name)
    low = pure.name.lower()
    if low.endswith((".txt", ".index")):
        return str(pure.parent) if pure.parent.name else path.absolute().parent.name
    if low.endswith(".companion.ome"):
        return str(pure.with_name(pure.name[: -len(".companion.ome")] or pure.name))
    stems = [f.split(".ome.")[0] for f in files]
    shared = _COUNTED.sub("", _beginning(stems)) or stems[0]
    return str(pure.with_name(shared))


def _beginning(names: Sequence[str]) -> str:
    first, last = min(names), max(names)
    n = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    return first[:n]
