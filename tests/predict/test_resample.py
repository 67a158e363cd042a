import numpy as np
import pytest

from fatescope.predict.decoders.outlines import Corners, make_corners, outline_labels
from fatescope.predict.normalise import plane_statistics
from fatescope.predict.resample import apply_taps, make_taps, working_length
from fatescope.predict.tiling import one_tile, read_tile

SCALES = (0.125, 1 / 3, 0.5, 0.9, 1.09, 1.5, 2.0, 3.0)


def outline_pixel_by_pixel(labels, foreground, rows, columns, *, least):
    """The definition, slowly: shares of the four corners, in float32, in a fixed order."""
    out = np.zeros((len(rows.low), len(columns.low)), np.uint32)
    for i, j in np.ndindex(out.shape):
        corners = [(y, x) for y in (rows.low[i], rows.high[i]) for x in corner_columns(columns, j)]
        found = [int(labels[corner]) for corner in corners]
        if len(set(found)) == 1:
            out[i, j] = found[0]
            continue
        down, across = rows.part[i], columns.part[j]
        weights = [u * v for u in (1 - down, down) for v in (1 - across, across)]
        shade, share = np.float32(0), {}
        for corner, label, weight in zip(corners, found, weights, strict=True):
            shade += weight * foreground[corner]
            share[label] = share.get(label, np.float32(0)) + weight
        share.pop(0, None)
        best = max(share, key=lambda label: share[label])  # the first of equals
        out[i, j] = best if shade >= least and share[best] > 0 else 0
    return out


def corner_columns(columns: Corners, j: int) -> tuple[int, int]:
    return columns.low[j], columns.high[j]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("n_labels", [1, 2, 4])
def test_outlines_are_those_of_the_slow_definition(scale, n_labels):
    rng = np.random.default_rng(n_labels)
    for shape in [(1, 1), (1, 9), (9, 1), (2, 2), (23, 31)]:
        working = [working_length(n, scale) for n in shape]
        labels = rng.integers(0, n_labels + 1, working).astype(np.uint32)
        foreground = rng.integers(0, 256, working).astype(np.uint8)
        rows, columns = (
            make_corners(np.arange(n), scale=scale, length=m)
            for n, m in zip(shape, working, strict=True)
        )
        expected = outline_pixel_by_pixel(labels, foreground, rows, columns, least=115)
        assert (outline_labels(labels, foreground, rows, columns, least=115) == expected).all()


def test_outlines_do_not_depend_on_how_many_rows_are_done_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 5, (9, 8)), np.ones((7, 9))).astype(np.uint32)
    foreground = rng.integers(0, 256, labels.shape).astype(np.uint8)
    rows, columns = (
        make_corners(np.arange(round(n / 1.3)), scale=1.3, length=n) for n in labels.shape
    )
    whole = outline_labels(labels, foreground, rows, columns, least=115)
    monkeypatch.setattr("fatescope.predict.decoders.outlines._BAND_PX", 3 * whole.shape[1])
    assert (outline_labels(labels, foreground, rows, columns, least=115) == whole).all()


@pytest.mark.parametrize("scale", SCALES)
def test_a_tile_is_the_sum_over_its_taps(scale):
    pixels = np.random.default_rng(1).integers(0, 4000, (150, 40)).astype(np.uint16)
    statistics = plane_statistics(lambda: [pixels], percentiles=(0, 100))
    lengths = [working_length(n, scale) for n in pixels.shape]
    tile = read_tile(pixels, one_tile(pixels.shape, (scale, scale), lengths), statistics, 0, 0)
    dense = []
    for n, length in zip(pixels.shape, lengths, strict=True):
        taps = make_taps(np.arange(length), scale=scale, length=n)
        matrix = np.zeros((length, n))
        np.add.at(matrix, (np.arange(length)[:, None], taps.index), taps.weight)
        dense.append(matrix)
    span = statistics.high - statistics.low
    expected = dense[0] @ ((pixels - statistics.low) / span) @ dense[1].T
    np.testing.assert_allclose(tile, expected, atol=1e-5)


def test_taps_leave_their_input_alone():
    values = np.ones((4, 4), np.float32)
    taps = make_taps(np.arange(8), scale=2.0, length=4)
    apply_taps(values, taps, axis=0, first=0)
    assert (values == 1).all()
