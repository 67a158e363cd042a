"""Planes for the eye: halved copies, regions of large planes, tiles that fit together."""

import base64
import struct
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest
import tifffile

pytest.importorskip("starlette")

from fatescope.acquire import read_image
from fatescope.acquire.images.png import DecodedPixels
from fatescope.acquire.label_looks import shows_labels
from fatescope.app import copies, planes
from fatescope.app.planes import PlaneCache, Pyramid
from fatescope.app.png import encode_png
from fatescope.app.results import limits_of_plane
from fatescope.app.tiles import grey_tile, label_tile, n_levels, outlined, tile_slices
from fatescope.base import Image, InputError

RNG = np.random.default_rng(0)


def pyramid(pixels, labels=False):
    return Pyramid(Image(pixels=pixels, axes="YX"), {}, labels=labels)


def test_a_halved_copy_is_the_mean_of_four_pixels():
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4) * 4
    half = pyramid(np.tile(pixels, (200, 200))).region(1, slice(0, 2), slice(0, 2))
    np.testing.assert_array_equal(half, pixels.reshape(2, 2, 2, 2).mean(axis=(1, 3)))


def test_labels_are_never_mixed():
    labels = RNG.integers(0, 3, (700, 700)) * 1000
    half = pyramid(labels, labels=True).region(1, slice(0, 350), slice(0, 350))
    assert set(np.unique(half)) <= {0, 1000, 2000}


@pytest.mark.parametrize("labels", [False, True])
@pytest.mark.parametrize("halvings", [0, 1, 2])
def test_a_large_plane_gives_the_same_regions_as_one_that_is_held(monkeypatch, labels, halvings):
    pixels = RNG.integers(0, 60_000, (1024, 1536)).astype(np.uint16)
    whole = pyramid(pixels, labels=labels)
    monkeypatch.setattr(planes, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(planes, "_COPY_SIDE", 384)
    monkeypatch.setattr(copies, "_BLOCK_SIDE", 256)
    large = pyramid(pixels, labels=labels)
    assert large.nbytes < pixels.nbytes / 4
    place = (halvings, slice(16, 100), slice(32, 200))
    np.testing.assert_array_equal(large.region(*place), whole.region(*place))
    assert large.value(700, 900) == whole.value(700, 900) == pixels[700, 900]


class Noted:
    """An array that notes which parts are read."""

    def __init__(self, pixels, fails=0, whole_rows=False):
        self.pixels, self.fails, self.whole_rows = pixels, fails, whole_rows
        self.shape, self.dtype, self.ndim = pixels.shape, pixels.dtype, pixels.ndim
        self.read = []

    def __getitem__(self, key):
        self.read.append(key)
        if self.fails:
            self.fails -= 1
            raise OSError("the disk is away")
        return self.pixels[key]


@pytest.fixture
def small_blocks(monkeypatch):
    """Planes of 1024 x 1024 count as large, and are read in blocks of 128."""
    monkeypatch.setattr(planes, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(planes, "_COPY_SIDE", 256)
    monkeypatch.setattr(copies, "_BLOCK_SIDE", 128)
    monkeypatch.setattr(copies, "_PATCH_SIDE", 16)
    return RNG.integers(0, 60_000, (1024, 1024)).astype(np.uint16)


def test_of_a_large_plane_only_what_is_looked_at_is_read(small_blocks):
    noted = Noted(small_blocks)
    large = pyramid(noted)
    assert noted.read == []
    part = large.region(2, slice(40, 60), slice(70, 90))
    assert noted.read == [(slice(128, 256), slice(256, 384))]
    whole = small_blocks.astype(float)
    for _ in range(2):
        whole = np.floor(whole.reshape(len(whole) // 2, 2, -1, 2).mean(axis=(1, 3)) + 0.5)
    np.testing.assert_array_equal(part, whole[40:60, 70:90])
    large.region(3, slice(20, 30), slice(35, 45))  # the same place, smaller
    assert len(noted.read) == 1
    large.region(10, slice(0, 1), slice(0, 1))
    assert len(noted.read) == 64
    assert len(set(map(str, noted.read))) == 64
    large.region(4, slice(0, 64), slice(0, 64))
    assert len(noted.read) == 64


def test_a_large_plane_is_seen_roughly_and_its_brightness_known_before_it_is_read(small_blocks):
    small_blocks[:] = np.kron(np.arange(256).reshape(16, 16), np.ones((64, 64)))
    noted = Noted(small_blocks)
    large = pyramid(noted)
    np.testing.assert_array_equal(large.rough, np.arange(256).reshape(16, 16))
    limits = limits_of_plane(large)
    assert (limits["least"], limits["most"]) == (0, 255)
    assert sum((y.stop - y.start) * (x.stop - x.start) for y, x in noted.read) == 256 * 16 * 16
    view = limits["rough"]
    assert view["part"] == 64
    shown = imagecodecs.png_decode(base64.b64decode(view["url"].partition(",")[2]))
    assert shown.shape == (16, 16)
    assert (np.diff(shown.astype(int).ravel()) >= 0).all()
    large.region(10, slice(0, 1), slice(0, 1))
    assert limits_of_plane(large) == limits  # the sliders stay where they are once it is read


def test_a_plane_that_is_held_has_no_rough_view():
    assert limits_of_plane(pyramid(np.arange(64.0).reshape(8, 8)))["rough"] is None


@pytest.mark.parametrize("name", ["a.png", "rows.tif", "colour.jpg"])
def test_what_is_decoded_as_a_whole_is_shown_up_to_a_limit_and_not_kept_twice(
    tmp_path, monkeypatch, name
):
    path, pixels = tmp_path / name, RNG.integers(0, 200, (300, 500)).astype(np.uint8)
    if path.suffix == ".tif":
        tifffile.imwrite(path, pixels, compression="zlib", rowsperstrip=300)
    else:
        encode = imagecodecs.png_encode if path.suffix == ".png" else imagecodecs.jpeg_encode
        colours = np.dstack([pixels, pixels[::-1], pixels[:, ::-1]])
        path.write_bytes(encode(colours if "colour" in name else pixels))
    image = read_image(path)
    monkeypatch.setattr(planes, "WHOLE_PIXELS", 1000)
    shown = Pyramid(image, {"C": 0}, labels=False)
    if name != "colour.jpg":
        np.testing.assert_array_equal(shown.region(0, slice(0, 300), slice(0, 500)), pixels)
    stored = getattr(image.pixels, "source", image.pixels)
    assert not isinstance(stored, DecodedPixels) or stored._decoded is None
    monkeypatch.setattr(planes, "_DECODED_BYTES", 100_000)
    with pytest.raises(InputError, match=rf"{name}: 0.0 GB of it .* tiled TIFF"):
        Pyramid(read_image(path), {"C": 0}, labels=False)


@pytest.mark.slow
def test_a_png_of_a_thousand_million_pixels_is_refused_before_it_is_decoded(tmp_path):
    side = 40_000
    row = bytes(side + 1)
    packing = zlib.compressobj(1)
    packed = b"".join(packing.compress(row) for _ in range(side)) + packing.flush()
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0),
        b"IDAT": packed,
        b"IEND": b"",
    }
    chunks = [
        struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b))
        for n, b in parts.items()
    ]
    path = tmp_path / "huge.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    tracemalloc.start()
    with pytest.raises(InputError, match=r"huge.png: 1.6 GB of it can only be decoded together"):
        Pyramid(read_image(path), {}, labels=False)
    assert not shows_labels(read_image(path))  # nor only to tell what it is
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_a_block_that_could_not_be_read_is_read_again(small_blocks):
    noted = Noted(small_blocks, fails=1)
    large = pyramid(noted)
    place = (2, slice(0, 20), slice(0, 20))
    with pytest.raises(OSError, match="away"):
        large.region(*place)
    np.testing.assert_array_equal(large.region(*place), pyramid(small_blocks).region(*place))


