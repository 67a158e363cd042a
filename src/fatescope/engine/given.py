"""Which images a call was given, and what was left out or fits no pattern."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from fatescope.acquire import (
    ImageFile,
    find_images,
    open_image,
    without_labels,
)
from fatescope.base import (
    Finding,
    InputError,
    escape,
)
from fatescope.engine import Run
from fatescope.predict.settings import PredictSettings

Inputs = Sequence[Path | str] | Path | str
_log = logging.getLogger(__name__)


def files_given(
    inputs: Inputs, settings: PredictSettings, only: Callable[[ImageFile], bool] | None = None
) -> tuple[list[ImageFile], list[Finding], dict[str, str]]:
    """Return the images, a finding for each label image beside them, and what fits no pattern."""
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    try:
        found = find_images(
            given, pattern=settings.pattern, sequence=settings.sequence, scene=settings.scene
        )
    except InputError:
        if only is None:
            raise
        found = []  # so far
    ready = found if only is None else [file for file in found if only(file)]
    images, labels = without_labels(ready, partial(open_image, reading=settings))
    if labels and only is None:  # a call of many says it in its findings
        named = ", ".join(escape(Path(f.file).name) for f in labels[:3])
        _log.warning(
            "%d label image%s left out (%s%s). To use one, give it by itself.",
            len(labels),
            " beside images is" if len(labels) == 1 else "s beside images are",
            named,
            ", ..." if len(labels) > 3 else "",
        )
    return images, labels, _unfitting(given, found, settings.pattern)


def _unfitting(
    given: Sequence[Path | str], found: Sequence[ImageFile], pattern: str | None
) -> dict[str, str]:
    """Return a sentence for each input that holds images whose names do not fit the pattern."""
    if pattern is None or not found:
        return {}
    taken = {str(p) for f in found for p in f.paths}
    said = {}
    for one in given:
        others = [p for f in find_images([one]) for p in f.paths if str(p) not in taken]
        if others:
            said[str(one)] = (
                f"{len(others)} image{'s do' if len(others) > 1 else ' does'} not fit --pattern, "
                f"such as {escape(others[0].name)}; what does not fit is left out."
            )
    return said


def note_left_out(run: Run, labels: Sequence[Finding], files: Sequence[ImageFile]) -> list[Finding]:
    """Keep in the record what was left out, and forget what this call takes."""
    known: dict[str, str] = run.decided().get("left_out", {})
    now = {f.file: f.reason for f in labels}
    taken = {str(f) for f in files}
    reasons = {k: v for k, v in sorted({**known, **now}.items()) if k not in taken}
    if reasons or known:
        run.decide("left_out", reasons)
    return [
        Finding(file=file, rule="label-image", severity="info", reason=reason)
        for file, reason in reasons.items()
    ]


def note_unfitting(run: Run, unfitting: Mapping[str, str]) -> list[Finding]:
    """Keep in the record what is of no use, such as names that fit no pattern, of each call."""
    known: dict[str, str] = run.decided().get("unfitting", {})
    reasons = {**known, **unfitting}
    if reasons:
        run.decide("unfitting", reasons)
    return [
        Finding(file=file, rule="left-out", severity="warning", reason=reason)
        for file, reason in sorted(reasons.items())
    ]
