"""Verbs on values: what a notebook calls. Nothing here writes a file.

Wherever an image or labels are wanted, an array with its axes does as well. The commands' own
functions (`predict_nuclei`, ...) do the same on files.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import (
    check_left_out,
    check_pixels,
    gauged,
    read_image,
    read_labels,
)
from fatescope.base import Finding, Image, InputError, Table, check_axes, check_label_image
from fatescope.evaluate import ScoreSettings, score_labels, summarise_scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import LabelImage, Lineage, Progress
    from fatescope.engine.predict import Found, Raster
    from fatescope.lineage.lint import LintSettings
    from fatescope.lineage.naming import NameSettings
    from fatescope.predict import LiveDeadSettings, NucleiSettings, PhaseCellsSettings
    from fatescope.systems.membranes.cells import MembraneSettings
    from fatescope.track import ObjectLinkSettings

    ImageLike = Image | NDArray[Any] | Path | str


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentedImage:
    """What was found in an image held in memory.

    Parameters
    ----------
    labels : ndarray of unsigned int
        On the image's own grid, its axes without C; 0 is background. Numbered in each frame.
    axes : str
        Of ``labels``.
    objects : Table
        One row for each object and frame: the columns of ``objects.csv`` without ``image``.
    findings : tuple of Finding
    contacts : Table or None
        Which cells touch, and how much; of membranes alone.
    viability : Table or None
        Cells, live cells and their share with its interval, frame by frame; of live and dead
        cells alone.
    tracks : Table or None
        First and last frame and mother of each label; of objects linked through time alone.
    """

    labels: NDArray[Any]
    axes: str
    objects: Table
    findings: tuple[Finding, ...]
    contacts: Table | None = None
    viability: Table | None = None
    tracks: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLineage:
    """A lineage whose cells have names.

    Parameters
    ----------
    lineage : Lineage
        As given, with the found names; ``""`` where the program cannot tell.
    table : Table
        One row for each spot: place and link, then ``name``, ``compact``, ``confidence``,
        ``second``, ``abstained``; a name that was given stands in ``name_given``.
    findings : tuple of Finding
        Why the embryo as a whole does not fit, if it does not.
    """

    lineage: Lineage
    table: Table
    findings: tuple[Finding, ...]


def as_image(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
) -> Image:
    """Return an image: itself, an array with its axes, or what is in a file.

    Parameters
    ----------
    image : Image, array-like or path
    axes : str, optional
        Of an array; ``"YX"`` if it has two axes and nothing is said. Of a file, where it does not
        say it.
    spacing_um : sequence of float, optional
        Pixel size X, or Y, X, or Z, Y, X.
    interval_min : float, optional
        Time between frames.

    Raises
    ------
    InputError
        If an array of more than two axes comes without ``axes``, or they do not fit it.
    """
    if isinstance(image, Image):
        whole = image
    elif hasattr(image, "shape"):
        array: Any = image
        if axes is None and len(array.shape) != 2:
            raise InputError(
                f"an array of shape {tuple(array.shape)} needs its axes: one letter for each, out "
                'of TCZYX and in this order, for instance axes="TYX".'
            )
        whole = Image(pixels=array, axes=axes or "YX", name="array")
    else:
        whole = read_image(image, axes=axes)
    return whole.with_scale(spacing_um=spacing_um, interval_min=interval_min)


def segment_nuclei(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    settings: NucleiSettings | None = None,
    progress: Progress | None = None,
) -> SegmentedImage:
    """Find and measure the nuclei of an image, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    settings : NucleiSettings, optional
        Model, channel, diameter, thresholds.
    progress : callable, optional
        Called as ``progress(done, total, what)`` after each tile.

    Returns
    -------
    SegmentedImage
        The same labels and rows, to the bit, as `predict_nuclei` writes for a file of the image.

    Raises
    ------
    InputError, SettingsError, ModelError

    Examples
    --------
    >>> import fatescope as fs
    >>> y, x = np.mgrid[:64, :64]
    >>> discs = np.maximum(np.hypot(y - 20, x - 20) < 9, np.hypot(y - 44, x - 44) < 9) * 200
    >>> settings = fs.NucleiSettings(model="classical", diameter_px=18)
    >>> found = fs.segment_nuclei(discs.astype(np.uint8), settings=settings)
    >>> len(found.objects), int(found.labels.max())
    (2, 2)
    """
    from fatescope.engine.predict import Found
    from fatescope.predict import NucleiSettings
    from fatescope.systems.nuclei.find import follow_nuclei, segment_and_measure

    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    how = settings or NucleiSettings()
    seen, objects, _ = segment_and_measure(whole, how, progress=progress)
    found = Found(
        tables={"objects": objects}, rasters={"labels": seen.frames}, findings=seen.findings
    )
    found = follow_nuclei(found, whole, how)
    segmented = _segmented(found, whole)
    seen.close()
    return segmented


def segment_phase_cells(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    settings: PhaseCellsSettings | None = None,
) -> SegmentedImage:
    """Find and measure the cells of a phase-contrast image, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    settings : PhaseCellsSettings, optional

    Returns
    -------
    SegmentedImage
        The same labels and rows, to the bit, as `predict_phase_cells` writes for a file of the
        image.

    Raises
    ------
    InputError, SettingsError, ModelError
    """
    from fatescope.predict import PhaseCellsSettings
    from fatescope.systems.nuclei.find import follow_nuclei, open_nuclei_model
    from fatescope.systems.phase_cells.find import find_phase_cells

    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    how = settings or PhaseCellsSettings()
    predictor = open_nuclei_model(how.model, precision=how.precision)
    found = find_phase_cells(whole, how, predictor=predictor, scratch=None, decided=None)
    found = follow_nuclei(found, whole, how)
    segmented = _segmented(found, whole)
    found.close()
    return segmented


def _segmented(found: Found, image: Image) -> SegmentedImage:
    return SegmentedImage(
        labels=_whole(found.rasters["labels"], image),
        axes=image.axes.replace("C", ""),
        objects=found.tables["objects"],
        findings=(*check_left_out(image), *found.findings),
        contacts=found.tables.get("contacts"),
        viability=found.tables.get("viability"),
        tracks=found.tables.get("tracks"),
    )


def _whole(frames: Sequence[Raster], image: Image) -> NDArray[Any]:
    """Return the labels of all frames as one array, on the image's axes without C."""
    planes = (slice(None), slice(None))
    labels = [
        np.stack([frame[(z, *planes)] for z in range(image.size("Z"))])
        if "Z" in image.axes
        else np.asarray(frame[planes])
        for frame in frames
    ]
    kind = np.result_type(*labels)
    return np.stack(labels).astype(kind) if "T" in image.axes else labels[0]


