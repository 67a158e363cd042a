"""Hand-made reports for the tests: discs on a grid, sizes known by construction."""

import numpy as np

from fatescope.base import Spacing
from fatescope.pages.page import render_page
from fatescope.systems.nuclei.page.page import report_page
from fatescope.systems.nuclei.page.values import Doubtful, ImageSummary, NucleiReport, Preview


def discs(n, *, size=160, radius=7, shift=0):
    """Return a label image with up to ``n`` discs on a grid, numbered in reading order."""
    labels = np.zeros((size, size), dtype=np.uint16)
    y, x = np.ogrid[:size, :size]
    label = 0
    for cy in range(14, size - 14, 26):
        for cx in range(14, size - 14, 26):
            if label == n:
                return labels
            label += 1
            r = radius + (label * 7) % 4
            labels[(y - cy - shift) ** 2 + (x - cx - (cy % 5)) ** 2 <= r * r] = label
    return labels


def image_of(labels, *, seed):
    """Return grey values: nuclei bright and uneven over a dim, noisy ground."""
    rng = np.random.default_rng(seed)
    bright = rng.uniform(90, 230, int(labels.max()) + 1)
    bright[0] = 18
    return np.clip(bright[labels] + rng.normal(0, 9, labels.shape), 0, 255).astype(np.uint8)


def movie_report(*, n_frames=6, key="embryo 1.tif", title="embryo 1.tif"):
    """Return a report about one movie whose frames hold 8, 10, 12 ... discs."""
    frames = [discs(8 + 2 * f, shift=f % 3) for f in range(n_frames)]
    counts = np.array([int(f.max()) for f in frames])
    pixel = 0.2
    areas = [np.bincount(f.ravel())[1:] * pixel**2 for f in frames]
    sizes = np.concatenate(areas)
    image = ImageSummary(
        key=key,
        n_objects=int(counts.sum()),
        shape=(n_frames, 160, 160),
        axes="TYX",
        spacing=Spacing.of(source="file", T=1.5, Y=pixel, X=pixel).as_record(),
        sha256="ab" * 32,
        median_size=float(np.median(sizes)),
        counts=counts,
        n_findings=1,
    )
    previews = tuple(
        Preview(key=key, frame=f, image=image_of(labels, seed=f), labels=labels, limits=(12, 4000))
        for f, labels in enumerate(frames)
    )
    doubt = Doubtful(
        key=key,
        frame=2,
        label=5,
        y=14,
        x=118,
        reason="2.7 times the median size: two nuclei may be drawn as one.",
        rank=1.4,
        thumbnail=previews[2].image[:48, 90:138],
        thumbnail_labels=frames[2][:48, 90:138],
    )
    finding = {
        "file": key,
        "frame": 3,
        "object": None,
        "rule": "blurred",
        "value": 0.31,
        "limit": 0.5,
        "severity": "warning",
        "status": "open",
        "reason": "This frame is less sharp than its neighbours.",
    }
    return NucleiReport(
        title=title,
        images=(image,),
        sizes=sizes,
        size_unit="µm²",
        objects={(key, f): dict(enumerate(a.tolist(), 1)) for f, a in enumerate(areas)},
        previews=previews,
        doubtful=(doubt,),
        n_doubtful=1,
        findings=(finding,),
        record=RECORD,
        columns=("image", "label", "frame", "y", "x", "area_px", "area_um2", "mean_0"),
    )


RECORD = {
    "schema": 1,
    "command": "predict nuclei",
    "fatescope": "0.1.0",
    "settings": {"model": "nuclei", "diameter_px": None, "tile": {"halo_px": 32}},
    "model": {"name": "nuclei", "sha256": "cd" * 32},
    "started": "2026-01-01T00:00:00+00:00",
    "wall_seconds": 4.1,
    "peak_memory_mb": 310.5,
    "seconds": {"read": 0.4, "network": 3.2, "measure": 0.2},
    "python": "3.11.7",
    "packages": {"numpy": "2.4.6", "openvino": "2026.4.1"},
    "processor": {"name": "a processor", "flags": ["avx2"]},
}


def many_images_report(n):
    """Return a report about ``n`` single images, one preview for each of the first 24."""
    labels = [discs(4 + i % 9) for i in range(9)]
    sizes = np.concatenate([np.bincount(lab.ravel())[1:] for lab in labels]).astype(float)
    images = tuple(
        ImageSummary(
            key=f"plate/{i:05d}.tif",
            n_objects=int(labels[i % 9].max()),
            shape=(160, 160),
            axes="YX",
            sha256=f"{i:064x}",
            median_size=150.0 + i % 50,
        )
        for i in range(n)
    )
    previews = tuple(
        Preview(
            key=image.key,
            frame=0,
            image=image_of(labels[i % 9], seed=i),
            labels=labels[i % 9],
            limits=(0, 255),
        )
        for i, image in enumerate(images[:24])
    )
    return NucleiReport(
        title=f"{n} images",
        images=images,
        sizes=sizes,
        size_unit="px²",
        previews=previews,
        record=RECORD,
        columns=("image", "label", "frame", "y", "x", "area_px"),
    )


def render_report(report):
    """Return the page of a report as bytes."""
    return render_page(report_page(report))
