from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage as ndi
from tests.clean.recording import FRAMES, found_in, recording, with_fault

from fatescope.base import InputError
from fatescope.clean import CleanSettings, find_frame_faults, record_frames
from fatescope.clean.likeness import best_shift

LASTS = {
    "black": 2,
    "dark": 3,
    "frozen": 5,
    "duplicate": 1,
    "saturated": 2,
    "blurred": 3,
    "cropped": 2,
    "jump": 3,
    "flicker": 8,
    "torn": 1,
    "foreign": 1,
    "line": 2,
    "patch": 1,
}


def test_a_recording_without_faults_has_no_findings():
    assert found_in(recording()) == set()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("rule", LASTS)
def test_every_frame_of_a_fault_is_found_under_its_name_and_no_other_frame(rule, seed):
    first = 40 + 10 * seed if rule != "foreign" else 110 + 3 * seed
    frames, truth = with_fault(rule, first, first + LASTS[rule] - 1, seed=seed)
    assert found_in(frames) == truth


def test_a_step_of_the_laser_that_stays_is_no_fault():
    frames = [np.minimum(f * (1.0 if t < 60 else 1.5), 255) for t, f in enumerate(recording())]
    assert found_in([f.astype(np.uint8) for f in frames]) == set()


def test_a_red_reporter_that_rises_slowly_is_no_fault():
    frames = recording().copy()
    for t in range(40, FRAMES):
        light = frames[t, 30:80, 60:120] + np.array([6 * (t - 40), 0, 0])
        frames[t, 30:80, 60:120] = np.minimum(light // [1, 2, 2], 255)
    assert found_in(frames) == set()


SHAPE = (slice(40, 75), slice(60, 100))


def severities_in(frames):
    record = record_frames((np.moveaxis(f, -1, 0) for f in frames), highest=255)
    return {(f.frame, f.rule, f.severity) for f in find_frame_faults(record, CleanSettings())}


@pytest.mark.parametrize(("first", "last"), [(50, 79), (50, FRAMES - 1), (0, 79)])
def test_a_red_shape_that_comes_or_goes_at_once_is_a_patch_for_as_long_as_it_lasts(first, last):
    frames = recording().copy()
    frames[(slice(first, last + 1), *SHAPE)] = (250, 30, 20)
    assert severities_in(frames) == {(t, "patch", "warning") for t in range(first, last + 1)}


def test_a_red_shape_that_comes_within_eight_frames_and_stays_may_be_the_reporter():
    frames = recording().copy().astype(float)
    for t in range(50, FRAMES):
        share = min((t - 49) / 8, 1)
        there = frames[(t, *SHAPE)]
        frames[(t, *SHAPE)] = (1 - share) * there + share * np.array([250, 30, 20])
    found = severities_in(frames.astype(np.uint8))
    assert {(rule, severity) for _, rule, severity in found} == {("patch", "info")}
    assert len(found) == 1


def test_a_red_shape_that_comes_over_thirty_frames_is_the_reporter_and_no_finding():
    frames = recording().copy().astype(float)
    for t in range(50, FRAMES):
        share = min((t - 49) / 30, 1)
        there = frames[(t, *SHAPE)]
        frames[(t, *SHAPE)] = (1 - share) * there + share * np.array([250, 30, 20])
    assert severities_in(frames.astype(np.uint8)) == set()


def test_a_red_embryo_that_moves_in_its_shell_is_no_dirt():
    frames = recording().copy()
    frames[(slice(None), *SHAPE)] = (250, 30, 20)
    frames[70:] = np.roll(frames[70:], 40, axis=2)
    assert {rule for _, rule, _ in severities_in(frames)} <= {"jump"}


def test_a_first_frame_from_the_end_of_the_movie_is_foreign():
    frames = recording().copy()
    frames[0] = np.roll(frames[-3], 1, axis=0)
    assert (0, "foreign") in found_in(frames)


STARVED = [0.6, 0.25, 0.1, 0.06, 0.03, 0.01, 0.03, 0.1, 0.3]
"""Change of frames, beside what is usual, where a codec runs out of bits and gets new ones."""


@pytest.mark.parametrize(("course", "rule"), [(STARVED, set()), ([0.01] * 4, {"frozen"})])
def test_a_movie_that_its_codec_slows_down_is_not_frozen_and_one_that_stops_at_once_is(
    course, rule
):
    record = record_frames((np.moveaxis(f, -1, 0) for f in recording()), highest=255)
    slow = {"change": record.change.copy(), "moved": record.moved.copy()}
    for values in slow.values():
        values[60 : 60 + len(course)] = np.median(values[40:80]) * np.array(course)
    faults = find_frame_faults(replace(record, **slow), CleanSettings())
    assert {f.rule for f in faults} == rule
    assert all(f.value < f.limit for f in faults), "a value lies beyond its limit"


def test_a_movie_of_less_than_a_grey_level_has_no_dark_frames():
    frames = np.zeros((40, 64, 64), np.uint8)
    rng = np.random.default_rng(0)
    for t, frame in enumerate(frames):
        frame[rng.random(frame.shape) < (0.2 if t == 20 else 0.45)] = 1
    record = record_frames(iter(frames), highest=255)
    assert not [f for f in find_frame_faults(record, CleanSettings()) if f.rule == "dark"]


def test_a_stage_that_moves_for_good_is_one_jump():
    frames = recording().copy()
    frames[60:] = np.roll(frames[60:], 16, axis=2)
    assert found_in(frames) == {(60, "jump")}


@pytest.mark.parametrize("begin", [0, 50])
@pytest.mark.parametrize("n", [10, 20, 30])
def test_a_short_movie_has_no_findings_and_its_faults_are_found(n, begin):
    frames = recording()[begin : begin + n].copy()
    assert found_in(frames) == set()
    frames[4] = 0
    frames[7] = frames[6]
    assert found_in(frames) == {(4, "black"), (7, "duplicate")}


def test_of_fewer_than_eight_frames_nothing_is_said():
    frames = recording()[:7].copy()
    frames[4] = 0
    assert found_in(frames) == set()


def test_a_movie_without_noise_that_hardly_moves_has_no_repeated_and_no_cropped_frames():
    y, x = np.indices((128, 128))
    frames = np.zeros((60, 128, 128, 3), np.uint8)
    for t in range(60):
        far = [(30 + 0.6 * t, 40 + 0.1 * t), (90 - (t > 30) * 12, 80)]
        light = sum(200 * np.exp(-((y - a) ** 2 + (x - b) ** 2) / 60) for a, b in far)
        frames[t, ..., 1] = light
    assert found_in(frames) == set()


@pytest.mark.parametrize("value", [255, 2])
def test_a_frame_of_one_value_is_white_or_black(value):
    frames = recording().copy()
    frames[70] = value
    assert found_in(frames) == {(70, "saturated" if value == 255 else "black")}


def test_more_light_that_makes_a_reporter_pure_red_is_not_a_patch():
    frames = recording().copy()
    frames[:, 40:80, 60:110] = frames[:, 40:80, 60:110] // [1, 6, 6] + np.array(
        [70, 0, 0], np.uint8
    )
    frames[70] = np.clip(frames[70].astype(int) * 4, 0, 255)
    assert found_in(frames) == {(70, "saturated")}


