"""Build the report of a run from the files of its output folder, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.result import ResultFolder
from fatescope.systems.nuclei.page.doubt import merge_repeats, rank_doubtful
from fatescope.systems.nuclei.page.objects import ObjectsFile
from fatescope.systems.nuclei.page.previews import MAX_FRAMES, add_thumbnails, make_previews, spread
from fatescope.systems.nuclei.page.typical import typical_image
from fatescope.systems.nuclei.page.values import ImageSummary, NucleiReport

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from fatescope.systems.nuclei.page.values import Doubtful, Preview

MAX_IMAGES_SHOWN, MAX_DOUBTFUL = 24, 40
_FRAMES_IN_ALL = 120
"""Room on the page: images, thumbnails, frames of all images together."""


def nuclei_report_from_folder(out: str | os.PathLike[str]) -> NucleiReport:
    """Read a finished run of ``predict nuclei`` back and choose what its page shows.

    Parameters
    ----------
    out : path-like
        The output folder: ``run.json``, ``objects.parquet``, ``findings.csv``, ``labels/``. The
        input images are opened where the run read them; those that are gone are not shown.

    Returns
    -------
    NucleiReport
        The same folder and inputs give the same report, whatever the time is.

    Raises
    ------
    RunError
        If ``run.json`` or ``objects.parquet`` is missing or cannot be read.
    """
    result = ResultFolder(Path(out))
    objects = ObjectsFile(result.folder / "objects.parquet", may_be_absent=not result.done)
    findings = result.findings
    by_file: dict[str, list[dict[str, Any]]] = {}
    for finding in findings:
        by_file.setdefault(str(finding["file"]), []).append(finding)
    images = [_summary(said, objects, by_file.get(key, [])) for key, said in result.inputs.items()]
    suspects = objects.suspects({str(f["file"]) for f in findings if f["object"]})
    doubtful = rank_doubtful(suspects, findings)
    places = merge_repeats(doubtful, radius_px=objects.radius_px())
    shown = _choose(images, places)
    previews, listed = _look(result, shown, places[:MAX_DOUBTFUL], objects)
    wanted = {(p.key, p.frame) for p in previews}
    sizes, colours = objects.of_frames(wanted)
    return NucleiReport(
        title=_title(images),
        images=tuple(images),
        sizes=objects.sizes(),
        size_unit=objects.unit,
        objects=sizes,
        colours=colours,
        previews=tuple(previews),
        doubtful=tuple(listed),
        n_doubtful=len(doubtful),
        marked=frozenset((d.key, d.frame, d.label) for d in doubtful if (d.key, d.frame) in wanted),
        findings=tuple(findings),
        record=result.record,
        columns=tuple(objects.columns),
    )


def _summary(
    said: Mapping[str, Any], objects: ObjectsFile, own: Sequence[Mapping[str, Any]]
) -> ImageSummary:
    key = str(said["image"])
    n, median = objects.by_image().get(key, (0, float("nan")))
    failed = next((str(f["reason"]) for f in own if f["severity"] == "error"), "It failed.")
    sha256 = said.get("sha256") or ""
    image = ImageSummary(
        key=key,
        n_objects=n,
        shape=tuple(int(v) for v in said.get("shape") or ()),
        axes=str(said.get("axes") or ""),
        spacing=said.get("spacing") or {},
        sha256=sha256 if isinstance(sha256, str) else str(sha256[0]),
        median_size=median,
        n_findings=len(own),
        diameter=said.get("diameter") or {},
        problem=failed if said.get("state") == "failed" else "",
    )
    if image.n_frames > 1 and not image.problem:
        return replace(image, counts=objects.counts(key, image.n_frames))
    return image


def _choose(images: Sequence[ImageSummary], doubtful: Sequence[Doubtful]) -> list[str]:
    """Choose the images to show: a typical one first, half for their doubtful objects, others.

    The others are spread evenly over the run.
    """
    done = [i.key for i in images if not i.problem]
    place = {key: i for i, key in enumerate(done)}
    typical = typical_image(images)
    wanted = dict.fromkeys(place[d.key] for d in doubtful if d.key in place)
    always = [place[typical]] if typical else []
    always += list(wanted)[: MAX_IMAGES_SHOWN // 2]
    chosen = spread(len(done), at_most=MAX_IMAGES_SHOWN, always=always)
    return sorted((done[i] for i in chosen), key=lambda key: key != typical)


def _look(
    result: ResultFolder,
    shown: Sequence[str],
    doubtful: Sequence[Doubtful],
    objects: ObjectsFile,
) -> tuple[list[Preview], list[Doubtful]]:
    """Return the previews of the chosen images and the doubtful objects with thumbnails."""
    previews: list[Preview] = []
    looked_at: dict[tuple[str, int, int], Doubtful] = {}
    for key in dict.fromkeys([*shown, *(d.key for d in doubtful)]):
        said = result.inputs.get(key, {"image": key})
        if (pair := result.opened(said)) is None:
            continue
        channel = said.get("channel", 0)
        own = [d for d in doubtful if d.key == key]
        found = make_previews(
            *pair,
            key=key,
            channel=channel,
            doubtful=own,
            centres=objects.centres(key),
            max_frames=max(1, min(MAX_FRAMES, _FRAMES_IN_ALL // len(shown))) if key in shown else 1,
        )
        previews += found if key in shown else []
        limits, side = found[0].limits, _side_px(objects, key)
        for doubt in add_thumbnails(
            *pair, own, key=key, channel=channel, limits=limits, side_px=side
        ):
            looked_at[doubt.key, doubt.frame, doubt.label] = doubt
    return previews, [looked_at.get((d.key, d.frame, d.label), d) for d in doubtful]


def _side_px(objects: ObjectsFile, key: str) -> int:
    """Three typical diameters, so that neighbours are seen too."""
    column = "area_px" if "area_px" in objects.columns else "volume_px"
    median = objects.median(column, key)
    return int(np.clip(3 * np.sqrt(median * 4 / np.pi), 48, 512)) if median > 0 else 96


def _title(images: Sequence[ImageSummary]) -> str:
    if len(images) == 1:
        return images[0].key
    return f"{len(images)} images"
