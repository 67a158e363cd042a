"""Label images as values: measured and scored in memory; nothing here writes a file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_left_out, check_pixels, gauged, mask_findings, read_labels
from fatescope.base import Image, InputError, Table, check_axes, check_label_image
from fatescope.engine.in_memory import as_image
from fatescope.evaluate import ScoreSettings, score_labels, summarise_scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import LabelImage
    from fatescope.engine.in_memory import ImageLike

_log = logging.getLogger(__name__)


def measure(
    image: ImageLike,
    labels: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
) -> Table:
    """Measure the objects of a label image: place, size, shape, brightness in each channel.

    Parameters
    ----------
    image : Image, array-like or path
    labels : Image, array-like or path
        Whole numbers on the grid of the image, without C; 0 is background.
    axes, spacing_um, interval_min
        Of the image; see `as_image`.

    Returns
    -------
    Table
        The columns of ``objects.csv`` without ``image``. What the command's findings would say of
        the pixels is logged.

    Raises
    ------
    InputError
        If the labels do not lie on the grid of the image, or are not whole numbers.

    Examples
    --------
    >>> labels = np.array([[0, 7], [0, 7]])
    >>> measure(labels * 10, labels, spacing_um=(2.0, 0.5))["area_um2"].tolist()
    [2.0]
    """
    from fatescope.systems.labels.measure import measure_image

    whole = gauged(as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min))
    outlines = _as_labels(labels, whole.axes.replace("C", ""))
    table = measure_image(whole, outlines)
    for finding in (*check_left_out(whole), *check_pixels(whole), *mask_findings(outlines)):
        _log.warning("%s: %s", finding.rule, finding.reason)
    return table


def evaluate_labels(
    true: LabelImage | Path | str,
    pred: LabelImage | Path | str,
    *,
    settings: ScoreSettings | None = None,
) -> Mapping[str, Any]:
    """Score predicted labels against true ones.

    Parameters
    ----------
    true, pred : ndarray of int, or path
        Two label images of one shape, or two files or folders, matched by name.
    settings : ScoreSettings, optional
        The bootstrap.

    Returns
    -------
    mapping
        The keys of ``evaluate labels --json``: ``ap`` and ``f1`` by threshold, ``mean_ap_50_90``,
        ``pq``, ``mean_iou``, ``dice``, ``seg``, ``n_images``, ``low``, ``high``, ...

    Raises
    ------
    InputError
        If shapes differ, values are not whole numbers, or nothing could be scored.

    Examples
    --------
    >>> labels = np.array([[0, 1], [0, 1]])
    >>> evaluate_labels(labels, labels)["ap"]["0.50"]
    1.0
    """
    how = settings or ScoreSettings()
    if hasattr(true, "shape") and hasattr(pred, "shape"):
        arrays = [np.asarray(array) for array in (true, pred)]
        for array, name in zip(arrays, ("true", "pred"), strict=True):
            check_label_image(array, name=name)
            whole = Image(pixels=array, axes="TZYX"[-array.ndim :], name=name)
            for finding in mask_findings(whole):
                _log.warning("%s: %s: %s", finding.rule, name, finding.reason)
        if arrays[0].shape != arrays[1].shape:
            raise InputError(f"`true` has shape {arrays[0].shape}, `pred` has {arrays[1].shape}.")
        return summarise_scores([score_labels(*arrays)], how)
    from pathlib import Path

    from fatescope.systems.labels.evaluate import evaluate_label_files as evaluate_files

    done = evaluate_files(Path(str(true)), Path(str(pred)), how)
    if not done.scores:
        raise InputError("; ".join(done.problems) or "there is no image to score.")
    return done.as_json()


def _as_labels(labels: ImageLike, axes: str) -> Image:
    if isinstance(labels, Image):
        return labels
    if hasattr(labels, "shape"):
        array: Any = np.asarray(labels)
        check_axes(axes, tuple(array.shape))
        if array.dtype.kind not in "uib":
            raise InputError(f"`labels` must hold whole numbers; got {array.dtype}.")
        return Image(pixels=array, axes=axes, name="labels")
    return read_labels(labels)
