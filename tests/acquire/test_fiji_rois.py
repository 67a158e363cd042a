"""Outlines for Fiji: filled again, they are the very labels, also where objects touch."""

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fatescope.acquire import encode_rois
from fatescope.acquire.images.fiji_rois import encode_roi, trace_outlines
from fatescope.base import Image


def decoded(roi):
    """Read an ROI as ``ij.io.RoiDecoder`` does: polygons, name, frame and plane."""
    assert roi[:4] == b"Iout"
    kind = roi[6]
    top, left, bottom, right, n = struct.unpack_from(">hhhhH", roi, 8)
    floats, second = struct.unpack_from(">i", roi, 36)[0], struct.unpack_from(">i", roi, 60)[0]
    _, plane, frame, at, length = struct.unpack_from(">iiiii", roi, second + 4)
    name = roi[at : at + 2 * length].decode("utf-16-be")
    if kind == 8:
        values = np.frombuffer(roi, ">i2", 2 * n, 64).reshape(2, n).T + np.array([left, top])
        polygons = [values.tolist()]
    else:
        assert kind == 1
        values = np.frombuffer(roi, ">f4", floats, 64).tolist()
        polygons = []
        while values:
            what = values.pop(0)
            if what == 4:
                continue
            point = [values.pop(0), values.pop(0)]
            polygons.append([point]) if what == 0 else polygons[-1].append(point)
    box = np.array([p for polygon in polygons for p in polygon])
    assert [left, top, right, bottom] == [*box.min(axis=0), *box.max(axis=0)]
    return polygons, name, frame, plane


def filled(polygons, shape):
    """Fill by the number of sides to the left of the middle of a pixel."""
    crossed = np.zeros(shape, int)
    x = np.arange(shape[1]) + 0.5
    for polygon in polygons:
        for (x0, y0), (x1, y1) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            assert x0 == x1 or y0 == y1
            low, high = sorted((int(y0), int(y1)))
            crossed[low:high] += x0 < x
    return crossed % 2 == 1


def rebuilt(packed, labels):
    again = np.zeros(labels.shape, int)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for entry in archive.namelist():
            polygons, name, frame, plane = decoded(archive.read(entry))
            assert entry == f"{name}.roi"
            part = again
            if frame:
                assert f"t{frame:03d}" in name
                part = part[frame - 1]
            if plane:
                assert f"z{plane:03d}" in name
                part = part[plane - 1]
            part[filled(polygons, part.shape)] = int(name.rpartition("c")[2])
    return again


@settings(max_examples=60)
@given(data=st.data())
def test_filled_again_the_outlines_are_the_labels(data):
    axes, shape = data.draw(
        st.sampled_from([("YX", (9, 11)), ("ZYX", (2, 6, 7)), ("TZYX", (2, 2, 5, 5))])
    )
    seed, most = data.draw(st.integers(0, 10**6)), data.draw(st.integers(1, 5))
    labels = np.random.default_rng(seed).integers(0, most + 1, shape)
    packed = encode_rois(Image(pixels=labels, axes=axes))
    np.testing.assert_array_equal(rebuilt(packed, labels), labels)


def test_a_pixel_is_a_square_and_a_ring_is_two_outlines():
    assert trace_outlines(np.ones((1, 1), bool)) == [[(0, 0), (1, 0), (1, 1), (0, 1)]]
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    outer, hole = trace_outlines(ring)
    assert outer == [(0, 0), (3, 0), (3, 3), (0, 3)]
    assert sorted(hole) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_pixels_that_meet_at_a_corner_are_apart():
    assert len(trace_outlines(np.eye(3, dtype=bool))) == 3


def test_the_header_is_that_of_imagej():
    roi = encode_roi([[(2, 3), (5, 3), (5, 7), (2, 7)]], name="c0009", frame=4, plane=6)
    assert struct.unpack_from(">4shB", roi) == (b"Iout", 228, 8)
    assert struct.unpack_from(">hhhhH", roi, 8) == (3, 2, 7, 5, 4)
    assert struct.unpack_from(">8h", roi, 64) == (0, 3, 3, 0, 0, 0, 4, 4)
    assert decoded(roi)[1:] == ("c0009", 4, 6)


@pytest.mark.parametrize("kind", [np.uint8, np.int32])
def test_nothing_gives_an_empty_zip_and_the_same_labels_the_same_bytes(kind):
    nothing = Image(pixels=np.zeros((4, 4), kind), axes="YX")
    with zipfile.ZipFile(io.BytesIO(encode_rois(nothing))) as archive:
        assert archive.namelist() == []
    labels = Image(pixels=np.eye(4, dtype=kind), axes="YX")
    assert encode_rois(labels) == encode_rois(labels)
