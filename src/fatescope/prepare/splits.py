"""Who learns, who chooses, who judges: splits by independent unit or by time block."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Literal

from fatescope.base import InputError, Settings, setting

if TYPE_CHECKING:
    from collections.abc import Sequence

Split = Literal["train", "validation", "test", "unused"]


class SplitSettings(Settings):
    """How samples are divided among training, validation and test."""

    validation: float = setting(0.1, "share of the samples for choices during training", ge=0, lt=1)
    test: float = setting(0.1, "share of the samples that only the card reads", ge=0, lt=1)
    guard_frames: int = setting(
        3, "frames left out between time blocks of a single unit", unit="frames", ge=0
    )
    seed: int = setting(0, "which of the possible splits", ge=0)


def split_units(
    units: Sequence[str], strata: Sequence[str], *, settings: SplitSettings
) -> list[Split]:
    """Divide samples by unit, within each stratum, in an order that only names and seed decide.

    Parameters
    ----------
    units : sequence of str, length n
        The independent unit (embryo, movie, field) that each sample belongs to.
    strata : sequence of str, length n
        Kind of sample; each kind is divided in proportion. A unit of several kinds counts as the
        most frequent one.
    settings : SplitSettings
        Shares and seed.

    Returns
    -------
    list of str, length n
        All samples of one unit have one split. A stratum with fewer units than one share needs
        stays in training.
    """
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for unit, stratum in zip(units, strata, strict=True):
        kinds[unit][stratum] += 1
    members: dict[str, list[str]] = defaultdict(list)
    for unit, counts in kinds.items():
        members[min(counts, key=lambda s: (-counts[s], s))].append(unit)
    split_of: dict[str, Split] = {}
    for inside in members.values():
        split_of.update(_divide(inside, settings))
    return [split_of[unit] for unit in units]


def _divide(units: list[str], settings: SplitSettings) -> dict[str, Split]:
    order = sorted(units, key=lambda u: hashlib.sha256(f"{settings.seed}:{u}".encode()).digest())
    n_test = round(len(order) * settings.test)
    n_validation = round(len(order) * settings.validation)
    if n_test + n_validation >= len(order):
        n_test = n_validation = 0
    ends = n_test, n_test + n_validation
    return {
        unit: "test" if i < ends[0] else "validation" if i < ends[1] else "train"
        for i, unit in enumerate(order)
    }


def split_frames(frames: Sequence[int], *, settings: SplitSettings) -> list[Split]:
    """Divide the samples of one unit by time: early frames learn, late frames judge.

    Parameters
    ----------
    frames : sequence of int, length n
        Frame of each sample, not necessarily sorted.
    settings : SplitSettings
        Shares (of the span of time, guard bands apart) and the width of a guard band.

    Returns
    -------
    list of str, length n
        ``"unused"`` inside a guard band, because neighbours in time are nearly the same image.

    Raises
    ------
    InputError
        If the frames are too few for the blocks and their guard bands.
    """
    first, last = min(frames), max(frames)
    n_bands = (settings.validation > 0) + (settings.test > 0)
    usable = last - first + 1 - n_bands * settings.guard_frames
    n_validation, n_test = round(usable * settings.validation), round(usable * settings.test)
    n_train = usable - n_validation - n_test
    if n_train < 1 or (n_bands and min(n_validation, n_test) < 1 and n_bands == 2):
        raise InputError(
            f"frames {first} to {last} are too few for time blocks with guard bands of "
            f"{settings.guard_frames} frames. Use a smaller --guard-frames, or more units."
        )
    guard = settings.guard_frames
    validation_from = first + n_train + (guard if n_validation else 0)
    test_from = last + 1 - n_test
    return [
        "train"
        if f < first + n_train
        else "test"
        if f >= test_from
        else "validation"
        if validation_from <= f < validation_from + n_validation
        else "unused"
        for f in frames
    ]