@pytest.mark.parametrize("rows", [slice(0, 60), slice(50, None)])
def test_a_part_of_a_frame_that_lies_sideways_is_torn_however_it_came_there(rows):
    frames = recording().copy()
    frames[70, rows] = np.roll(frames[70, rows], 14, axis=1)
    assert found_in(frames) == {(70, "torn")}


@pytest.mark.parametrize("width", [4.5, 8.0])
def test_a_blurred_frame_of_a_movie_that_is_smooth_by_itself_is_found(width):
    frames = ndi.gaussian_filter(recording().astype(np.float32), (0, 1.5, 1.5, 0))
    assert found_in(frames.astype(np.uint8)) == set()
    frames[70] = ndi.gaussian_filter(frames[70], (width, width, 0))
    assert found_in(frames.astype(np.uint8)) == {(70, "blurred")}


def turning(frames, *, still):
    """Return frames of an embryo that is calm, then turns to and fro, another way every time."""
    rng = np.random.default_rng(8)
    y, x = np.indices(frames.shape[1:3])
    inside = np.hypot((y - 64) / 50, (x - 88) / 75) < 1
    out = np.zeros_like(frames)
    for t, frame in enumerate(frames):
        angle = 0.0 if t < still else rng.normal(0, 25)
        turned = ndi.rotate(frame, angle, axes=(0, 1), reshape=False, order=1)
        out[t][inside] = turned[inside]
    return out


def test_an_embryo_that_turns_to_and_fro_in_its_shell_has_no_foreign_and_no_moved_frames():
    frames = turning(recording(), still=80)
    assert found_in(frames) == set()
    frames[50] = frames[120]
    assert found_in(frames) == {(50, "foreign")}, "while it is calm, one is found"


def test_red_tissue_that_comes_and_goes_as_an_embryo_turns_is_no_dirt():
    frames = turning(recording(), still=80)
    frames[105, 60:70, 80:90] = (250, 30, 20)
    assert found_in(frames) == set()
    frames[30, 60:70, 80:90] = (250, 30, 20)
    assert found_in(frames) == {(30, "patch")}, "while it is calm, the same is dirt"


def test_a_frame_of_another_movie_in_which_tissue_is_red_is_foreign_and_no_patch():
    frames = recording().copy()
    frames[70] = frames[10][::-1, ::-1]
    frames[70, 60:80, 80:110] = (250, 30, 20)
    assert found_in(frames) == {(70, "foreign")}


def test_a_focus_that_drifts_away_and_back_is_no_blurred_frame():
    frames = recording().astype(np.float32)
    for t in range(50, 90):
        width = 2.5 * (1 - abs(t - 70) / 20)
        frames[t] = ndi.gaussian_filter(frames[t], (width, width, 0))
    assert found_in(frames.astype(np.uint8)) == set()


def test_sixteen_bits_and_grey_frames_are_read_alike():
    frames = recording().copy()
    frames[50] = frames[49]
    grey = frames.mean(axis=-1)
    record = record_frames(((g * 100).astype(np.uint16) for g in grey), highest=25500)
    assert record.small.shape[0] == FRAMES
    assert record.change[50] == 0


def test_a_shift_is_found_from_the_parts_that_overlap():
    rng = np.random.default_rng(0)
    scene = rng.random((60, 80)).astype(np.float32)
    down, right, alike = best_shift(scene[10:50, 10:60], scene[6:46, 17:67], reach=12)
    assert (down, right) == (4, -7)
    assert alike == pytest.approx(1, abs=1e-3)


def test_a_movie_without_frames_and_one_of_dots_are_refused():
    with pytest.raises(InputError, match="without frames"):
        record_frames([], highest=255)
    with pytest.raises(InputError, match="16 x 16"):
        record_frames([np.zeros((1, 1), np.uint8)], highest=255)
