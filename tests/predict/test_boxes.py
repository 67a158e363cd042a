"""Proposed boxes become distinct objects, whatever the tiles; ellipses are what is read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fatescope.models import Boxes, ImageInput, ModelDescription, Tiling
from fatescope.models.outputs import BOX_CORNERS
from fatescope.predict import EllipseLabels, find_boxes, plane_statistics
from fatescope.predict.decoders.boxes import calibrated_scores, distinct_boxes, is_peak

STRIDE = 4


class Blobs:
    """Proposes a box of 16 px at every point, as sure as the image is bright there."""

    def run(self, batch):
        _, _, rows, columns = batch.shape
        y, x = (np.arange(STRIDE // 2, n, STRIDE) for n in (rows, columns))
        score = np.clip(batch[0, 0][np.ix_(y, x)], 0, 1).ravel()
        y, x = (v.ravel() for v in np.meshgrid(y, x, indexing="ij"))
        values = [y - 8, x - 8, y + 8, x + 8, score, 1 - score, score]
        return np.stack(values, axis=1).astype(np.float32)[None]


def description(tile=64, **thresholds):
    return ModelDescription(
        name="blobs",
        summary="Finds bright blobs.",
        task="live-dead",
        input=ImageInput(
            percentiles=(0.0, 100.0),
            diameter_px=16,
            tiling=Tiling(tile_px=(tile, tile), halo_px=(16, 16), divisor=(16, 16)),
        ),
        output=Boxes(channels=(*BOX_CORNERS, "live", "dead"), stride_px=STRIDE, **thresholds),
    )


def scene(places, shape=(150, 170)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    bright = sum(np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 60) * b for cy, cx, b in places)
    return np.asarray(bright, np.float32)


def found_in(pixels, model, scale=(1.0, 1.0)):
    statistics = plane_statistics(lambda: [pixels], percentiles=model.image.percentiles)
    output = model.output_as(Boxes)
    return find_boxes(Blobs(), pixels, statistics, model, output, scale=scale)


PLACES = [(30, 30, 1.0), (62, 66, 0.9), (110, 40, 0.8), (100, 150, 0.95)]


def test_each_blob_is_one_box_with_its_centre_there():
    found = found_in(scene(PLACES), description(tile=1024))
    centre = (found.corners[:, :2] + found.corners[:, 2:]) / 2
    assert len(found) == len(PLACES)
    for cy, cx, _ in PLACES:
        assert np.abs(centre - (cy, cx)).max(axis=1).min() <= STRIDE / 2
    assert (np.diff(found.score) <= 0).all()
    assert found.p.sum(axis=1) == pytest.approx(1)


def test_tiles_give_the_same_boxes_as_the_whole_image():
    pixels = scene(PLACES)
    whole, tiled = (found_in(pixels, description(tile=t)) for t in (1024, 64))
    assert len(whole) == len(tiled)
    near = np.abs(whole.corners[:, None] - tiled.corners).max(axis=2).min(axis=1)
    assert near.max() <= STRIDE  # tiles may begin between the points of the whole


def test_boxes_are_in_pixels_of_the_image_whatever_the_working_size():
    pixels = scene([(2 * y, 2 * x, b) for y, x, b in PLACES], (300, 340))
    found = found_in(pixels, description(tile=1024), scale=(0.5, 0.5))
    centre = (found.corners[:, :2] + found.corners[:, 2:]) / 2
    for cy, cx, _ in PLACES:
        assert np.abs(centre - (2 * cy, 2 * cx)).max(axis=1).min() <= STRIDE
    assert np.allclose(found.corners[:, 2] - found.corners[:, 0], 32)


def test_boxes_are_cut_off_at_the_edge_of_the_image():
    found = found_in(scene([(2, 60, 1.0)]), description(tile=1024))
    assert found.corners[0, 0] == 0
    assert found.corners[0, 2] > 0


def test_an_image_without_anything_has_no_box():
    model = description(tile=1024)
    assert len(found_in(np.zeros((40, 50), np.uint8), model)) == 0
    assert len(found_in(np.zeros((1, 1), np.uint8), model)) == 0


def test_of_equal_neighbours_one_is_the_peak():
    flat = np.full((6, 7), 0.5)
    assert is_peak(flat).sum() == 1
    bumps = np.zeros((6, 7))
    bumps[1, 1] = bumps[4, 5] = 1
    assert is_peak(bumps)[[1, 4], [1, 5]].all()


def slowly_distinct(corners, most):
    kept = []
    for i, a in enumerate(corners):
        for k in kept:
            b = corners[k]
            both = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(
                0, min(a[3], b[3]) - max(a[1], b[1])
            )
            area = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
            centre = [(int((c[0] + c[2]) / 2), int((c[1] + c[3]) / 2)) for c in (a, b)]
            if both / (sum(area) - both) > most or centre[0] == centre[1]:
                break
        else:
            kept.append(i)
    return kept


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 40), most=st.sampled_from([0.1, 0.4, 0.9]))
def test_what_overlaps_a_better_one_too_much_is_dropped(seed, n, most):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 60, (n, 2))
    corners = np.concatenate([low, low + rng.uniform(3, 40, (n, 2))], axis=1)
    assert distinct_boxes(corners, most_overlap=most).tolist() == slowly_distinct(corners, most)


def test_a_temperature_changes_how_sure_and_never_which():
    p = np.array([[0.99, 0.01], [0.3, 0.7], [0.5, 0.5], [1.0, 0.0]])
    assert np.allclose(calibrated_scores(p, 1.0), p, atol=1e-5)
    mild = calibrated_scores(p, 3.0)
    assert (np.abs(mild - 0.5) <= np.abs(p - 0.5) + 1e-9).all()
    assert ((mild[:, 0] > 0.5) == (p[:, 0] > 0.5)).all()
    assert mild.sum(axis=1) == pytest.approx(1)


def test_the_ellipse_in_a_box_has_its_area_and_its_bounds():
    labels = EllipseLabels((60, 80), [np.array([[10.0, 20, 40, 70]])])[...]
    y, x = np.nonzero(labels)
    assert (y.min(), y.max(), x.min(), x.max()) == (10, 39, 20, 69)
    assert labels.sum() == pytest.approx(np.pi * 15 * 25, rel=0.02)
    assert labels.dtype == np.uint8


def test_every_box_has_pixels_however_small_or_hidden_it_is():
    corners = np.array([[0.0, 0, 30, 30], [9, 9, 20, 19], [5.2, 5.3, 5.4, 5.6], [29.2, 29, 30, 30]])
    labels = EllipseLabels((30, 30), [corners])[...]
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("shape", [(50, 70), (3, 50, 70)])
def test_blocks_of_ellipses_are_those_of_the_whole(shape):
    rng = np.random.default_rng(1)
    low = rng.uniform(-5, 60, (3, 12, 2))
    boxes = np.concatenate([low, low + rng.uniform(2, 25, low.shape)], axis=2)
    boxes = np.clip(boxes, 0, [50, 70, 50, 70])
    boxes = [b[(b[:, :2] < b[:, 2:]).all(axis=1)] for b in boxes]
    raster = EllipseLabels(shape, boxes[: 1 if len(shape) == 2 else 3])
    whole = raster[...]
    assert whole.shape == shape
    for y in range(0, 50, 17):
        for x in range(0, 70, 23):
            block = (slice(y, y + 17), slice(x, x + 23))
            if len(shape) == 2:
                assert np.array_equal(raster[block], whole[block])
            else:
                assert np.array_equal(raster[(1, *block)], whole[(1, *block)])
                assert np.array_equal(raster[(slice(1, 3), *block)], whole[(slice(1, 3), *block)])
    assert len(np.unique(whole)) - 1 == sum(map(len, boxes[: 1 if len(shape) == 2 else 3]))
