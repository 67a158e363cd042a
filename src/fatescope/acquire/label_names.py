"""Label images that lie beside the images they belong to, recognised by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from fatescope.acquire.find import ImageFile

_LABELS = r"(?:lab|label|labels|mask|masks|cp_masks|seg|segmentation|gt|groundtruth)"
_ENDING = re.compile(rf"[_\-. ]{_LABELS}$", re.IGNORECASE)
_FOLDER = re.compile(rf"{_LABELS}|ground_?truth|annotations?", re.IGNORECASE)
_IMAGE = re.compile(r"[_\-. ](?:img|image|images|raw)$", re.IGNORECASE)


def without_labels(files: Sequence[ImageFile]) -> tuple[list[ImageFile], list[ImageFile]]:
    """Part images from the label images beside them.

    Returns
    -------
    images, labels
        Both in the given order. A file is a label image if its name without an ending such as
        ``_masks`` or ``_lab`` is that of another file in its folder, or if it lies in a folder
        such as ``labels`` and a file of the same name lies in a folder beside that one.

    Notes
    -----
    A label image without its image stays: whoever gives labels alone means them.
    """
    stems = {file.key: _plain(file.key) for file in files}
    beside = set(stems.values())
    by_name: dict[str, set[PurePosixPath]] = {}
    for file in files:
        path = PurePosixPath(file.key)
        by_name.setdefault(path.name, set()).add(path.parent)
    labels = [f for f in files if _is_labels(PurePosixPath(f.key), beside, by_name)]
    given = {f.key for f in labels}
    return [f for f in files if f.key not in given], labels


def _plain(key: str) -> str:
    """Return a name without ``_img``; that of a label image is none of an image."""
    return "" if _ENDING.search(key) else _IMAGE.sub("", key)


def _is_labels(
    path: PurePosixPath, beside: set[str], by_name: dict[str, set[PurePosixPath]]
) -> bool:
    if _ENDING.search(path.name):
        return _ENDING.sub("", str(path)) in beside
    folder = path.parent
    if not _FOLDER.fullmatch(folder.name):
        return False
    others = by_name[path.name] - {folder}
    return any(o.parent == folder.parent or o == folder.parent for o in others)
