"""Targets, worked out by hand and held to their properties in 2D and 3D."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fatescope.base import InputError
from fatescope.prepare import nucleus_targets

small_labels = st.integers(2, 3).flatmap(
    lambda ndim: hnp.arrays(
        np.int32,
        st.tuples(*[st.integers(1, 7)] * ndim),
        elements=st.sampled_from([0, 0, 1, 2, 900]),
    )
)


def test_a_row_of_three_pixels_is_worked_out_by_hand():
    targets = nucleus_targets(np.array([[0, 5, 5, 5, 0]]), border_px=1.5)
    assert targets.foreground.tolist() == [[0, 1, 1, 1, 0]]
    assert targets.distance.tolist() == [[0, 0.5, 1, 0.5, 0]]
    assert not targets.border.any()


def test_the_border_lies_where_two_nuclei_are_in_reach():
    labels = np.zeros((5, 8), int)
    labels[1:4, 1:4], labels[1:4, 4:7] = 1, 2
    border = nucleus_targets(labels, border_px=1.5).border
    expected = np.zeros_like(border)
    expected[0:5, 3:5] = 1  # also the background pixels above and below that see both
    assert (border == expected).all()
    labels[:, 4] = 0  # a gap of one pixel is seen from its middle alone
    gap = nucleus_targets(labels, border_px=1.5).border
    assert gap[1:4, 4].all()
    assert not gap[:, [3, 5]].any()
    labels[:, 3] = 0  # two pixels apart
    assert not nucleus_targets(labels, border_px=1.5).border.any()


def test_a_nucleus_cut_by_the_edge_of_the_image_is_deepest_there():
    labels = np.zeros((9, 9), int)
    labels[2:7, :3] = 4
    distance = nucleus_targets(labels, border_px=1.5).distance
    assert distance[4, 0] == 1.0
    assert distance[4, 2] == pytest.approx(1 / 3)


@settings(max_examples=60)
@given(labels=small_labels)
def test_every_nucleus_reaches_one_and_the_background_is_zero(labels):
    targets = nucleus_targets(labels, border_px=1.5)
    assert targets.stack().dtype == np.float32
    assert targets.stack().shape == (3, *labels.shape)
    for label in np.unique(labels[labels > 0]):
        assert targets.distance[labels == label].max() == pytest.approx(1.0)
        assert targets.distance[labels == label].min() > 0
    assert not targets.distance[labels == 0].any()


@settings(max_examples=60)
@given(labels=small_labels)
def test_border_agrees_with_looking_at_every_pixel(labels):
    border = nucleus_targets(labels, border_px=1.5).border
    places = np.argwhere(np.ones(labels.shape, bool))
    for place in places:
        near = places[((places - place) ** 2).sum(1) <= 1.5**2]
        seen = set(labels[tuple(near.T)].tolist()) - {0}
        assert border[tuple(place)] == (len(seen) > 1)


@settings(max_examples=40)
@given(labels=small_labels, axis=st.integers(0, 1))
def test_a_mirrored_image_has_mirrored_targets(labels, axis):
    once = nucleus_targets(labels, border_px=1.5).stack()
    twice = nucleus_targets(np.flip(labels, axis).copy(), border_px=1.5).stack()
    np.testing.assert_allclose(np.flip(once, axis + 1), twice, atol=1e-6)


def test_labels_that_are_no_whole_numbers_are_refused():
    with pytest.raises(InputError, match="whole numbers"):
        nucleus_targets(np.zeros((3, 3)), border_px=1.5)  # type: ignore[arg-type]