def find_live_dead(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    settings: LiveDeadSettings | None = None,
) -> SegmentedImage:
    """Find the cells of a bright-field image and say which are dead, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    settings : LiveDeadSettings, optional

    Returns
    -------
    SegmentedImage
        The same rows, to the bit, as `predict_live_dead` writes for a file of the image, and
        ``viability``; labels are the ellipses in the boxes.

    Raises
    ------
    InputError, SettingsError, ModelError

    Examples
    --------
    >>> import fatescope as fs
    >>> found = fs.find_live_dead(np.zeros((64, 64), np.uint8))
    >>> len(found.objects), found.viability["n"].tolist()
    (0, [0])
    """
    from fatescope.predict import LiveDeadSettings
    from fatescope.systems.live_dead.find import find_live_dead as find

    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    return _segmented(find(whole, settings or LiveDeadSettings()), whole)


def segment_membranes(
    image: ImageLike,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    interval_min: float | None = None,
    markers: Table | None = None,
    settings: MembraneSettings | None = None,
) -> SegmentedImage:
    """Find the cells between membranes and measure them, in memory.

    Parameters
    ----------
    image : Image, array-like or path
    axes, spacing_um, interval_min
        See `as_image`.
    markers : Table, optional
        ``frame, z, y, x`` and optionally ``name``: one row for each cell to be found.
    settings : MembraneSettings, optional

    Returns
    -------
    SegmentedImage
        The same labels and rows, to the bit, as `predict_membranes` writes for a file of the
        image.

    Raises
    ------
    InputError, SettingsError, ModelError
    """
    from fatescope.acquire import as_markers, read_markers
    from fatescope.systems.membranes.cells import MembraneSettings, open_membrane_model
    from fatescope.systems.membranes.find import find_membranes

    whole = as_image(image, axes=axes, spacing_um=spacing_um, interval_min=interval_min)
    how = settings or MembraneSettings()
    if markers is None and how.markers is not None:
        markers = read_markers(how.markers)
    elif markers is not None:
        markers = as_markers(markers, where="markers")
    predictor = open_membrane_model(how.model, precision=how.precision)
    found = find_membranes(whole, how, predictor=predictor, decided=markers)
    return _segmented(found, whole)


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
    table = measure_image(whole, _as_labels(labels, whole.axes.replace("C", "")))
    for finding in (*check_left_out(whole), *check_pixels(whole)):
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
        if arrays[0].shape != arrays[1].shape:
            raise InputError(f"`true` has shape {arrays[0].shape}, `pred` has {arrays[1].shape}.")
        return summarise_scores([score_labels(*arrays)], how)
    from pathlib import Path

    from fatescope.systems.labels.evaluate import evaluate_labels as evaluate_files

    done = evaluate_files(Path(str(true)), Path(str(pred)), how)
    if not done.scores:
        raise InputError("; ".join(done.problems) or "there is no image to score.")
    return done.as_json()


