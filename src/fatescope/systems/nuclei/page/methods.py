"""The Methods paragraph: what the run recorded, as a paper would say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.skeleton import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.systems.nuclei.page.values import ImageSummary, NucleiReport

_NAMED = ("numpy", "scipy", "scikit-image", "openvino")
_SOURCES = {
    "file": "read from the files",
    "user": "given by the user",
    "estimated": "estimated from the images",
    "assumed": "assumed",
}
_CHANGED = {
    "min_area_px": "Nuclei of fewer than {} pixels were dropped.",
    "min_area_um2": "Nuclei below {} µm² were dropped.",
    "foreground": "The threshold of the foreground was set to {}.",
    "core": "The threshold of the core of a nucleus was set to {}.",
}


def methods_text(report: NucleiReport) -> str:
    """Return a paragraph for a Methods section, made of what the run recorded."""
    record = report.record
    version = str(record.get("fatescope") or "of unknown version")
    model = record.get("model") or {}
    name, sha = str(model.get("name") or "not recorded"), str(model.get("sha256") or "")
    used = f"the model “{name}”" + (f" (SHA-256 {sha})" if sha else "")
    done = [image for image in report.images if not image.problem]
    parts = [
        f"Nuclei were segmented with fatescope {version} using {used}.",
        _pixel_sentence(done),
        _size_sentence(done, together=bool((record.get("settings") or {}).get("same_size"))),
        _changed_sentence(record.get("settings") or {}),
        "Each frame was segmented on its own."
        if any(i.n_frames > 1 for i in done) and not report.colours
        else "",
        f"{counted(report.n_objects, 'object was', 'objects were')} measured in "
        f"{counted(len(done), 'image')}.",
        f"{counted(len(report.findings), 'finding')} about inputs and results "
        f"{'is' if len(report.findings) == 1 else 'are'} listed in findings.csv."
        if report.findings
        else "",
        _versions_sentence(record),
        "Settings, checksums of the inputs and versions are stored in run.json beside the results. "
        f"Please cite: The fatescope developers, fatescope (version {version}), software, with the "
        "model's name and checksum as above.",
    ]
    return " ".join(p for p in parts if p)


def _pixel_sentence(images: Sequence[ImageSummary]) -> str:
    """Say how large a pixel is along each axis, and who said so."""
    by_source: dict[str, list[ImageSummary]] = {}
    for image in images:
        step = image.spacing.get("X")
        by_source.setdefault("" if step is None else str(step["source"]), []).append(image)
    unknown = by_source.pop("", [])
    known = [
        f"{_steps(same)} ({_SOURCES.get(source, source)})"
        for source, same in sorted(by_source.items())
    ]
    sentence = f"The pixel size was {' and '.join(known)}." if known else ""
    if unknown:
        which = "For the other images it was" if known else "The pixel size was"
        sentence = f"{sentence} {which} not known, so sizes are given in pixels.".strip()
    return sentence


def _steps(images: Sequence[ImageSummary]) -> str:
    """Write the steps along X, or along each axis where they differ; over images as a range."""
    steps = [{a: float(i.spacing[a]["value"]) for a in "ZYX" if a in i.spacing} for i in images]
    axes = [a for a in "ZYX" if any(a in s for s in steps)]
    if axes in (["X"], ["Y", "X"]) and all(s.get("Y", s["X"]) == s["X"] for s in steps):
        axes = ["X"]
    spans = [_span([s[a] for s in steps if a in s]) for a in axes]
    return f"{' × '.join(spans)} µm" + (f", {' × '.join(axes)}" if len(axes) > 1 else "")


def _span(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _size_sentence(images: Sequence[ImageSummary], *, together: bool) -> str:
    """Say how large nuclei were taken to be, who said so, and how images were scaled."""
    by_source: dict[str, list[float]] = {}
    for image in images:
        if image.diameter:
            source = str(image.diameter["source"])
            by_source.setdefault(source, []).append(float(image.diameter["value"]))
    parts = []
    if given := by_source.get("given"):
        parts.append(f"The diameter of a typical nucleus was given as {_span(given)} pixels")
    if modelled := by_source.get("model"):
        parts.append(
            "The diameter of a typical nucleus was that of the model's training images, here "
            f"{_span(modelled)} pixels"
        )
    if estimated := by_source.get("estimated"):
        each = "the image" if len(images) == 1 else "each image"
        each = "all images of one pixel size and channel together" if together else each
        middle = f"{np.median(estimated):.3g} pixels"
        spread = f"median {middle}, {_span(estimated)}" if len(set(estimated)) > 1 else middle
        parts.append(f"The diameter of a typical nucleus was estimated from {each} ({spread})")
    unsized = sum(not image.diameter for image in images)
    if unsized and parts:
        parts.append(f"In {counted(unsized, 'image')} nothing looked like nuclei at any size")
    scales = [float(i.diameter["scale"]) for i in images if "scale" in i.diameter]
    if scales and (min(scales), max(scales)) != (1, 1):
        parts.append(
            f"Images were resampled by a factor of {_span([round(s, 3) for s in scales])}, so that "
            "nuclei had the diameter that the model was trained on"
        )
    elif scales:
        parts.append("Images were not resampled")
    return "".join(f"{part}. " for part in parts).strip()


def _changed_sentence(settings: Mapping[str, Any]) -> str:
    """Name the thresholds that differ from the model's own."""
    return " ".join(
        sentence.format(f"{settings[name]:g}")
        for name, sentence in _CHANGED.items()
        if settings.get(name) is not None
    )


def _versions_sentence(record: dict[str, Any]) -> str:
    packages = record.get("packages") or {}
    named = [f"Python {record['python']}"] if record.get("python") else []
    named += [f"{n} {packages[n]}" for n in _NAMED if n in packages]
    return f"Computations used {', '.join(named)}." if named else ""
