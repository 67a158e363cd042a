"""Nuclei of an image of any axes: scale, planes, stacks, frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Progress
from fatescope.predict.channels import open_frames
from fatescope.predict.least_area import drop_small, least_area, least_on_working_grid
from fatescope.predict.looks import SamplePlane, sample_pixels
from fatescope.predict.modality import check_modality
from fatescope.predict.plane import PART_PX, PlaneLabels, segment_plane
from fatescope.predict.predictor import open_predictor
from fatescope.predict.scratch import MemoryScratch, NoRows
from fatescope.predict.settings import NucleiSettings
from fatescope.predict.size import (
    ScalePlan,
    estimate_scale,
    pixel_stretch,
    scale_from_settings,
)
from fatescope.predict.stack import join_planes
from fatescope.predict.tiling import make_grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.finding import Finding
    from fatescope.base.image import Image
    from fatescope.models.outputs import Thresholds
    from fatescope.predict.frames import Frame
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.scratch import Scratch

Index = tuple[int | slice, ...]


@dataclass(frozen=True, slots=True)
class FrameLabels:
    """The nuclei of one frame: labels 1..n by their first pixel, 0 is background."""

    frame: int
    shape: tuple[int, ...]  # (Y, X) or (Z, Y, X)
    n: int
    scores: NDArray[np.float32]  # (n,), mean predicted foreground of each, 0..1
    planes: tuple[PlaneLabels, ...]
    numbers: tuple[NDArray[Any], ...]  # for each plane, from what is stored to the frame's label

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds the labels."""
        return np.min_scalar_type(self.n)

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """Return a block, by (Y, X) or (Z, Y, X) with slices for Y and X, as `dtype`."""
        z = index[0] if len(index) == 3 else 0
        rows, columns = index[-2:]
        if not (isinstance(z, int) and isinstance(rows, slice) and isinstance(columns, slice)):
            raise TypeError("index a frame's labels by a plane number and two slices")
        first, stop, _ = rows.indices(self.shape[-2])
        block = self.planes[z].stored.read(first, stop)
        # Every stored number has a label; "clip" leaves the check out, which is half of the cost.
        return np.asarray(self.numbers[z].take(block[:, columns], mode="clip"))

    def blocks(self, indices: Iterable[Index]) -> Iterator[NDArray[Any]]:
        """Yield the block of each index, for a writer that takes them in its own order."""
        for index in indices:
            yield self[index]

    def array(self) -> NDArray[Any]:
        """Return all labels, in the smallest unsigned type."""
        whole = (slice(None), slice(None))
        planes = [self[(z, *whole)] for z in range(len(self.planes))]
        return planes[0] if len(self.shape) == 2 else np.stack(planes)

    def close(self) -> None:
        """Free the scratch space; nothing can be read after this."""
        for plane in self.planes:
            plane.close()


