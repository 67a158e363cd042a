"""Star-convex polygons: by hand, beside a slow obvious version, and their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from fatescope.predict.decoders.stars import Stars, distinct_stars, paint_stars
from fatescope.predict.scratch import MemoryScratch

SIDE = 96


def stars(*rows, rays=32) -> Stars:
    """Round stars: y, x, radius, probability."""
    values = np.array(rows, float).reshape(-1, 4)
    values = values[np.argsort(-values[:, 3], kind="stable")]
    return Stars(values[:, :2], np.repeat(values[:, 2:3], rays, axis=1), values[:, 3])


def masks(found: Stars, *, fine: int = 8) -> list[np.ndarray]:
    """Every polygon as a mask on a finer grid."""
    shape = (SIDE * fine, SIDE * fine)
    return [polygon2mask(shape, (corners + 0.5) * fine - 0.5) for corners in found.corners]


def slow(found: Stars, most_overlap: float) -> tuple[list[int], float]:
    """The same choice by masks, and how close the closest call was."""
    painted, kept, closest = masks(found), [], 1.0
    for i, mask in enumerate(painted):
        shares = [
            (mask & painted[k]).sum() / max(1, min(mask.sum(), painted[k].sum())) for k in kept
        ]
        closest = min([closest, *(abs(s - most_overlap) for s in shares)])
        if not any(s > most_overlap for s in shares):
            kept.append(i)
    return kept, closest


def test_of_two_that_share_much_the_more_probable_stays():
    found = stars((30, 30, 10, 0.7), (33, 30, 10, 0.9), (60, 60, 8, 0.6))
    assert distinct_stars(found, most_overlap=0.4).tolist() == [0, 2]
    assert found.rows(np.array([0])).centre.tolist() == [[33, 30]]


def test_a_small_polygon_inside_a_large_one_shares_all_of_itself():
    """The share is of the smaller: by IoU, 4 / 20 squared, both would stay."""
    assert distinct_stars(stars((40, 40, 20, 0.9), (40, 40, 4, 0.8)), most_overlap=0.4).size == 1


def test_area_is_that_of_the_polygon():
    """A regular polygon of n corners at distance r holds n/2 r^2 sin(2 pi / n)."""
    assert stars((9, 9, 5, 1), rays=4).size[0] == pytest.approx(50.0)
    assert stars((9, 9, 5, 1), rays=32).size[0] == pytest.approx(16 * 25 * np.sin(np.pi / 16))


@st.composite
def crowds(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n, rays = draw(st.integers(1, 25)), draw(st.sampled_from([8, 32, 33]))
    wave = 1 + 0.3 * np.sin(np.arange(rays) * 2 * np.pi / rays * rng.integers(1, 4, (n, 1)))
    distance = rng.uniform(4, 14, (n, 1)) * wave * rng.uniform(0.85, 1.15, (n, rays))
    score = np.sort(rng.uniform(0.4, 1, n))[::-1]
    return Stars(rng.uniform(24, 72, (n, 2)), distance, score)


@settings(max_examples=12)
@given(crowds(), st.sampled_from([0.1, 0.3, 0.5]))
def test_the_choice_is_that_of_masks_unless_it_was_close(found, most_overlap):
    expected, closest = slow(found, most_overlap)
    if closest > 0.03:
        assert distinct_stars(found, most_overlap=most_overlap).tolist() == expected


@settings(max_examples=20)
@given(crowds())
def test_labels_are_the_polygons_with_the_most_probable_above(found):
    labels = paint_stars(found, (SIDE, SIDE), scale=(1, 1), scratch=MemoryScratch()).array()
    expected = np.zeros((SIDE, SIDE), int)
    for i, mask in reversed(list(enumerate(masks(found, fine=1)))):
        expected[mask] = i + 1
    np.testing.assert_array_equal(labels > 0, expected > 0)
    pairs = np.unique(np.stack([labels.ravel(), expected.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1], "one label is one polygon"
    first = [np.flatnonzero(labels.ravel() == k)[0] for k in range(1, labels.max() + 1)]
    assert first == sorted(first)


def test_nothing_is_nothing():
    none = stars()
    assert distinct_stars(none, most_overlap=0.4).size == 0
    plane = paint_stars(none, (5, 7), scale=(1, 1), scratch=MemoryScratch())
    assert (plane.n, plane.array().shape) == (0, (5, 7))


def test_polygons_at_another_scale_lie_where_the_image_has_them():
    plane = paint_stars(stars((40, 60, 12, 1)), (40, 60), scale=(2, 2), scratch=MemoryScratch())
    y, x = np.nonzero(plane.array())
    assert (y.mean(), x.mean()) == pytest.approx((19.75, 29.75), abs=0.05)  # (40 + 0.5) / 2 - 0.5
    assert plane.array().sum() == pytest.approx(np.pi * 36, rel=0.06)
