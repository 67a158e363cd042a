"""Pixels of a training sample, read by the reader that predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_image, read_labels
from fatescope.base import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.prepare.store import Sample


def read_plane(path: Path) -> NDArray[Any]:
    """Read an image of one plane, in any format that prediction reads.

    Returns
    -------
    ndarray, shape (Y, X)
        In the stored dtype. Colour files whose channels are equal are grey.

    Raises
    ------
    FileFormatError
        If the file cannot be read, or holds more than one plane.
    """
    return _single_plane(read_image(path))


def read_middle_plane(path: Path) -> NDArray[Any]:
    """Read an image of one plane, or of a volume the plane in its middle.

    Two copies of a volume, or two neighbouring frames, are known by it.
    """
    image = read_image(path)
    planes = image.size("Z")
    if planes == 1 or any(image.size(axis) > 1 for axis in "TC"):
        return _single_plane(image)
    at = {axis: 0 for axis in image.axes if axis not in "YX"}
    return image.read(**{**at, "Z": planes // 2})


def read_label_plane(path: Path) -> NDArray[np.int32]:
    """Read a label image of one plane.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 is background.

    Raises
    ------
    FileFormatError
        If the file cannot be read, holds more than one plane, or no whole numbers below 2**31.
    """
    return _as_labels(_single_plane(read_labels(path)), path)


def _as_labels(labels: NDArray[Any], path: Path) -> NDArray[np.int32]:
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) < 2**31:
        raise FileFormatError(f"{path}: labels are 0 and above, up to 2,147,483,647.")
    return labels.astype(np.int32)


def read_truth(sample: Sample) -> NDArray[np.int32]:
    """Read the labels of a sample with what its row promises of them.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        0 is background; -1 where nobody can say what is there: the sample's unsure label, objects
        below its least area, and pieces cut off an object where only the largest piece counts.
    """
    return _promised(read_label_plane(sample.labels), sample)


def read_stack_truth(sample: Sample) -> NDArray[np.int32]:
    """Read the labels of a stack, as `read_truth` reads those of a plane.

    Returns
    -------
    ndarray of int32, shape (Z, Y, X)
        Areas and pieces are those in space.

    Raises
    ------
    FileFormatError
        If the file cannot be read, holds several stacks, or no whole numbers below 2**31.
    """
    labels = read_labels(sample.labels)
    _refuse_several(labels, "TC", "stack")
    at = {axis: 0 for axis in labels.axes if axis not in "ZYX"}
    values = _as_labels(labels.read(**at), sample.labels)
    return _promised(values.reshape(-1, *values.shape[-2:]), sample)


def _promised(labels: NDArray[np.int32], sample: Sample) -> NDArray[np.int32]:
    """Mark with -1 where a sample's row says that nobody can say what is there."""
    unsure = labels == (-1 if sample.unsure_label is None else sample.unsure_label)
    if sample.least_px:
        area = np.bincount(labels.ravel())
        unsure |= (labels > 0) & (area[labels] < sample.least_px)
    if sample.pieces == "largest":
        unsure |= (labels > 0) & ~largest_pieces(labels)
    labels[unsure] = -1
    return labels


def largest_pieces(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where the largest piece of each label is; of equal ones the first in reading order.

    Examples
    --------
    >>> largest_pieces(np.array([[1, 1, 0, 1, 2]]))
    array([[ True,  True, False, False,  True]])
    """
    import cc3d

    pieces = cc3d.connected_components(np.ascontiguousarray(labels), connectivity=2 * labels.ndim)
    area = np.bincount(pieces.ravel())
    label = np.zeros(len(area), np.int64)
    label[pieces.ravel()] = labels.ravel()
    order = np.lexsort((np.arange(len(area)), -area, label))
    order = order[label[order] > 0]
    _, first = np.unique(label[order], return_index=True)
    kept = np.zeros(len(area), np.bool_)
    kept[order[first]] = True
    return np.asarray(kept[pieces])


def _single_plane(image: Image) -> NDArray[Any]:
    _refuse_several(image, "TCZ", "plane")
    return image.read(**{axis: 0 for axis in image.axes if axis not in "YX"})


def _refuse_several(image: Image, axes: str, what: str) -> None:
    several = {axis: image.size(axis) for axis in axes if image.size(axis) > 1}
    if several:
        said = ", ".join(f"{n} along {axis}" for axis, n in several.items())
        raise FileFormatError(
            f"{image.name}: a training sample is one {what}, and this file has {said}. "
            f"Save each {what} as a file of its own."
        )
