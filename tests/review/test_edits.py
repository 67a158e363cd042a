"""Edits of label images: by hand what each tool does, and that all can be taken back."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fatescope.acquire import write_labels
from fatescope.base import FatescopeError, InputError, Spacing
from fatescope.review import (
    LabelHistory,
    LabelStep,
    change_from_record,
    change_to_record,
    cut_label,
    draw_label,
    erase_labels,
    merge_labels,
    paint_label,
    remove_label,
    split_label,
)

TWO = """
    . . . . . . . .
    . 1 1 . 3 3 . .
    . 1 1 . 3 3 . .
    . . . . . . . 7
"""


def drawn(text):
    rows = [line.split() for line in text.strip().splitlines()]
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows], dtype=np.uint32)


def after(labels, change):
    changed = labels.copy()
    change.apply(changed)
    return changed


def test_a_removed_object_is_background_and_nothing_else_changes():
    labels = drawn(TWO)
    np.testing.assert_array_equal(
        after(labels, remove_label(labels, 3)), np.where(labels == 3, 0, labels)
    )


def test_merged_objects_have_the_label_of_the_first():
    labels = drawn(TWO)
    merged = after(labels, merge_labels(labels, [3, 1, 7]))
    np.testing.assert_array_equal(merged, np.where(labels > 0, 3, 0))


def test_a_brush_paints_background_and_leaves_other_objects():
    labels = drawn(TWO)
    painted = after(labels, paint_label(labels, 1, [(1.5, 2), (1.5, 5)], radius_px=0.6))
    assert (
        painted.tolist()
        == drawn("""
        . . . . . . . .
        . 1 1 1 3 3 . .
        . 1 1 1 3 3 . .
        . . . . . . . 7
    """).tolist()
    )


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.4, 5.0])
def test_a_stamp_holds_the_pixels_whose_centres_are_near(radius):
    labels = np.zeros((13, 11), np.uint32)
    stamped = after(labels, paint_label(labels, 4, [(6, 5)], radius_px=radius))
    y, x = np.indices(labels.shape)
    np.testing.assert_array_equal(stamped > 0, np.hypot(y - 6, x - 5) <= radius)


def test_a_stroke_holds_the_pixels_near_its_line():
    labels = np.zeros((30, 40), np.uint32)
    a, b = np.array([5.0, 6.0]), np.array([21.0, 33.0])
    stroke = after(labels, paint_label(labels, 4, [tuple(a), tuple(b)], radius_px=3))
    y, x = np.indices(labels.shape)
    at = np.stack([y, x], axis=-1) - a
    t = np.clip(at @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    near = np.linalg.norm(at - t[..., None] * (b - a), axis=-1) <= 3
    np.testing.assert_array_equal(stroke > 0, near)


def test_the_eraser_takes_all_objects_or_one():
    labels = drawn(TWO)
    line = [(1, 0), (1, 7)]
    assert after(labels, erase_labels(labels, line, radius_px=0.4))[1].max() == 0
    only = after(labels, erase_labels(labels, line, radius_px=0.4, only=3))
    assert only[1].tolist() == [0, 1, 1, 0, 0, 0, 0, 0]


def test_an_outline_is_filled_where_nothing_else_is():
    labels = drawn(TWO)
    filled = after(labels, draw_label(labels, 8, [(0, 0), (0, 3), (3, 3), (3, 0)]))
    assert (
        filled.tolist()
        == drawn("""
        8 8 8 8 . . . .
        8 1 1 8 3 3 . .
        8 1 1 8 3 3 . .
        8 8 8 8 . . . 7
    """).tolist()
    )


def dumbbell(ndim):
    """Two balls of different size that overlap a little."""
    shape = (21, 24, 46)[3 - ndim :]
    at = np.indices(shape).reshape(ndim, -1).T
    centre = np.array((10, 12)[2 - (ndim - 1) :])
    one = np.linalg.norm(at - np.array([*centre, 12]), axis=1) <= 9
    two = np.linalg.norm(at - np.array([*centre, 30]), axis=1) <= 10
    return (one | two).reshape(shape).astype(np.uint32) * 5


@pytest.mark.parametrize("ndim", [2, 3])
def test_an_object_is_split_at_its_waist(ndim):
    labels = dumbbell(ndim)
    halves = after(labels, split_label(labels, 5, new=6))
    assert set(np.unique(halves)) == {0, 5, 6}
    np.testing.assert_array_equal(halves > 0, labels > 0)
    x = np.indices(labels.shape)[-1]
    waist = 20.5
    assert np.mean((halves == 6) == (x < waist), where=labels > 0) > 0.97


@pytest.mark.parametrize("ndim", [2, 3])
def test_an_object_is_cut_along_a_line_through_all_planes(ndim):
    labels = dumbbell(ndim)
    halves = after(labels, cut_label(labels, 5, [(0, 15), (23, 15)], new=9))
    x = np.indices(labels.shape)[-1]
    assert (halves[(x < 15) & (labels > 0)] == 9).all()
    assert (halves[(x > 15) & (labels > 0)] == 5).all()


def test_a_slanting_line_leaves_no_gap():
    labels = np.full((40, 40), 2, np.uint32)
    halves = after(labels, cut_label(labels, 2, [(-1, 3.2), (40, 31.7)], new=3))
    assert set(np.unique(halves)) == {2, 3}


def test_pieces_that_do_not_touch_become_two_objects():
    labels = drawn(TWO)
    merged = after(labels, merge_labels(labels, [1, 3]))
    apart = after(merged, split_label(merged, 1, new=3))
    np.testing.assert_array_equal(apart, labels)


REFUSED = {
    "gone": (lambda l: remove_label(l, 4), "no object 4"),
    "background": (lambda l: remove_label(l, 0), "no object 0"),
    "one object": (lambda l: merge_labels(l, [1, 1]), "two objects"),
    "outside": (lambda l: paint_label(l, 1, [(-50, -50)], radius_px=2), "outside"),
    "nothing new": (lambda l: paint_label(l, 1, [(1, 1)], radius_px=0.5), "nothing would"),
    "no stroke": (lambda l: paint_label(l, 1, [], radius_px=2), "at least one"),
    "not a number": (lambda l: paint_label(l, 1, [(np.nan, 1)], radius_px=2), "at least one"),
    "label 0": (lambda l: paint_label(l, 0, [(1, 1)], radius_px=2), "label from 1"),
    "a line": (lambda l: draw_label(l, 9, [(0, 0), (1, 1)]), "three corners"),
    "far away": (lambda l: draw_label(l, 9, [(90, 90), (91, 91), (90, 91)]), "outside"),
    "one pixel": (lambda l: split_label(l, 7, new=8), "single pixel"),
    "not across": (lambda l: cut_label(l, 1, [(0, 0), (0, 7)], new=8), "side to side"),
}


@pytest.mark.parametrize(("edit", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_done_is_said_in_a_sentence(edit, words):
    with pytest.raises(InputError, match=words):
        edit(drawn(TWO))


def test_a_change_is_refused_where_the_labels_have_changed():
    labels = drawn(TWO)
    change = remove_label(labels, 3)
    other = np.where(labels == 3, 0, labels)
    with pytest.raises(InputError, match="have changed since"):
        change.apply(other)
    with pytest.raises(InputError, match="outside"):
        change.apply(np.zeros((2, 2), np.uint32))


@pytest.mark.parametrize(
    "runs", [[1, 2, 3], [5, 0, 1, 2], [5, 3, 1, 2, 6, 3, 1, 2], [-1, 2, 1, 2], ["x", 1, 1, 1]]
)
def test_a_damaged_record_is_refused(runs):
    with pytest.raises(InputError, match="damaged"):
        change_from_record({"frame": 0, "runs": runs})


def tried(labels, draw):
    """Return a change by a tool, whatever it is told, or none where it refuses."""
    label = draw(st.integers(0, 9))
    at = st.tuples(st.floats(-3, 20), st.floats(-3, 20))
    points = draw(st.lists(at, max_size=5))
    plane = draw(st.integers(-1, 3))
    new = int(labels.max()) + 1
    radius = draw(st.floats(0.3, 4))
    tools = (
        lambda: remove_label(labels, label),
        lambda: merge_labels(labels, [label, draw(st.integers(0, 9))]),
        lambda: split_label(labels, label, new=new),
        lambda: cut_label(labels, label, points, new=new),
        lambda: paint_label(labels, label, points, radius_px=radius, plane=plane),
        lambda: erase_labels(labels, points, radius_px=radius, only=label, plane=plane),
        lambda: draw_label(labels, new, points, plane=plane),
    )
    try:
        return draw(st.sampled_from(tools))()
    except FatescopeError:
        return None


def file_of(path, labels):
    axes = "ZYX"[3 - labels.ndim :]
    write_labels(path, labels, shape=labels.shape, axes=axes, dtype=np.uint16, spacing=Spacing())
    return path.read_bytes()


@settings(max_examples=40)
@given(data=st.data())
def test_undo_restores_the_bytes_and_redo_brings_the_edits_back(data, tmp_path_factory):
    shape = data.draw(st.sampled_from([(14, 17), (3, 12, 9)]))
    seed = data.draw(st.integers(0, 99))
    first = np.kron(
        np.random.default_rng(seed).integers(0, 6, tuple(-(-n // 4) for n in shape)),
        np.ones((4,) * len(shape), int),
    )[tuple(slice(n) for n in shape)].astype(np.uint32)
    history = LabelHistory(lambda frame: first)
    folder = tmp_path_factory.mktemp("labels")
    before = file_of(folder / "before.tif", first)
    states = [history.frame(0).copy()]
    for number in range(8):
        change = tried(history.frame(0), data.draw)
        if change is not None:
            plain = json.loads(json.dumps(change_to_record(change)))
            history.do(LabelStep(number, change_from_record(plain)))
            states.append(history.frame(0).copy())
    for state in reversed(states[:-1]):
        history.undo()
        np.testing.assert_array_equal(history.frame(0), state)
    assert file_of(folder / "after.tif", history.frame(0)) == before
    for state in states[1:]:
        history.redo()
        np.testing.assert_array_equal(history.frame(0), state)
    with pytest.raises(InputError, match="nothing to redo"):
        history.redo()


def test_a_new_step_forgets_what_was_undone():
    labels = drawn(TWO)
    history = LabelHistory(lambda frame: labels)
    history.do(LabelStep(1, remove_label(history.frame(0), 1)))
    history.undo()
    with pytest.raises(InputError, match="nothing to undo"):
        history.undo()
    history.do(LabelStep(2, remove_label(history.frame(0), 3)))
    with pytest.raises(InputError, match="nothing to redo"):
        history.redo()
    assert history.edited == {0: {3}}
    assert labels.max() == 7  # what was read stays as it is


@pytest.mark.parametrize("shape", [(40, 30), (5, 20, 30)])
@pytest.mark.parametrize("at_once", [1, 64, 2**18])
def test_the_box_of_an_object_is_found_however_many_pixels_are_compared_at_once(
    monkeypatch, shape, at_once
):
    from fatescope.review import whole

    monkeypatch.setattr(whole, "_AT_ONCE", at_once)
    labels = np.random.default_rng(0).integers(0, 400, shape).astype(np.uint32)
    for label in (1, 17, 399):
        where = np.nonzero(labels == label)
        wanted = tuple(slice(int(n.min()), int(n.max()) + 1) for n in where)
        assert whole.box_of(labels, label) == wanted
    for nothing in (0, 400, -3):
        with pytest.raises(InputError, match="here any more"):
            whole.box_of(labels, nothing)
