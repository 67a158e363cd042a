"""Label images that lie beside the images they belong to, recognised by name or content."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fatescope.acquire.label_looks import shows_labels
from fatescope.base import FatescopeError, Finding

if TYPE_CHECKING:
    from fatescope.acquire.find import ImageFile
    from fatescope.base import Image

_LABELS = r"(?:lab|label|labels|mask|masks|cp_masks|seg|segmentation|gt|groundtruth)"
_ENDING = re.compile(rf"[_\-. ]{_LABELS}$", re.IGNORECASE)
_FOLDER = re.compile(rf"{_LABELS}|ground_?truth|annotations?", re.IGNORECASE)
_MOST_PACKED = 0.25
"""Bytes a pixel above which a PNG is no label image and need not be decoded: of 1,011 label images
none takes more than 0.08, of 1,611 images most take 0.3 to 0.6 (record 0220)."""

_IMAGE = re.compile(r"[_\-. ](?:img|image|images|raw)$", re.IGNORECASE)


def without_labels(
    files: Sequence[ImageFile], open_image: Callable[[ImageFile], Image]
) -> tuple[list[ImageFile], list[Finding]]:
    """Part images from the label images beside them.

    Parameters
    ----------
    files : sequence of ImageFile
    open_image : callable
        Opens a file; what cannot be opened counts as an image, and fails when its turn comes.

    Returns
    -------
    images : list of ImageFile
        In the given order.
    left_out : list of Finding
        ``label-image``, one for each other file. By name: without an ending such as ``_masks`` or
        ``_lab`` it is that of another file in its folder, or it lies in a folder such as
        ``labels`` and a file of the same name in a folder beside that one. By content:
        `shows_labels`, and an image of the same height and width is in its folder or one beside.

    Notes
    -----
    A label image without its image stays: whoever gives labels alone means them.
    """
    by_name = {f.key for f in _labels_by_name(files)}
    others = [f for f in files if f.key not in by_name]
    by_content = {f.key for f in _labels_by_content(others, open_image)}
    images = [f for f in others if f.key not in by_content]
    left_out = [
        _finding(f, "name" if f.key in by_name else "content")
        for f in files
        if f.key in by_name or f.key in by_content
    ]
    return images, left_out


def _finding(file: ImageFile, how: str) -> Finding:
    return Finding(
        file=str(file),
        rule="label-image",
        severity="info",
        reason=f"By its {how}, this is a label image that lies beside images; it was left out. "
        "To use it, give it by itself.",
    )


def _labels_by_name(files: Sequence[ImageFile]) -> list[ImageFile]:
    beside = {_plain(file.key) for file in files}
    by_name: dict[str, set[PurePosixPath]] = {}
    for file in files:
        path = PurePosixPath(file.key)
        by_name.setdefault(path.name, set()).add(path.parent)
    return [f for f in files if _is_named_labels(PurePosixPath(f.key), beside, by_name)]


def _plain(key: str) -> str:
    """Return a name without ``_img``; that of a label image is none of an image."""
    return "" if _ENDING.search(key) else _IMAGE.sub("", key)


def _is_named_labels(
    path: PurePosixPath, beside: set[str], by_name: dict[str, set[PurePosixPath]]
) -> bool:
    if _ENDING.search(path.name):
        return _ENDING.sub("", str(path)) in beside
    folder = path.parent
    if not _FOLDER.fullmatch(folder.name):
        return False
    others = by_name[path.name] - {folder}
    return any(o.parent == folder.parent or o == folder.parent for o in others)


def _labels_by_content(
    files: Sequence[ImageFile], open_image: Callable[[ImageFile], Image]
) -> Iterator[ImageFile]:
    if len(files) < 2:
        return
    labels: list[tuple[ImageFile, tuple[int, ...]]] = []
    images: dict[tuple[int, ...], set[PurePosixPath]] = {}
    for file in files:
        try:
            image = open_image(file)
        except (FatescopeError, OSError):
            continue
        shape = image.shape[-2:]
        if not _packs_badly(file, shape) and shows_labels(image):
            labels.append((file, shape))
        else:
            images.setdefault(shape, set()).add(_folder(file))
    for file, shape in labels:
        folder = _folder(file)
        if any(_is_beside(folder, other) for other in images.get(shape, ())):
            yield file


def _packs_badly(file: ImageFile, shape: tuple[int, ...]) -> bool:
    """Say whether a PNG is too large for flat pieces on background."""
    path = file.paths[0]
    if path.suffix.lower() != ".png":
        return False
    return path.stat().st_size > _MOST_PACKED * shape[0] * shape[1] + 1024


def _folder(file: ImageFile) -> PurePosixPath:
    """Return the real folder: several that were given may have images of one name."""
    return PurePosixPath(file.paths[0].absolute().parent.as_posix())


def _is_beside(folder: PurePosixPath, other: PurePosixPath) -> bool:
    return folder == other or folder.parent in (other, other.parent) or other.parent == folder
