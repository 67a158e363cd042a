"""Objects to tables: by hand, against scikit-image, and the same bits for any tiling."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops_table

from fatescope.base import InputError
from fatescope.measurement import ObjectSums, find_contacts, measure_objects, objects_table

label_images = st.one_of(
    arrays(np.uint8, st.tuples(*[st.integers(1, 7)] * 2), elements=st.integers(0, 3)),
    arrays(np.int32, st.tuples(*[st.integers(1, 5)] * 3), elements=st.sampled_from([0, 1, 2, 70])),
)


def drawn(*rows: str) -> np.ndarray:
    return np.array([[0 if c == "." else int(c) for c in row] for row in rows])


def test_a_box_has_the_values_worked_out_by_hand():
    labels = drawn(
        ".....",
        ".777.",
        ".777.",
    )
    table = measure_objects(labels, {"dna": labels * 2}, spacing_um=(2.0, 0.5), frame=4)
    assert list(table)[:12] == [
        *("label", "frame", "z", "y", "x", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1"),
        *("area_px", "area_um2", "mean_dna"),
    ]
    row = {name: column[0] for name, column in table.columns.items()}
    assert (row["label"], row["frame"], row["z"], row["y"], row["x"]) == (7, 4, 0, 1.5, 2)
    assert (row["bbox_y0"], row["bbox_x0"], row["bbox_y1"], row["bbox_x1"]) == (1, 1, 3, 4)
    assert (row["area_px"], row["area_um2"], row["mean_dna"]) == (6, 6.0, 14)
    # A box of 4 x 1.5 µm has the variance side ** 2 / 12, and the ellipse's axis is 4 sqrt of it.
    assert row["major_axis_um"] == pytest.approx(4 * np.sqrt(16 / 12))
    assert row["minor_axis_um"] == pytest.approx(4 * np.sqrt(2.25 / 12))
    assert row["orientation_deg"] == pytest.approx(90)
    assert (row["touches_border"], row["n_neighbours"]) == (1, 0)


def test_a_box_of_voxels_has_the_values_worked_out_by_hand():
    labels = np.zeros((4, 6, 6), int)
    labels[1:3, 2:4, 2:6] = 9
    table = measure_objects(labels, spacing_um=(1.0, 0.1, 0.1))
    assert [table[c][0] for c in ("z", "y", "x", "volume_px")] == [1.5, 2.5, 3.5, 16]
    assert table["volume_um3"][0] == pytest.approx(0.16)
    assert [table[c][0] for c in ("bbox_z0", "bbox_z1", "bbox_x1")] == [1, 3, 6]
    assert table["major_axis_um"][0] == pytest.approx(2 * np.sqrt(5 * 4 / 12))


@given(labels=label_images, data=st.data())
def test_agrees_with_scikit_image(labels, data):
    pixels = data.draw(arrays(np.uint16, labels.shape))
    ours = measure_objects(labels, {"0": pixels})
    oracle = regionprops_table(
        labels, pixels, properties=("label", "area", "centroid", "bbox", "mean_intensity")
    )
    ndim = labels.ndim
    np.testing.assert_array_equal(ours["label"], oracle["label"])
    np.testing.assert_array_equal(ours["area_px" if ndim == 2 else "volume_px"], oracle["area"])
    for i, axis in enumerate("zyx"[-ndim:]):
        np.testing.assert_allclose(ours[axis], oracle[f"centroid-{i}"], atol=1e-9)
        np.testing.assert_array_equal(ours[f"bbox_{axis}0"], oracle[f"bbox-{i}"])
        np.testing.assert_array_equal(ours[f"bbox_{axis}1"], oracle[f"bbox-{i + ndim}"])
    np.testing.assert_allclose(ours["mean_0"], oracle["mean_intensity"], rtol=1e-12)


@given(
    labels=arrays(np.uint8, st.tuples(*[st.integers(2, 9)] * 2), elements=st.integers(0, 2)),
    spacing=st.tuples(st.floats(0.1, 3), st.floats(0.1, 3)),
)
def test_axes_agree_with_scikit_image_but_for_the_width_of_a_pixel(labels, spacing):
    ours = measure_objects(labels, spacing_um=spacing)
    names = ("inertia_tensor_eigvals",)
    oracle = regionprops_table(labels, spacing=spacing, properties=names)
    trace = sum(oracle.values()) + sum(s**2 for s in spacing) / 12
    squares = ours["major_axis_um"] ** 2 + ours["minor_axis_um"] ** 2
    np.testing.assert_allclose(squares / 16, trace, rtol=1e-6)


@given(labels=label_images, data=st.data())
def test_any_tiling_in_any_order_gives_the_same_bits(labels, data):
    values = data.draw(arrays(np.float32, labels.shape, elements=st.floats(width=32)))
    counts = data.draw(arrays(np.int64, labels.shape))
    channels = {"a": values, "b": counts}
    whole = objects_table(ObjectSums.of_block(labels, channels), shape=labels.shape)
    cuts = [sorted({0, n, data.draw(st.integers(0, n))}) for n in labels.shape]
    corners = [list(pairwise(c)) for c in cuts]
    blocks = []
    for box in np.ndindex(*map(len, corners)):
        where = tuple(slice(*c[i]) for c, i in zip(corners, box, strict=True))
        part = {name: c[where] for name, c in channels.items()}
        origin = [s.start for s in where]
        blocks.append(ObjectSums.of_block(labels[where], part, origin=origin))
    tiled = ObjectSums.merged(data.draw(st.permutations(blocks)))
    parts = objects_table(tiled, shape=labels.shape)
    assert list(parts) == list(whole)
    for name in whole:
        np.testing.assert_array_equal(parts[name], whole[name], strict=True)


@given(labels=label_images, shift=st.integers(1, 50))
def test_labels_are_only_names(labels, shift):
    renamed = np.where(labels > 0, labels.astype(np.int64) + shift, 0)
    before, after = measure_objects(labels), measure_objects(renamed)
    np.testing.assert_array_equal(before["label"] + shift, after["label"])
    for name in list(before)[1:]:
        np.testing.assert_array_equal(before[name], after[name])


@given(labels=label_images)
def test_a_flipped_image_has_flipped_places_and_the_same_shapes(labels):
    before, after = measure_objects(labels), measure_objects(labels[..., ::-1])
    np.testing.assert_allclose(labels.shape[-1] - 1 - before["x"], after["x"], atol=1e-9)
    for name in ("major_axis_px", "minor_axis_px", "touches_border", "n_neighbours"):
        np.testing.assert_allclose(before[name], after[name], rtol=1e-6)


def test_twice_the_spacing_is_four_times_the_area():
    labels = drawn("11", "1.")
    once = measure_objects(labels, spacing_um=(0.4, 0.4))
    twice = measure_objects(labels, spacing_um=(0.8, 0.8))
    assert twice["area_um2"][0] == pytest.approx(4 * once["area_um2"][0])
    assert twice["diameter_um"][0] == pytest.approx(2 * once["diameter_um"][0])
    assert twice["area_px"][0] == once["area_px"][0] == 3


def test_an_object_far_from_the_corner_keeps_its_shape():
    near = ObjectSums.of_block(np.ones((3, 5), int))
    far = ObjectSums.of_block(np.ones((3, 5), int), origin=(10**6, 2 * 10**6))
    tables = [objects_table(s, shape=(2 * 10**6, 3 * 10**6)) for s in (near, far)]
    assert tables[0]["minor_axis_px"][0] == tables[1]["minor_axis_px"][0]


def test_an_empty_image_gives_no_rows_and_all_columns():
    table = measure_objects(np.zeros((4, 5), np.uint8), {"0": np.zeros((4, 5))})
    assert len(table) == 0
    assert "mean_0" in table
    assert "n_neighbours" in table


def test_a_pixel_that_is_not_a_number_makes_only_its_own_object_unknown():
    labels = drawn("12")
    table = measure_objects(labels, {"0": np.array([[np.nan, 3.0]])})
    np.testing.assert_array_equal(table["mean_0"], [np.nan, 3.0])


def test_whole_numbers_of_64_bits_are_summed_exactly():
    pixels = np.array([[2**62, 2**62 + 4]])
    table = measure_objects(np.ones((1, 2), int), {"0": pixels})
    assert table["mean_0"][0] == float(2**62 + 2)


def test_a_line_that_rises_to_the_right_has_a_positive_angle():
    labels = drawn("..1", ".1.", "1..")
    assert measure_objects(labels)["orientation_deg"][0] == pytest.approx(45)


def test_contacts_count_sides_and_not_corners():
    labels = drawn(
        "1122",
        "1132",
        "4..3",
    )
    contacts = find_contacts(labels)
    found = zip(*(contacts[c].tolist() for c in contacts), strict=True)
    assert list(found) == [(1, 2, 1), (1, 3, 1), (1, 4, 1), (2, 3, 3)]
    assert measure_objects(labels)["n_neighbours"].tolist() == [3, 2, 2, 1]


def test_what_does_not_fit_is_named():
    labels = np.ones((2, 3), int)
    with pytest.raises(InputError, match=r"channel 'dna' has shape \(3, 2\)"):
        measure_objects(labels, {"dna": np.ones((3, 2))})
    with pytest.raises(InputError, match=r"spacing_um.*2 positive numbers"):
        measure_objects(labels, spacing_um=(1.0, 1.0, 1.0))
    with pytest.raises(InputError, match=r"whole numbers.*float64"):
        measure_objects(labels * 1.0)
    with pytest.raises(InputError, match=r"channel 'dna' holds complex"):
        measure_objects(labels, {"dna": labels * 1j})
    with pytest.raises(InputError, match=r"`origin` must hold 2"):
        ObjectSums.of_block(labels, origin=(1,))
    with pytest.raises(InputError, match=r"cannot be merged"):
        ObjectSums.merged([ObjectSums.of_block(labels), ObjectSums.of_block(labels, {"a": labels})])
