"""Nuclei of an image of any axes: scale, planes, stacks, frames."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_pixels, gauged
from fatescope.base import Finding, Progress
from fatescope.base.errors import InputError, SettingsError
from fatescope.predict.channels import open_frames
from fatescope.predict.decoders.instances import PART_PX
from fatescope.predict.decoders.labels import FrameLabels, PlaneLabels, drop_small
from fatescope.predict.decoders.polyhedra import segment_polyhedra
from fatescope.predict.decoders.stack import stack_planes
from fatescope.predict.modality import check_modality
from fatescope.predict.plane import segment_plane
from fatescope.predict.predictor import open_predictor
from fatescope.predict.scratch import MemoryScratch, NoRows
from fatescope.predict.search import Search
from fatescope.predict.size import (
    ScalePlan,
)
from fatescope.predict.tiling import make_grid
from fatescope.predict.volume import LEAST_PLANES, SolidNuclei, segment_volume
from fatescope.systems.nuclei.scales import (
    choose_scale,
    closer_look,
    is_solid,
    looked_again,
    scales_over_time,
    size_change,
)
from fatescope.systems.nuclei.settings import NucleiSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.image import Image
    from fatescope.base.spacing import Spacing
    from fatescope.models.outputs import Thresholds
    from fatescope.predict.frames import ImageFrame
    from fatescope.predict.predictor import Predictor
    from fatescope.predict.scratch import Scratch

_SURELY = 0.5
"""What has less than this part of the least area on the working grid is dropped there: outlines on
the two grids differ by less, and specks need not be brought back to the image."""

_LOOKS = 2  # times that a volume is looked at again (record 0397)

_DRAWN = "a second one drew nuclei in space from what that saw"
_DIVIDED = "what it saw was divided in space by a rule"

_IF_LIT = (
    "for phase contrast use `fatescope predict phase-cells`, for cells in bright field "
    "`fatescope predict live-dead`; for nuclei choose the channel of a nuclear stain with --channel"
)
"""What to do with transmitted light, where a model is for fluorescence."""


@dataclass(slots=True)
class StackWay:
    """How the planes of a stack become nuclei, and why."""

    solid: bool
    plane_px: float | None  # distance of planes in pixels of the image
    known: bool  # whether the file or the user says that distance
    reason: str  # why planes are joined
    whole: bool = False  # the network takes the volume
    drawn: bool = False  # a network in space draws the maps of planes again

    def finding(self, file: str, planes: int) -> Finding:
        """Return the sentence for ``findings.csv``."""
        if self.whole:
            return Finding(
                file=file,
                rule="solid-nuclei",
                severity="info",
                value=float(planes),
                reason=f"The network saw the {planes} planes as one volume.",
            )
        if not self.solid:
            return Finding(
                file=file,
                rule="joined-planes",
                severity="info",
                value=float(planes),
                reason=f"The {planes} planes were segmented one by one, and outlines that "
                f"overlap across Z were joined into nuclei{self.reason}.",
            )
        if self.known or self.plane_px is None:
            return Finding(
                file=file,
                rule="solid-nuclei",
                severity="info",
                value=float(planes),
                reason=f"A network saw each of the {planes} planes, and "
                + (_DRAWN if self.drawn else _DIVIDED)
                + ", which tells nuclei above one another apart. --stack planes joins outlines of "
                "planes instead.",
            )
        return Finding(
            file=file,
            rule="solid-nuclei",
            severity="warning",
            value=round(self.plane_px, 2),
            reason=f"How far apart the {planes} planes are is not known. They were taken to be "
            f"{self.plane_px:.1f} px apart, which makes nuclei as high as wide. Give --spacing-um "
            "Z,Y,X if you know it.",
        )


def choose_way(
    image: Image, settings: NucleiSettings, predictor: Predictor, plan: ScalePlan
) -> StackWay:
    """Return how nuclei of a stack are made: as settings, model and height of nuclei say it."""
    um = image.spacing.um("ZYX")
    apart = None if um is None else um[0] / math.sqrt(um[1] * um[2])
    reason = ""
    if takes_volumes(predictor):
        if settings.stack != "auto":
            raise SettingsError(
                f"stack = {settings.stack}: the model {predictor.name!r} takes whole volumes. "
                "Leave --stack out."
            )
        return StackWay(False, apart, apart is not None, "", whole=True)
    solid = is_solid(settings, predictor)
    if not solid and settings.stack == "auto":
        reason = ", as --core asks" if settings.core is not None else ", as this model needs it"
    low = apart is not None and (plan.diameter_px or 0) < LEAST_PLANES * apart
    if solid and low and settings.stack == "auto" and plan.diameter_px is not None:
        solid, reason = False, ", since they are less than two planes high"
    drawn = solid and settings.stack != "rule" and predictor.solid is not None
    return StackWay(solid, apart, apart is not None, reason, drawn=drawn)


def count_tiles(frames: Sequence[ImageFrame], plan: ScalePlan, predictor: Predictor) -> int:
    """Return how many tiles the network will see: what ``--plan`` multiplies with a unit cost."""
    n = 0
    for frame in frames:
        if takes_volumes(predictor):
            scale = _volume_scale(frame, plan, predictor)
            n += make_grid(frame.shape, scale, predictor.description).n_tiles
            continue
        for plane in frame.planes:
            n += make_grid(plane.shape, plan.scale, predictor.description).n_tiles
    return n


def takes_volumes(predictor: Predictor) -> bool:
    """Say whether the network sees volumes, and not planes one by one."""
    return predictor.description.image.axes == "ZYX"


def _volume_scale(
    frame: ImageFrame, plan: ScalePlan, predictor: Predictor
) -> tuple[float, float, float]:
    """Return working voxels per voxel: planes are resampled where both distances are known."""
    image, wanted = frame.planes[0].image, predictor.description.image.spacing_um
    um = image.spacing.um("ZYX") if frame.stacked else None
    return (1.0 if um is None or wanted is None else um[0] / wanted[0], *plan.scale)


def segment_frame(
    frame: ImageFrame,
    predictor: Predictor,
    plan: ScalePlan,
    settings: NucleiSettings,
    *,
    way: StackWay | None = None,
    scratch: Scratch | None = None,
    part_px: int = PART_PX,
    done: Callable[[], None] | None = None,
) -> FrameLabels:
    """Find the nuclei of a frame; those of a stack in the way that is said.

    Parameters
    ----------
    frame : Frame
    predictor : Predictor
    plan : ScalePlan
    settings : NucleiSettings
    way : StackWay, optional
        Of the stack; an unknown distance of planes is set to that of the first frame that shows
        it. Default: planes are joined by overlap.
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
        return stack_planes([empty] * len(frame.planes), frame=frame.frame, stacked=frame.stacked)
    network = predictor.network(frame.parts, statistics)
    least_px = _least_area(settings, frame.planes[0].image.spacing)
    if takes_volumes(predictor):
        return segment_polyhedra(
            Search(
                network=network,
                model=model,
                scale=_volume_scale(frame, plan, predictor),
                thresholds=_thresholds(model.instances.thresholds, settings, None, plan),
            ),
            frame,
            scratch=scratch or MemoryScratch(),
            least_px=least_px,
            done=done,
        )
    if way is not None and way.solid and len(frame.planes) > 1:
        return _solid_nuclei(
            frame,
            predictor,
            plan,
            settings,
            way=way,
            scratch=scratch or MemoryScratch(),
            done=done,
        )
    search = Search(
        network=network,
        model=model,
        scale=plan.scale,
        thresholds=_thresholds(model.instances.thresholds, settings, least_px, plan),
    )
    planes = []
    for plane in frame.planes:
        found = segment_plane(
            search,
            plane,
            statistics,
            scratch=scratch or MemoryScratch(),
            view=plane.view,
            part_px=part_px,
            done=done,
        )
        planes.append(found if least_px is None else drop_small(found, least_px))
        if len(frame.planes) > 1:
            plane.release()
    return stack_planes(planes, frame=frame.frame, stacked=frame.stacked)


