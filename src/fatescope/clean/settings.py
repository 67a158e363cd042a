"""The limits of the cleaning of movies."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting


class CleanSettings(Settings):
    """When a frame is worth a finding; all limits count in what is usual around the frame.

    The defaults are measured on a recording with faults put into it; see ``docs/cleaning.md``.
    """

    fewest_frames: int = setting(8, "shorter movies are not assessed", ge=5)
    around: int = setting(17, "frames whose median says what is usual", ge=5, advanced=True)
    black_share: float = setting(0.065, "brightness of a black frame, below", gt=0, lt=1)
    dark_share: float = setting(0.6, "brightness of a dark frame, below", gt=0, lt=1)
    bright_share: float = setting(1.8, "brightness of a saturated frame, above", gt=1)
    scatter_times: float = setting(
        8.0, "and so many times the scatter of brightness in this movie", gt=0, advanced=True
    )
    flicker_step: float = setting(
        0.22, "step of brightness that flickers, as its logarithm", gt=0, advanced=True
    )
    flicker_turns: int = setting(4, "fewest steps up and down by turns", ge=2, advanced=True)
    still_share: float = setting(0.3, "change of a frame that was shown before, below", gt=0, lt=1)
    still: float = setting(0.02, "or below so many grey levels of 255", gt=0, advanced=True)
    still_scatter: float = setting(
        4.0, "and by so many times its scatter less than usual", gt=0, advanced=True
    )
    blurred_share: float = setting(0.68, "sharpness of a blurred frame, below", gt=0, lt=1)
    cropped_share: float = setting(
        0.05, "part of the frame that is black from one side, at least", gt=0, lt=1
    )
    jump_share: float = setting(
        0.018, "shift of a frame, or of a part of it, by its longer side", gt=0, lt=0.25
    )
    gain: float = setting(
        0.5, "share of the unlikeness that a jump must explain", gt=0, lt=1, advanced=True
    )
    gain_part: float = setting(
        0.4, "the same, of the moved part of a torn frame", gt=0, lt=1, advanced=True
    )
    too_unlike: float = setting(
        0.5,
        "unlikeness of neighbours beyond which nobody can say what moved",
        gt=0,
        lt=1,
        advanced=True,
    )
    departs: float = setting(
        2.0, "unlikeness beyond which a shift is looked for", gt=1, advanced=True
    )
    longest: int = setting(
        10, "frames after which what has changed is how the movie is", ge=1, advanced=True
    )
    foreign: float = setting(
        0.12, "by how much the neighbours are more alike than a foreign frame is", gt=0, lt=1
    )
    red_blocks: int = setting(
        10, "size of a red shape, in blocks of a 96th of the frame's longer side", ge=1
    )
    red_pure: float = setting(
        0.8, "share of a red patch that is saturated red", gt=0, lt=1, advanced=True
    )
    red_frames: int = setting(4, "frames before and after that lack it", ge=1, advanced=True)


class AnnotationSettings(Settings):
    """When an annotation is worth a finding; see ``docs/cleaning.md``."""

    count_frames: int = setting(15, "frames whose median says how many cells are usual", ge=5)
    least_frames: int = setting(20, "shorter tables are not assessed by their numbers", ge=5)
    least_cells: float = setting(4.0, "fewer cells are never a rise, fall or cliff", gt=0)
    apart_share: float = setting(
        0.15, "share of the cells that are too many or too few for a while", gt=0, lt=1
    )
    cliff_share: float = setting(
        0.2, "share of the cells that are missing from some frame on", gt=0, lt=1
    )
    vanished_frames: int = setting(2, "fewest frames without any cell of a group", ge=1)
    stretched_share: float = setting(
        0.1, "share of frames without rows at which times were multiplied", gt=0, lt=1
    )
    wrapped_share: float = setting(0.15, "share of positions that leap by 256", gt=0, lt=1)