def test_people_who_look_at_once_read_each_block_once(small_blocks):
    noted = Noted(small_blocks)
    large = pyramid(noted)
    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: large.region(2, slice(0, 256), slice(0, 256)), range(8)))
    assert len(noted.read) == 64
    for one in seen:
        np.testing.assert_array_equal(one, seen[0])


def test_a_file_of_whole_rows_is_read_in_whole_rows(small_blocks):
    noted = Noted(small_blocks, whole_rows=True)
    pyramid(noted).region(2, slice(0, 4), slice(70, 90))
    assert noted.read == [(slice(0, 16), slice(0, 1024))]


@pytest.mark.parametrize("kind", [np.int16, np.int8, np.int32, np.uint32, np.float64, bool])
def test_planes_of_any_type_are_halved(kind):
    pixels = (np.arange(300 * 300) % 5 - 2).reshape(300, 300).astype(kind)
    part = pyramid(pixels).region(1, slice(0, 150), slice(0, 150))
    mean = pixels.reshape(150, 2, 150, 2).astype(float).mean(axis=(1, 3))
    assert np.abs(part.astype(float) - mean).max() <= 0.5


@pytest.mark.parametrize("factors", [(2, 4, 8), (4,), (2,)])
def test_the_smaller_copies_of_a_file_are_shown_and_not_made_again(monkeypatch, tmp_path, factors):
    """They hold other values here, so that one sees where a tile comes from."""
    monkeypatch.setattr(planes, "WHOLE_PIXELS", 400_000)
    monkeypatch.setattr(planes, "_COPY_SIDE", 384)
    pixels = np.full((1030, 1538), 7, np.uint8)
    how = {"tile": (128, 128), "compression": "zlib", "photometric": "minisblack"}
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tif:
        tif.write(pixels, subifds=len(factors), metadata={"axes": "YX"}, **how)
        for n in factors:
            tif.write(np.full((1030 // n, 1538 // n), 100 + n, np.uint8), subfiletype=1, **how)
    large = Pyramid(read_image(tmp_path / "a.ome.tif"), {}, labels=False)
    used = 100 + max(n for n in factors if n <= 8)
    assert (large.region(3, slice(0, 129), slice(0, 193)) == used).all()
    assert large.region(3, slice(0, 129), slice(0, 193)).shape == (129, 193)
    assert (large.region(0, slice(0, 64), slice(0, 64)) == 7).all()
    assert large.value(1029, 1537) == 7


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (513, 511), (1025, 3), (2000, 1537)])
def test_tiles_of_every_level_cover_the_plane_once(shape):
    pixels = RNG.integers(0, 255, shape).astype(np.uint8)
    plane = pyramid(pixels)
    top = n_levels(*shape)
    for level in range(top + 1):
        seen = 0
        rows = 0
        while (first := tile_slices(plane, level, 0, rows)) is not None:
            columns = 0
            while (place := tile_slices(plane, level, columns, rows)) is not None:
                tile = imagecodecs.png_decode(grey_tile([plane], [(0, 255)], place))
                seen += tile.shape[0] * tile.shape[1]
                if level == top:
                    np.testing.assert_array_equal(tile, pixels[place[1], place[2]])
                columns += 1
            rows += 1
            assert first is not None
        halved = [-(-n // 2 ** (top - level)) for n in shape]
        assert seen == halved[0] * halved[1]
    assert tile_slices(plane, top + 1, 0, 0) is None


def test_outlines_go_on_across_the_edge_of_a_tile():
    labels = np.zeros((1100, 1100), np.uint16)
    labels[100:1090, 300:1090] = 7
    plane = pyramid(labels, labels=True)
    whole = outlined(labels) & (labels > 0)
    for y, x in ((0, 0), (1, 0), (0, 1), (1, 1)):
        place = tile_slices(plane, n_levels(1100, 1100), x, y)
        tile = imagecodecs.png_decode(label_tile(plane, place, "outlines"))
        np.testing.assert_array_equal(tile[..., 3] > 0, whole[place[1], place[2]])


def test_not_finite_pixels_are_black_and_a_constant_plane_is_no_fault():
    pixels = np.full((8, 8), 5.0, np.float32)
    pixels[0, 0], pixels[1, 1] = np.nan, np.inf
    place = tile_slices(pyramid(pixels), 3, 0, 0)
    tile = imagecodecs.png_decode(grey_tile([pyramid(pixels)], [(5, 5)], place))
    assert tile[0, 0] == 0
    assert tile[1, 1] == 255


def test_the_cache_stays_below_its_limit_and_reads_a_plane_once():
    cache, made = PlaneCache(limit=3 * 64 * 64 * 8), []

    def make(n):
        made.append(n)
        return pyramid(np.full((64, 64), n))

    for n in (1, 2, 1, 3, 1, 4, 5, 1):
        assert cache.get(n, lambda n=n: make(n)).value(0, 0) == n
    assert made.count(1) <= 2
    assert sum(p.nbytes for p in cache._held.values()) <= cache.limit


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (64, 33), (5, 4, 3)])
@pytest.mark.parametrize("level", [0, 1])
def test_what_is_written_as_png_is_read_by_others(shape, level):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    read = imagecodecs.png_decode(encode_png(pixels, level=level))
    np.testing.assert_array_equal(read, pixels)
    if pixels.ndim == 2:
        palette = np.random.default_rng(1).integers(1, 256, (256, 4)).astype(np.uint8)
        read = imagecodecs.png_decode(encode_png(pixels, palette=palette, level=level))
        np.testing.assert_array_equal(read, palette[pixels])


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32, np.int64])
def test_a_label_has_the_colour_of_its_number_in_any_type(kind):
    from fatescope.pages import colour_of

    labels = np.array([[1, 1, 6], [250, 255, 255], [0, 7, 249]]).repeat(3, 0).repeat(3, 1)
    pyramid = Pyramid(Image(pixels=labels.astype(kind), axes="YX"), {}, labels=True)
    place = tile_slices(pyramid, n_levels(9, 9), 0, 0)
    read = imagecodecs.png_decode(label_tile(pyramid, place, "filled"))
    for y, x in np.argwhere(labels):
        red, green, blue, _ = read[y, x]
        assert f"#{red:02x}{green:02x}{blue:02x}" == colour_of(int(labels[y, x]))
    assert (read[labels == 0] == 0).all()