def _solid_nuclei(
    frame: ImageFrame,
    predictor: Predictor,
    plan: ScalePlan,
    settings: NucleiSettings,
    *,
    way: StackWay,
    scratch: Scratch,
    done: Callable[[], None] | None,
) -> FrameLabels:
    """Divide a volume in space; again where it was divided too finely, `_LOOKS` times at most."""
    model, spacing = predictor.description, frame.planes[0].image.spacing

    def look(plan: ScalePlan, done: Callable[[], None] | None) -> SolidNuclei:
        search = Search(
            network=predictor.network(frame.parts, frame.statistics(model.image.percentiles)),
            model=model,
            scale=plan.scale,
            thresholds=_thresholds(model.instances.thresholds, settings, None, plan),
        )
        return segment_volume(
            search,
            frame,
            plane_px=way.plane_px,
            scratch=scratch,
            solid=predictor.solid if way.drawn else None,
            least_px=_least_area(settings, spacing),
            done=done,
        )

    found = look(plan, done)
    way.plane_px, own_px = found.plane_px, 0.0
    for _ in range(_LOOKS):
        closer = closer_look(plan, found, model, spacing)
        if closer is None:
            break
        found.labels.close()
        plan, found = closer, look(closer, None)
        own_px = plan.diameter_px or 0.0
    return replace(found.labels, own_px=own_px)


def _least_area(settings: NucleiSettings, spacing: Spacing) -> float | None:
    """Return the area in pixels of the image that a nucleus must have, or ``None`` if not given.

    Raises
    ------
    SettingsError
        If an area in µm² is given and the pixel size is not known.
    """
    if settings.min_area_um2 is None:
        return settings.min_area_px
    um = spacing.um("YX")
    if um is None:
        raise SettingsError(
            f"min_area_um2 = {settings.min_area_um2}: the pixel size of the image is not known. "
            "Give --spacing-um too, or --min-area-px."
        )
    return settings.min_area_um2 / (um[0] * um[1])


