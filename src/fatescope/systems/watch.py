"""Predict while a microscope writes: each image when it is whole, into one output folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire import find_images, open_image
from fatescope.acquire.arrivals import Arrivals, WatchSettings
from fatescope.base import InputError, escape
from fatescope.engine.predict import predict_images
from fatescope.systems.registry import system_named

if TYPE_CHECKING:
    from fatescope.acquire import ImageFile
    from fatescope.acquire.arrivals import State
    from fatescope.base import Execution, Progress
    from fatescope.engine import Summary
    from fatescope.engine.predict import System
    from fatescope.predict.settings import PredictSettings

_log = logging.getLogger(__name__)

_FRAMES = 2.0
"""The numbered files of a movie are whole after so many intervals without a new one."""
_LOOKS = 4
"""Looks within the time that a file must be still, and times the cost of a look between two."""


def watch_folder(
    system: str | System[Any],
    folder: Path | str,
    *,
    out: Path | str,
    settings: PredictSettings | None = None,
    watching: WatchSettings | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Predict the images of a folder that is still being written to, each when it is whole.

    The output folder is brought up to date whenever images have arrived, and can be read at any
    time. A file is whole when it has not changed for some seconds and can be opened; one that
    changes later is done again. In the end the result is that of predicting the whole folder.

    Parameters
    ----------
    system : str or System
        What is predicted, as on the command line: ``"nuclei"``, ``"membrane"``, ...
    folder : path
        Searched to any depth, again and again.
    out : path
        Output folder. The same call again continues, and so does a plain prediction.
    settings : PredictSettings, optional
        What decides the result, of the class of the system.
    watching : WatchSettings, optional
        When an image is whole, and when to end; without ``until_idle`` only an interrupt ends.
    execution : Execution, optional
        How the machine is used; never changes a result.
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional
        Called as ``progress(done, total, what)``, also while waiting. What it raises ends the call.

    Returns
    -------
    Summary
        Of all images, when nothing has changed for ``until_idle`` minutes.

    Raises
    ------
    InputError
        If there is no such folder, or no image has arrived when time is up.
    SettingsError, ModelError, RunError
        When nothing can be done; before the first image where possible.
    """
    if isinstance(system, str):
        system = system_named(system)
    settings, watching = settings or system.settings(), watching or WatchSettings()
    folder, called = Path(folder), time.monotonic()
    if not folder.is_dir():
        raise InputError(f"{escape(folder)}: there is no such folder. Make it, or correct it.")

    def bring_up_to_date(only: Callable[[ImageFile], bool], fresh: bool = False) -> Summary:
        return predict_images(
            system,
            folder,
            out=out,
            settings=settings,
            execution=execution,
            fresh=fresh,
            progress=progress,
            only=only,
        )

    bring_up_to_date(lambda _: False, fresh)  # says now what cannot work
    arrivals = Arrivals(
        still_s=watching.still_s,
        sequence_still_s=max(watching.still_s, _FRAMES * 60 * (settings.interval_min or 0)),
        can_open=lambda file: open_image(file, settings),
        changed=time.monotonic(),
    )
    summary: Summary | None = None
    done: dict[tuple[Path, ...], State] = {}
    while True:
        begun = time.monotonic()
        files = _listed(folder, settings)
        whole = arrivals.whole(files, begun)
        if any(done.get(paths) != state for paths, state in whole.items()):
            summary = bring_up_to_date(_among(set(whole)))
            done.update(whole)
            _log.info("%d images are done", summary.units_done)
            arrivals.changed = time.monotonic()
            continue
        idle = begun - arrivals.changed
        if watching.until_idle is not None and idle >= 60 * watching.until_idle:
            break
        if progress is not None:
            progress(len(whole), len(files), "waiting for images")
        time.sleep(max(watching.still_s / _LOOKS, _LOOKS * (time.monotonic() - begun)))
    if len(whole) < len(files):  # what never became whole is named
        summary = bring_up_to_date(lambda _: True)
    if summary is None:
        raise InputError(
            f"{escape(folder)}: no image has arrived in {watching.until_idle:g} min. Look whether "
            "the microscope writes there, or watch for longer."
        )
    return replace(summary, seconds=time.monotonic() - called)


def _among(ready: set[tuple[Path, ...]]) -> Callable[[ImageFile], bool]:
    return lambda file: file.paths in ready


def _listed(folder: Path, settings: PredictSettings) -> list[ImageFile]:
    """List the images that are there by now, which may be none."""
    try:
        return find_images(
            [folder], pattern=settings.pattern, sequence=settings.sequence, scene=settings.scene
        )
    except InputError:
        if not folder.is_dir():
            raise
        return []
