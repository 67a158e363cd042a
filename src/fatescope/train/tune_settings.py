"""What a tuning tries, how long, and what it makes as high as possible. No array library."""

from __future__ import annotations

from typing import Literal

from fatescope.base import Settings, setting


class TuneSettings(Settings):
    """Trials, their length, what is searched and which score decides."""

    trials: int = setting(
        100, "trials in all, with those of earlier calls and of other workers", ge=1
    )
    epochs: int = setting(
        1, "epochs of a trial; an epoch draws as many crops as there are images in the share", ge=1
    )
    share: float = setting(
        0.1, "share of the training images, spread over all units and frames", gt=0, le=1
    )
    score: str | None = setting(
        None,
        "score on validation units that is made as high as possible; default: that of the task",
    )
    search: tuple[str, ...] = setting(
        ("fit.learning_rate=0.0003:0.03:log", "fit.batch=4:64:log"),
        "settings of the recipe that are searched: NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C",
    )
    prune: Literal["median", "none"] = setting(
        "median", "end a trial early that is behind the median of the others, or none"
    )
    seed: int = setting(0, "decides the values that are tried and the images of the share", ge=0)


class StudyExecution(Settings):
    """Where a study is kept and who works on it."""

    storage: str = setting(
        "",
        "database URL of the study, for workers on several machines; default: study.sqlite in "
        "the output folder",
    )
    workers: int = setting(
        1, "processes on this machine; with one, a study can be repeated to the last trial", ge=1
    )
    stale_after_s: int = setting(
        120,
        "a trial of which nothing is heard for so long was killed; it is run again",
        unit="s",
        ge=4,
    )