def _least_on_working_grid(least_px: float, scale: tuple[float, float]) -> int:
    """Return the working pixels below which a region is surely too small in the image."""
    return int(_SURELY * least_px * scale[0] * scale[1])


def _thresholds(
    thresholds: Thresholds, settings: NucleiSettings, least_px: float | None, plan: ScalePlan
) -> Thresholds:
    given = {
        name: value
        for name in ("foreground", "core")
        if (value := getattr(settings, name)) is not None
    }
    if least_px is not None:
        given["min_area_px"] = _least_on_working_grid(least_px, plan.scale)
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
    choose: Callable[[Sequence[ImageFrame]], ScalePlan] | None = None,
    scratch: Scratch | None = None,
    each: Callable[[FrameLabels, ImageFrame], None] | None = None,
    kept: Callable[[int], FrameLabels | None] | None = None,
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
    kept : callable, optional
        Returns the labels of a frame that `frame_by_frame` found, or ``None``.
    progress : callable, optional
        Called as ``progress(done, total, what)`` after each tile.

    Returns
    -------
    ImageNuclei
        Over T nothing is linked; how planes of a stack became nuclei is among the findings.

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
    predictor = predictor or open_predictor(
        settings.model, precision=settings.precision, volumes=True
    )
    image, frames, plan, findings = _scaled(image, settings, predictor, choose)
    findings.append(plan.finding(image.name))
    findings += check_modality(frames, plan, predictor, file=image.name, if_lit=_IF_LIT)
    seconds = {"read and scale": time.perf_counter() - begun, "segment": 0.0}
    total, n_done = count_tiles(frames, plan, predictor) if progress else 0, 0

    def done() -> None:
        nonlocal n_done
        n_done += 1
        if progress is not None:
            progress(n_done, total, "nuclei")

    way = choose_way(image, settings, predictor, plan)
    plan_of = scales_over_time(frames, plan, predictor, settings)
    segmented = []
    for frame in frames:
        begun = time.perf_counter()
        labels = kept(frame.frame) if kept else None
        if labels is None:
            own = plan_of(frame.frame)
            labels = segment_frame(
                frame, predictor, own, settings, way=way, scratch=scratch, done=done
            )
        else:  # its pixels are looked at all the same
            frame.statistics(predictor.description.image.percentiles)
        segmented.append(labels)
        seconds["segment"] += time.perf_counter() - begun
        if each is not None:
            each(segmented[-1], frame)
        frame.release()
    first, last = plan_of(0), plan_of(len(frames) - 1)
    if first is not last and first.diameter_px and last.diameter_px:
        findings.append(size_change(image.name, first.diameter_px, last.diameter_px))
    again = [labels.own_px for labels in segmented if labels.own_px]
    if again:
        findings.append(looked_again(image.name, plan, again, len(frames)))
    if image.size("Z") > 1:
        findings.append(way.finding(image.name, image.size("Z")))
    findings += check_pixels(image, channel=frames[0].planes[0].at["C"])
    axes = image.axes.replace("C", "")
    return ImageNuclei(axes, tuple(segmented), plan, tuple(findings), seconds)


def frame_by_frame(
    image: Image,
    settings: NucleiSettings,
    *,
    predictor: Predictor,
    choose: Callable[[Sequence[ImageFrame]], ScalePlan] | None = None,
) -> Callable[[int], FrameLabels] | None:
    """Return what finds the nuclei of one frame of a movie, as `segment_image` finds them.

    ``None`` where frames depend on one another: the distance of planes, where nobody gave it, is
    seen in the first frame that shows it.
    """
    image, frames, plan, _ = _scaled(image, settings, predictor, choose)
    way = choose_way(image, settings, predictor, plan)
    if way.solid and image.size("Z") > 1 and not way.known:
        return None

    plan_of = scales_over_time(frames, plan, predictor, settings)

    def find(t: int) -> FrameLabels:
        labels = segment_frame(frames[t], predictor, plan_of(t), settings, way=way)
        frames[t].release()
        return labels

    return find


def _scaled(
    image: Image,
    settings: NucleiSettings,
    predictor: Predictor,
    choose: Callable[[Sequence[ImageFrame]], ScalePlan] | None,
) -> tuple[Image, Sequence[ImageFrame], ScalePlan, list[Finding]]:
    """Open the frames of an image, and say how large its nuclei are."""
    if settings.core is not None and predictor.description.instances.rays:
        raise SettingsError(
            f"core = {settings.core}: the model {predictor.name!r} draws polygons, which have no "
            "core. Give --foreground, the least probability of a polygon."
        )
    image = gauged(image)
    if takes_volumes(predictor) and image.size("Z") < 2:
        raise InputError(
            f"{image.name}: is a plane, and the model {predictor.name!r} takes volumes. Give "
            "--axes if its frames are planes, or another model."
        )
    asked = None if takes_volumes(predictor) else predictor
    frames, findings = open_frames(image, channel=settings.channel, predictor=asked)
    plan = choose(frames) if choose else choose_scale(frames, predictor, settings)
    return image, frames, plan, findings