def choose_scale(
    frames: Sequence[Frame], predictor: Predictor, settings: NucleiSettings
) -> ScalePlan:
    """Return how large nuclei are and what the network is shown: given, known, or estimated.

    Parameters
    ----------
    frames : sequence of Frame
        At most three are looked at, and of each the middle plane.
    predictor : Predictor
    settings : NucleiSettings
    """
    model = predictor.description
    spacing = frames[0].planes[0].image.spacing
    plan = scale_from_settings(settings, model, spacing)
    if plan is not None:
        return plan
    chosen = sorted({0, len(frames) // 2, len(frames) - 1})
    samples = []
    for frame in (frames[i] for i in chosen):
        statistics = frame.statistics(model.image.percentiles)
        if not statistics.constant:
            network = predictor.network(frame.parts, statistics)
            middle = frame.planes[len(frame.planes) // 2]
            alone = len(frames) == len(frame.planes) == 1
            whole = middle if alone else None
            samples.append(SamplePlane(sample_pixels(middle), statistics, network, whole))
    return estimate_scale(samples, model, stretch=pixel_stretch(spacing))


def count_tiles(frames: Sequence[Frame], plan: ScalePlan, predictor: Predictor) -> int:
    """Return how many tiles the network will see: what ``--plan`` multiplies with a unit cost."""
    n = 0
    for frame in frames:
        for plane in frame.planes:
            grid = make_grid(plane.shape, plan.scale, predictor.description)
            n += len(grid.rows.starts) * len(grid.columns.starts)
    return n


def segment_frame(
    frame: Frame,
    predictor: Predictor,
    plan: ScalePlan,
    settings: NucleiSettings,
    *,
    scratch: Scratch | None = None,
    part_px: int = PART_PX,
    done: Callable[[], None] | None = None,
) -> FrameLabels:
    """Find the nuclei of a frame; the planes of a stack are joined by overlap.

    Parameters
    ----------
    frame : Frame
    predictor : Predictor
    plan : ScalePlan
    settings : NucleiSettings
    scratch : Scratch, optional
        Where labels wait; default: in memory.
    part_px : int
        Working pixels handled at a time; decides memory, never the result.
    done : callable, optional
        Called after each tile of the network.
    """
    model = predictor.description
    statistics = frame.statistics(model.image.percentiles)
    shape = frame.planes[0].shape
    if statistics.constant or plan.source == "none":
        empty = PlaneLabels(
            shape, 0, np.zeros(0, np.float32), np.zeros(1, np.uint32), NoRows(shape[1])
        )
        return _of_planes(frame, [empty] * len(frame.planes))
    network = predictor.network(frame.parts, statistics)
    least_px = least_area(settings, frame.planes[0].image.spacing)
    planes = []
    for plane in frame.planes:
        found = segment_plane(
            network,
            plane,
            shape,
            statistics,
            model,
            scale=plan.scale,
            thresholds=_thresholds(model.instances.thresholds, settings, least_px, plan),
            scratch=scratch or MemoryScratch(),
            view=plane.view,
            part_px=part_px,
            done=done,
        )
        planes.append(found if least_px is None else drop_small(found, least_px))
        if len(frame.planes) > 1:
            plane.release()
    return _of_planes(frame, planes)


def _of_planes(frame: Frame, planes: Sequence[PlaneLabels]) -> FrameLabels:
    n, numbers = join_planes(planes)
    total, count = np.zeros(n + 1), np.zeros(n + 1)
    for plane, number in zip(planes, numbers, strict=True):
        total += np.bincount(number[1:], weights=plane.scores, minlength=n + 1)
        count += np.bincount(number[1:], minlength=n + 1)
    scores = (total / np.maximum(count, 1))[1:].astype(np.float32)
    depth = (len(planes),) if frame.stacked else ()
    kind = np.min_scalar_type(n)
    stored = (b[a.number].astype(kind) for a, b in zip(planes, numbers, strict=True))
    return FrameLabels(
        frame.frame, (*depth, *planes[0].shape), n, scores, tuple(planes), tuple(stored)
    )


def _thresholds(
    thresholds: Thresholds, settings: NucleiSettings, least_px: float | None, plan: ScalePlan
) -> Thresholds:
    given = {
        name: value
        for name in ("foreground", "core")
        if (value := getattr(settings, name)) is not None
    }
    if least_px is not None:
        given["min_area_px"] = least_on_working_grid(least_px, plan.scale)
    return thresholds.replace(**given) if given else thresholds


@dataclass(frozen=True, slots=True)
class ImageNuclei:
    """The nuclei of an image: one `FrameLabels` for each T, the size, and what should be known."""

    axes: str  # of the labels: those of the image without C
    frames: tuple[FrameLabels, ...]
    plan: ScalePlan
    findings: tuple[Finding, ...]
    seconds: Mapping[str, float]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds the labels of every frame."""
        return np.result_type(*(frame.dtype for frame in self.frames))

    @property
    def labels(self) -> NDArray[Any]:
        """All labels in memory, on the image's own grid; numbered from 1 in each frame."""
        arrays = [frame.array().astype(self.dtype) for frame in self.frames]
        return np.stack(arrays) if "T" in self.axes else arrays[0]

    @property
    def scores(self) -> tuple[NDArray[np.float32], ...]:
        """The mean predicted foreground of each nucleus, one array for each frame."""
        return tuple(frame.scores for frame in self.frames)

    def close(self) -> None:
        """Free the scratch space; nothing can be read after this."""
        for frame in self.frames:
            frame.close()


def segment_image(
    image: Image,
    settings: NucleiSettings | None = None,
    *,
    predictor: Predictor | None = None,
    choose: Callable[[Sequence[Frame]], ScalePlan] | None = None,
    scratch: Scratch | None = None,
    each: Callable[[FrameLabels, Frame], None] | None = None,
    progress: Progress | None = None,
) -> ImageNuclei:
    """Find the nuclei of an image, frame by frame: the one loop of memory, files and notebooks.

    Parameters
    ----------
    image : Image
        Any axes; one channel is used.
    settings : NucleiSettings, optional
    predictor : Predictor, optional
        An open model, where several images share one; else ``settings.model`` is opened.
    choose : callable, optional
        Says how large nuclei are, where a run decided it; default: `choose_scale`.
    scratch : Scratch, optional
        Where labels wait; default: in memory.
    each : callable, optional
        Called with each frame's labels while its pixels are held, to measure for instance.
    progress : callable, optional
        Called as ``progress(done, total, what)`` after each tile.

    Returns
    -------
    ImageNuclei
        Over T nothing is linked; planes of a stack are joined across Z by overlap.

    Raises
    ------
    InputError, ModelError, SettingsError
        See `open_frames`, `open_predictor` and `choose_scale`.

    Examples
    --------
    >>> import numpy as np
    >>> from fatescope.base import Image
    >>> y, x = np.mgrid[:64, :64]
    >>> discs = np.maximum(np.hypot(y - 20, x - 20) < 9, np.hypot(y - 44, x - 44) < 9)
    >>> image = Image(pixels=discs.astype(np.uint8) * 200, axes="YX")
    >>> result = segment_image(image, NucleiSettings(model="classical", diameter_px=18))
    >>> int(result.labels.max())
    2
    """
    begun = time.perf_counter()
    settings = settings or NucleiSettings()
    predictor = predictor or open_predictor(settings.model, precision=settings.precision)
    frames, findings = open_frames(image, channel=settings.channel, predictor=predictor)
    plan = choose(frames) if choose else choose_scale(frames, predictor, settings)
    findings.append(plan.finding(image.name))
    findings += check_modality(frames, plan, predictor, file=image.name)
    seconds = {"read and scale": time.perf_counter() - begun, "segment": 0.0}
    total, n_done = count_tiles(frames, plan, predictor) if progress else 0, 0

    def done() -> None:
        nonlocal n_done
        n_done += 1
        if progress is not None:
            progress(n_done, total, "nuclei")

    segmented = []
    for frame in frames:
        begun = time.perf_counter()
        findings += frame.findings(image.name, predictor.description.image.percentiles)
        segmented.append(
            segment_frame(frame, predictor, plan, settings, scratch=scratch, done=done)
        )
        seconds["segment"] += time.perf_counter() - begun
        if each is not None:
            each(segmented[-1], frame)
        frame.release()
    axes = image.axes.replace("C", "")
    return ImageNuclei(axes, tuple(segmented), plan, tuple(findings), seconds)
