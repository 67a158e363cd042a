"""What is odd about the pixels of samples, before a network is trained on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.acquire import (
    check_left_out,
    check_pixels,
    gauged,
    mask_findings,
    read_image,
    read_labels,
    refuse_brightness,
    shows_labels,
)
from fatescope.base import Finding, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fatescope.base import Image
    from fatescope.prepare.store import Sample


def check_samples(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Look at the first plane of each image, or the middle one of a volume, and at its labels.

    Yields
    ------
    Finding
        What `check_pixels` says; ``left-out``; ``label-image`` where an image is one of labels,
        or where labels of instances are a mask or look like an image.

    Raises
    ------
    FileFormatError
        If a file cannot be read, or labels are no whole numbers.
    """
    for sample in samples:
        image = gauged(read_image(sample.image))
        image.read(**_one_plane(image))
        yield from check_left_out(image)
        yield from check_pixels(image)
        if shows_labels(image):
            yield Finding(
                file=str(sample.image),
                rule="label-image",
                severity="warning",
                reason="This looks like a label image, and is to be trained on as an image. Give "
                "the image that its labels were drawn on.",
            )
        if sample.role != "instances":
            continue
        labels = read_labels(sample.labels)
        try:
            refuse_brightness(labels.read(**_one_plane(labels)), sample.labels)
        except InputError as error:  # a look that can err; whoever prepares decides
            yield Finding(
                file=str(sample.labels), rule="label-image", severity="warning", reason=str(error)
            )
        if sample.pieces == "all":
            yield from mask_findings(labels)


def _one_plane(image: Image) -> dict[str, int]:
    return {a: image.size(a) // 2 if a == "Z" else 0 for a in image.axes if a in "TZ"}