def lint_lineage(lineage: Lineage, settings: LintSettings | None = None) -> list[Finding]:
    """Check a lineage: what is wrong, odd or doubtful, errors first.

    Parameters
    ----------
    lineage : Lineage
        From `read_lineage`; named or not, linked or not.
    settings : LintSettings, optional

    Returns
    -------
    list of Finding
    """
    from fatescope.lineage.lint import LintSettings
    from fatescope.lineage.lint import lint_lineage as lint
    from fatescope.systems.lineages.atlas_source import open_atlas
    from fatescope.systems.lineages.reading import with_estimated_spacing

    return lint(
        with_estimated_spacing(lineage),
        file=str(lineage.metadata.get("file", "lineage")),
        settings=settings or LintSettings(),
        atlas=open_atlas(),
    )


def link_lineage(lineage: Lineage, settings: ObjectLinkSettings | None = None) -> Lineage:
    """Link the nuclei of a movie through time, in memory; what ``lineage link`` does.

    Parameters
    ----------
    lineage : Lineage
        Nuclei by frame and position; its own links are ignored.
    settings : ObjectLinkSettings, optional

    Returns
    -------
    Lineage
        The same rows with ``parent``: the row of the same nucleus, or of its mother, in an earlier
        frame; -1 where there is none.

    References
    ----------
    Jaqaman K et al. (2008). Nature Methods 5:695-702: linear assignment between frames; here with
    divisions in the same step, and mending afterwards (`fatescope.track`).

    Examples
    --------
    >>> import fatescope as fs
    >>> at = np.array([[0, 5.0, 5.0], [0, 40.0, 5.0], [0, 41.0, 6.0], [0, 6.0, 5.0]])
    >>> nuclei = fs.Lineage(
    ...     frame=np.array([0, 0, 1, 1]),
    ...     position=at,
    ...     parent=np.full(4, -1),
    ...     name=np.full(4, "", dtype=object),
    ...     radius_px=np.full(4, 3.0),
    ... )
    >>> fs.link_lineage(nuclei).parent.tolist()
    [-1, -1, 1, 0]
    """
    from fatescope.lineage.link import link_detections
    from fatescope.track import ObjectLinkSettings

    return link_detections(lineage, settings or ObjectLinkSettings())


def name_lineage(lineage: Lineage, settings: NameSettings | None = None) -> NamedLineage:
    """Name every cell of an embryo, with a confidence; where it cannot tell, it says so.

    Parameters
    ----------
    lineage : Lineage
        From `read_lineage`: a tracked tree, a movie without links, or one frame. Names in it are
        not used.
    settings : NameSettings, optional
        Atlas, method, limits.

    Returns
    -------
    NamedLineage
    """
    from dataclasses import replace

    from fatescope.acquire.lineages.columns import plain_columns
    from fatescope.lineage.naming import NameSettings
    from fatescope.systems.lineages.name import name_rows, why_atypical
    from fatescope.systems.lineages.reading import with_estimated_spacing

    scaled = with_estimated_spacing(lineage)
    named = name_rows(scaled, plain_columns(lineage), settings or NameSettings())
    return NamedLineage(
        lineage=replace(scaled, name=np.asarray(named.table["name"], dtype=object)),
        table=named.table,
        findings=tuple(why_atypical(str(lineage.metadata.get("file", "lineage")), named)),
    )


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
