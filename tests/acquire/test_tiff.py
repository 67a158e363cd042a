import struct
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import pytest
import tifffile
from tests.acquire import plate_cases as cases
from tests.acquire.image_files import imagej_tiff, ome_tiff, plain_tiff, ramp

from fatescope.acquire import check_image, find_images, read_image, read_labels
from fatescope.base import FileFormatError

LAYOUTS = {
    "one block": {},
    "strips": {"rowsperstrip": 7},
    "deflated strips": {"rowsperstrip": 7, "compression": "zlib"},
    "lzw with predictor": {"compression": "lzw", "predictor": True, "rowsperstrip": 5},
    "tiles": {"tile": (32, 48)},
    "zstd tiles": {"tile": (16, 16), "compression": "zstd"},
    "big endian": {"byteorder": ">"},
    "bigtiff": {"bigtiff": True, "tile": (32, 32)},
}
SLICES = [
    {},
    {"Y": slice(10, 60), "X": slice(3, 80)},
    {"T": 1, "C": 0, "Z": 2, "Y": slice(40, 41)},
    {"Y": slice(0, 70, 3), "X": slice(88, 2, -5), "T": slice(None, None, -1)},
    {"Y": slice(20, 20)},
]


@pytest.mark.parametrize("index", SLICES, ids=str)
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_slicing_a_file_equals_slicing_the_array(tmp_path, layout, index):
    pixels = ramp(2, 2, 3, 70, 90)
    image = read_image(ome_tiff(tmp_path / "a.tif", pixels, "TCZYX", layout=layout))
    assert (image.axes, image.shape, image.dtype) == ("TCZYX", pixels.shape, np.uint16)
    key = tuple(index.get(a, slice(None)) for a in "TCZYX")
    np.testing.assert_array_equal(image.read(**index), pixels[key])


@pytest.mark.parametrize("stored", ["ZTCYX", "CZTYX", "TZCYX"])
def test_axes_are_brought_into_one_order(tmp_path, stored):
    lengths = {"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 30}
    pixels = ramp(*(lengths[a] for a in stored))
    image = read_image(ome_tiff(tmp_path / "a.tif", pixels, stored))
    wanted = pixels.transpose([stored.index(a) for a in "TCZYX"])
    assert image.axes == "TCZYX"
    np.testing.assert_array_equal(image.read(), wanted)
    np.testing.assert_array_equal(image.read(C=2, T=1), wanted[1, 2])


@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64", "float32", "float64"],
)
@pytest.mark.parametrize("layout", [{}, {"compression": "zlib", "rowsperstrip": 3}], ids=str)
def test_numbers_keep_their_type(tmp_path, dtype, layout):
    pixels = (ramp(10, 12) % 100).astype(dtype)
    image = read_image(plain_tiff(tmp_path / "a.tif", pixels, photometric="minisblack", **layout))
    assert image.dtype == dtype
    np.testing.assert_array_equal(image.read(), pixels)


def test_ome_gives_spacing_interval_and_channel_names(tmp_path):
    path = ome_tiff(
        tmp_path / "a.ome.tif",
        ramp(3, 2, 4, 20, 30),
        "TCZYX",
        PhysicalSizeX=200,
        PhysicalSizeXUnit="nm",
        PhysicalSizeY=0.25,
        PhysicalSizeYUnit="µm",
        PhysicalSizeZ=0.001,
        PhysicalSizeZUnit="mm",
        TimeIncrement=90,
        TimeIncrementUnit="s",
        Channel={"Name": ["histone", "membrane"]},
    )
    image = read_image(path)
    assert image.spacing.um("ZYX") == (1.0, 0.25, 0.2)
    assert image.spacing.interval_min == 1.5
    assert {s.source for s in image.spacing.steps.values()} == {"file"}
    assert image.channels == ("histone", "membrane")
    assert check_image(image) == []


def test_imagej_gives_spacing_and_interval(tmp_path):
    path = imagej_tiff(
        tmp_path / "a.tif",
        ramp(3, 4, 20, 30),
        "TZYX",
        pixels_per_unit=5,
        unit="um",
        spacing=1.5,
        finterval=30,
    )
    image = read_image(path)
    assert image.axes == "TZYX"
    assert image.spacing.um("ZYX") == (1.5, 0.2, 0.2)
    assert image.spacing.interval_min == 0.5


def described(path, pixels, counts, *, images=None):
    """Write a stack whose description is put in by hand, as careless programs of ImageJ's do."""
    said = "".join(f"{k}={v}\n" for k, v in counts.items())
    text = f"ImageJ=1.11a\nimages={images or len(pixels)}\n{said}hyperstack=true\n"
    with tifffile.TiffWriter(path) as tif:
        for plane in pixels:
            tif.write(plane, description=text, metadata=None, contiguous=False)
    return path


@pytest.mark.parametrize(
    ("counts", "axes"),
    [
        ({"channels": 10, "slices": 10}, "ZYX"),
        ({"channels": 10, "frames": 10}, "TYX"),
        ({"slices": 10, "frames": 10}, "ZYX"),
    ],
    ids=lambda v: str(v),
)
def test_pages_that_are_counted_twice_are_read_and_said_to_be(tmp_path, counts, axes):
    pixels = ramp(10, 20, 30)
    image = read_image(described(tmp_path / "a.tif", pixels, counts))
    assert image.axes == axes
    np.testing.assert_array_equal(image.read(), pixels)
    said = [f for f in check_image(image) if f.rule == "odd-axes"]
    assert "counts the pages more than once" in said[0].reason
    other = read_image(tmp_path / "a.tif", axes="CYX")
    assert other.axes == "CYX"


def test_pages_that_are_missing_are_damage_whatever_is_counted_twice(tmp_path):
    path = described(tmp_path / "a.tif", ramp(7, 20, 30), {"channels": 10, "slices": 10}, images=10)
    with pytest.raises(FileFormatError, match="not a complete TIFF"):
        read_image(path)


def test_an_imagej_stack_without_a_unit_has_no_scale(tmp_path):
    path = imagej_tiff(tmp_path / "a.tif", ramp(4, 20, 30), "ZYX", pixels_per_unit=5)
    assert read_image(path).spacing.steps == {}


SCALES = {
    # resolution tag: pixels per unit, unit -> believed step in µm
    "5 px/µm in cm": ((50000, "CENTIMETER"), 0.2),
    "0.5 µm in inch": ((50800, "INCH"), 0.5),
    "72 dpi is a screen": ((72, "INCH"), None),
    "300 dpi is a printer": ((300, "INCH"), None),
    "no unit": ((5, "NONE"), None),
    "nothing": (None, None),
}


@pytest.mark.parametrize("case", SCALES.values(), ids=SCALES.keys())
def test_a_resolution_tag_is_believed_where_a_microscope_could_have_written_it(tmp_path, case):
    tag, wanted = case
    options = {} if tag is None else {"resolution": (tag[0], tag[0]), "resolutionunit": tag[1]}
    image = read_image(plain_tiff(tmp_path / "a.tif", ramp(20, 30), **options))
    assert image.spacing.um("YX") == (None if wanted is None else (wanted, wanted))
    rules = [f.rule for f in check_image(image)]
    assert rules == ([] if wanted else ["no-scale"])


def test_a_screen_resolution_is_named_in_the_finding(tmp_path):
    path = plain_tiff(tmp_path / "a.tif", ramp(9, 9), resolution=(72, 72), resolutionunit="INCH")
    finding = check_image(read_image(path))[0]
    assert finding.value == pytest.approx(352.8, abs=0.1)
    assert "352.778 µm" in finding.reason
    assert "--spacing-um" in finding.reason


ABSURD = {"zero": 0, "negative": -0.2, "a metre": 1e6, "an atom": 1e-5, "nan": float("nan")}


@pytest.mark.parametrize("value", ABSURD.values(), ids=ABSURD.keys())
def test_an_absurd_pixel_size_is_unknown_and_said(tmp_path, value):
    path = ome_tiff(tmp_path / "a.tif", ramp(20, 30), "YX", PhysicalSizeX=value, PhysicalSizeY=0.2)
    image = read_image(path)
    assert "X" not in image.spacing.steps
    assert "no-scale" in [f.rule for f in check_image(image)]


def test_pixels_a_hundred_times_longer_than_wide_are_not_believed(tmp_path):
    path = ome_tiff(tmp_path / "a.tif", ramp(20, 30), "YX", PhysicalSizeX=0.1, PhysicalSizeY=10)
    image = read_image(path)
    assert image.spacing.steps == {}
    assert check_image(image)[0].rule == "no-scale"


def test_a_stack_that_does_not_say_its_axes_is_refused_with_the_flag(tmp_path):
    path = plain_tiff(tmp_path / "a.tif", ramp(4, 20, 30))
    with pytest.raises(FileFormatError, match=r"a\.tif.*4 x 20 x 30.*--axes TYX or --axes ZYX"):
        read_image(path)
    for axes in ("TYX", "zyx", "CYX"):
        image = read_image(path, axes=axes)
        assert image.axes == axes.upper()
        np.testing.assert_array_equal(image.read(), ramp(4, 20, 30))


AXES_ERRORS = {
    "too few": ("YX", r"--axes YX names 2 axes.*\(4, 20, 30\)"),
    "too many": ("TZYX", r"names 4 axes"),
    "unknown": ("QYX", r"contain Q.*TCZYX"),
    "twice": ("YYX", r"name an axis twice"),
    "no rows": ("TZX", r"lack Y or X"),
    "rows not last": ("YXT", r"must end in YX"),
}


@pytest.mark.parametrize("case", AXES_ERRORS.values(), ids=AXES_ERRORS.keys())
def test_wrong_axes_are_explained(tmp_path, case):
    axes, message = case
    path = plain_tiff(tmp_path / "a.tif", ramp(4, 20, 30))
    with pytest.raises(FileFormatError, match=message):
        read_image(path, axes=axes)


def test_a_single_page_of_a_stack_format_is_a_plane(tmp_path):
    assert read_image(plain_tiff(tmp_path / "a.tif", ramp(1, 20, 30))).axes == "YX"


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16), "compression": "zlib"}], ids=str)
def test_equal_colours_are_grey_and_others_are_channels(tmp_path, planar, layout):
    grey = ramp(20, 30)
    colour = np.stack([grey, grey, grey + 1], axis=-1)
    for pixels, axes in ((np.stack([grey] * 3, -1), "YX"), (colour, "CYX")):
        stored = pixels if planar == "contig" else pixels.transpose(2, 0, 1)
        options = {"photometric": "rgb", "planarconfig": planar, **layout}
        image = read_image(plain_tiff(tmp_path / "a.tif", stored, **options))
        assert image.axes == axes
        wanted = grey if axes == "YX" else colour.transpose(2, 0, 1)
        np.testing.assert_array_equal(image.read(), wanted)
    assert image.channels == ("red", "green", "blue")


def test_alpha_is_left_out(tmp_path):
    grey = ramp(20, 30, dtype="uint8")
    rgba = np.stack([grey, grey, grey, 255 - grey], axis=-1)
    path = plain_tiff(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(read_image(path).read(), grey)


def test_a_display_colour_keeps_intensities_and_a_image_palette_is_looked_up(tmp_path):
    values = ramp(16, 16, dtype="uint8")
    green = np.zeros((3, 256), np.uint16)
    green[1] = np.arange(256) * 257
    path = plain_tiff(tmp_path / "g.tif", values, photometric="palette", colormap=green)
    np.testing.assert_array_equal(read_image(path).read(), values)

    pixels = PIL.Image.fromarray(np.stack([values, values[::-1], values.T], -1)).quantize(16)
    pixels.save(tmp_path / "p.tif")
    image = read_image(tmp_path / "p.tif")
    assert image.axes == "CYX"
    wanted = np.asarray(pixels.convert("RGB")).transpose(2, 0, 1)
    np.testing.assert_array_equal(image.read(), wanted)


def test_pillow_files_are_read(tmp_path):
    values = ramp(30, 40, dtype="uint8")
    for compression in (None, "tiff_lzw", "tiff_deflate", "packbits"):
        PIL.Image.fromarray(values).save(tmp_path / "a.tif", compression=compression)
        np.testing.assert_array_equal(read_image(tmp_path / "a.tif").read(), values)


@pytest.mark.parametrize("layout", [{}, {"compression": "zlib", "tile": (64, 64)}], ids=str)
def test_a_cut_off_file_is_an_error_and_not_zeros(tmp_path, layout):
    noise = np.random.default_rng(0).integers(0, 60000, (256, 256), dtype=np.uint16)
    path = plain_tiff(tmp_path / "a.tif", noise, **layout)
    data = path.read_bytes()
    for length in (4, 9, len(data) // 3, len(data) - 100):
        path.write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"a\.tif: .*(cut off|complete|damaged|end)"):
            read_image(path).read()


@pytest.mark.parametrize("writer", ["tifffile", "imagej", "ome"])
def test_a_movie_that_was_cut_off_does_not_become_a_shorter_movie(tmp_path, writer):
    noise = np.random.default_rng(0).integers(0, 60000, (8, 64, 64), dtype=np.uint16)
    path = tmp_path / "a.tif"
    if writer == "imagej":
        imagej_tiff(path, noise, "TYX")
    elif writer == "ome":
        ome_tiff(path, noise, "TYX", layout={"compression": "zlib"})
    else:
        with tifffile.TiffWriter(path) as pages:
            for plane in noise:
                pages.write(plane, metadata=None, compression="zlib", contiguous=False)
    assert read_image(path, axes="TYX").shape == (8, 64, 64)
    data = path.read_bytes()
    for share in (0.95, 0.6, 0.3):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(FileFormatError, match=r"a\.tif: .*(cut off|complete)"):
            read_image(path, axes="TYX").read()


def test_damaged_compressed_data_is_an_error(tmp_path):
    noise = np.random.default_rng(0).integers(0, 60000, (256, 256), dtype=np.uint16)
    path = plain_tiff(tmp_path / "a.tif", noise, compression="zlib", rowsperstrip=256)
    data = bytearray(path.read_bytes())
    data[5000:6000] = bytes(1000)
    path.write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match=r"damaged.*Copy the file again"):
        read_image(path).read()


def test_several_images_in_one_file_are_refused_and_a_thumbnail_is_passed_by(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(ramp(40, 50), metadata=None)
        writer.write(ramp(10, 12), metadata=None)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").read(), ramp(40, 50))
    with tifffile.TiffWriter(tmp_path / "b.tif") as writer:
        writer.write(ramp(40, 50), metadata=None)
        writer.write(ramp(50, 40), metadata=None)
    with pytest.raises(FileFormatError, match=r"holds 2 images.*file of its own"):
        read_image(tmp_path / "b.tif")


def test_complex_numbers_are_refused(tmp_path):
    path = plain_tiff(tmp_path / "a.tif", np.ones((4, 5), np.complex64))
    with pytest.raises(FileFormatError, match=r"complex64.*not intensities"):
        read_image(path)


def test_a_movie_on_many_pages_is_read_page_by_page(tmp_path):
    pixels = ramp(12, 30, 40)
    path = imagej_tiff(tmp_path / "a.tif", pixels, "TYX")
    image = read_image(path)
    for t in (11, 0, 5):
        np.testing.assert_array_equal(image.read(T=t), pixels[t])


def test_a_large_tiled_file_is_read_tile_by_tile_in_bounded_memory(tmp_path):
    # 20,000 x 20,000 x 16 bit are 800 MB; the tiles here are a repeated pattern, 12 MB on disk.
    rng = np.random.default_rng(0)
    tiles = [rng.integers(0, 60000, (512, 512)).astype(np.uint16) // 4096 for _ in range(3)]
    across = 40
    path = tmp_path / "big.tif"
    stream = (tiles[i % 3] for i in range(across * across))
    tifffile.imwrite(
        path,
        stream,
        shape=(20000, 20000),
        dtype=np.uint16,
        tile=(512, 512),
        compression="zlib",
        compressionargs={"level": 1},
        metadata=None,
        maxworkers=1,
    )
    image = read_image(path)
    assert image.shape == (20000, 20000)
    tracemalloc.start()
    for y, x in [(0, 0), (9984, 512), (19500, 19500), (5000, 7000)]:
        block = image.read(Y=slice(y, y + 512), X=slice(x, x + 512))
        j, i = y // 512, x // 512
        want = tiles[(j * across + i) % 3][y % 512, x % 512]
        assert block[0, 0] == want
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32e6


@pytest.mark.parametrize("layout", [{}, {"tile": (64, 64), "compression": "zlib"}], ids=str)
def test_threads_that_read_one_file_at_once_each_get_their_own_part(tmp_path, layout):
    pixels = np.random.default_rng(0).integers(0, 60000, (3, 640, 640)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", **layout)
    image = read_image(tmp_path / "a.tif", axes="TYX")

    def read(seed):
        rng = np.random.default_rng(seed)
        for _ in range(60):
            t, y, x = rng.integers(0, (3, 500, 500))
            part = image.read(T=int(t), Y=slice(y, y + 130), X=slice(x, x + 130))
            np.testing.assert_array_equal(part, pixels[t, y : y + 130, x : x + 130])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, range(16)))


def test_ten_thousand_million_pixels_are_opened_without_being_read(tmp_path):
    path = tmp_path / "huge.tif"
    tifffile.imwrite(path, shape=(100_000, 100_000), dtype=np.uint8, bigtiff=True, metadata=None)
    image = read_image(path)
    assert image.shape == (100_000, 100_000)
    assert image.read(Y=slice(99_999, None), X=slice(99_000, None)).sum() == 0


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_three_planes_that_tifffile_lays_down_as_colours_are_planes(tmp_path, axes, compression):
    planes = np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30)
    path = tmp_path / "three.tif"
    tifffile.imwrite(path, planes, metadata={"axes": axes}, compression=compression)
    with tifffile.TiffFile(path) as tif:
        assert tif.pages[0].samplesperpixel == 3  # as a writer does that is not told otherwise
    image = read_image(path)
    assert image.axes == axes
    np.testing.assert_array_equal(image.read(), planes)


def test_the_calibration_of_metaxpress_is_the_pixel_size(tmp_path):
    properties = {
        "spatial-calibration-x": "0.65",
        "spatial-calibration-y": "0.65",
        "spatial-calibration-units": "um",
    }
    cases.write_tiff(tmp_path / "a.TIF", properties=properties)
    assert read_image(tmp_path / "a.TIF").spacing.um("YX") == (0.65, 0.65)


@pytest.mark.parametrize("axes", [None, "TYX", "ZYX", "CYX"])
@pytest.mark.parametrize("n", [4, 5])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_planes_that_are_stored_as_colours_with_transparency_are_all_read(tmp_path, axes, n):
    planes = ramp(n, 20, 30)
    extra = ["unassalpha"] * (n - 3)
    options = {"photometric": "rgb", "planarconfig": "separate", "extrasamples": extra}
    image = read_image(plain_tiff(tmp_path / "a.tif", planes, **options), axes=axes)
    assert (image.axes, image.channels) == (axes or "CYX", ())
    np.testing.assert_array_equal(image.read(), planes)


def test_four_channels_of_16_bits_side_by_side_are_channels(tmp_path):
    pixels = ramp(20, 30, 4)
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    image = read_image(plain_tiff(tmp_path / "a.tif", pixels, **options))
    np.testing.assert_array_equal(image.read(), pixels.transpose(2, 0, 1))
    pixels[..., 3] = 65535  # opaque
    image = read_image(plain_tiff(tmp_path / "b.tif", pixels, **options))
    assert image.channels == ("red", "green", "blue")
    assert check_image(image)[0].rule == "no-scale"


def test_transparency_that_varies_is_left_out_and_said_or_read_where_axes_name_it(tmp_path):
    rgba = ramp(20, 30, 4, dtype="uint8")
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"]}
    path = plain_tiff(tmp_path / "a.tif", rgba, **options)
    image = read_image(path)
    assert image.channels == ("red", "green", "blue")
    assert [f.rule for f in check_image(image)] == ["no-scale", "left-out"]
    np.testing.assert_array_equal(read_image(path, axes="CYX").read(), rgba.transpose(2, 0, 1))


def of_imagej(path, pixels, *lines, **options):
    said = "\n".join(["ImageJ=1.53t", *lines, ""])
    return plain_tiff(path, pixels, description=said, **options)


def test_signed_pixels_of_imagej_are_signed(tmp_path):
    true = (ramp(20, 30).astype(np.int32) * 100 - 30000).astype(np.int16)
    stored = (true.astype(np.int32) + 32768).astype(np.uint16)
    path = of_imagej(tmp_path / "a.tif", stored, "c0=-32768.0", "c1=1.0", "vunit=gray value")
    image = read_image(path)
    assert image.dtype == np.int16
    np.testing.assert_array_equal(image.read(Y=slice(3, 9)), true[3:9])
    assert [f.rule for f in check_image(image)] == ["no-scale"]
    np.testing.assert_array_equal(read_labels(path).read(), stored)


CALIBRATIONS = {
    "a line": (("c0=0.5", "c1=2.0"), ["left-out"]),
    "a line that changes nothing": (("cf=0", "c0=0.0", "c1=1.0"), []),
    "none": (("cf=20",), []),
    "optical density": (("cf=21", "vunit=Uncalibrated OD"), ["left-out"]),
    "a curve": (("cf=3", "c0=1.5", "c1=-0.3", "c2=0.1", "c3=0.1"), ["left-out"]),
    "no number": (("cf=x", "c0=y", "c1=z"), ["left-out"]),
}


@pytest.mark.parametrize("case", CALIBRATIONS.values(), ids=CALIBRATIONS.keys())
def test_a_calibration_of_brightness_that_is_not_applied_is_said(tmp_path, case):
    lines, rules = case
    image = read_image(of_imagej(tmp_path / "a.tif", ramp(20, 30), *lines))
    np.testing.assert_array_equal(image.read(), ramp(20, 30))
    assert [f.rule for f in check_image(image)] == ["no-scale", *rules]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("layout", [{}, {"compression": "zlib", "tile": (16, 16)}], ids=str)
def test_brightness_is_turned_round_where_0_is_white_and_labels_are_not(tmp_path, dtype, layout):
    stored = (ramp(20, 30) % 200).astype(dtype)
    path = plain_tiff(tmp_path / "a.tif", stored, photometric="miniswhite", **layout)
    np.testing.assert_array_equal(read_image(path).read(), np.iinfo(dtype).max - stored)
    np.testing.assert_array_equal(read_labels(path).read(), stored)


def test_the_colours_of_a_label_image_do_not_change_its_numbers(tmp_path):
    labels = np.zeros((20, 30), np.uint8)
    labels[3:9, 4:9], labels[12:18, 15:25] = 1, 200
    colours = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
    path = plain_tiff(tmp_path / "a.tif", labels, photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read_labels(path).read(), labels)
    assert read_image(path).axes == "CYX"


@pytest.mark.parametrize("rows", [20, 19, 11])
@pytest.mark.parametrize("ome", [True, False])
def test_a_second_scene_is_asked_for_by_its_number_or_refused(tmp_path, ome, rows):
    with tifffile.TiffWriter(tmp_path / "a.tif", ome=ome) as writer:
        for height in (20, rows):
            said = {"axes": "YX"} if ome else None
            writer.write(ramp(height, 30), metadata=said, contiguous=False)
        writer.write(ramp(4, 6), metadata={"axes": "YX"} if ome else None, contiguous=False)
    if rows == 20 and not ome:  # two planes, whose axis has no name
        with pytest.raises(FileFormatError, match="does not say what each axis is"):
            read_image(tmp_path / "a.tif")
        return
    if ome:
        with pytest.raises(FileFormatError, match=r"holds 2 images \(.*\)\. Choose"):
            read_image(tmp_path / "a.tif")
        second = read_image(tmp_path / "a.tif", scene="1")
        np.testing.assert_array_equal(second.read(), ramp(rows, 30))
        return
    with pytest.raises(FileFormatError, match=r"holds 2 images.*\(20, 30\).*file of its own"):
        read_image(tmp_path / "a.tif")


def test_a_file_of_one_image_has_no_other(tmp_path):
    """As its image 0 it is read; any other name is one sentence, also through a command."""
    for ome in (False, True):
        tifffile.imwrite(tmp_path / "a.tif", ramp(20, 30), ome=ome)
        np.testing.assert_array_equal(
            read_image(tmp_path / "a.tif", scene="0").read(), ramp(20, 30)
        )
        for scene in ("1", "second"):
            said = rf"holds (one image, and )?no image {scene}"
            with pytest.raises(FileFormatError, match=said):
                read_image(tmp_path / "a.tif", scene=scene)
            (file,) = find_images([tmp_path / "a.tif"], scene=scene)
            with pytest.raises(FileFormatError, match=said):
                read_image(file)
    PIL.Image.fromarray(np.asarray(ramp(20, 30), np.uint8)).save(tmp_path / "b.png")
    assert read_image(tmp_path / "b.png", scene="0").axes == "YX"
    with pytest.raises(FileFormatError, match="holds one image, and no image 3"):
        read_image(tmp_path / "b.png", scene="3")


def test_the_label_of_a_slide_is_left_out_and_said_and_a_thumbnail_is_passed_by(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(ramp(80, 80), metadata=None)
        writer.write(ramp(8, 8), metadata=None)
        writer.write(ramp(8, 30), metadata=None)
    image = read_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.read(), ramp(80, 80))
    (said,) = (f for f in check_image(image) if f.rule == "left-out")
    assert "(8, 30)" in said.reason
    assert "(8, 8)" not in said.reason


def ome_of(size_t, parts="<TiffData/>", *, uuid="", size_c=1):
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" {uuid}>'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="30" '
        f'SizeY="20" SizeC="{size_c}" SizeZ="1" SizeT="{size_t}" PhysicalSizeX="0.5" '
        f'PhysicalSizeY="0.5">{parts}</Pixels></Image></OME>'
    ).encode()


def pages_of(path, pixels, description):
    with tifffile.TiffWriter(path) as writer:
        for plane in pixels:
            writer.write(plane, description=description, metadata=None, contiguous=False)
            description = None
    return path


@pytest.mark.parametrize("writer", ["ome", "imagej"])
def test_pages_that_the_description_does_not_speak_of_are_said_to_be_left_out(tmp_path, writer):
    said = ome_of(4) if writer == "ome" else b"ImageJ=1.53t\nimages=4\nframes=2\nslices=2\n"
    path = tmp_path / "a.tif"
    if writer == "ome":
        pages_of(path, ramp(6, 20, 30), said)
    else:
        with tifffile.TiffWriter(path) as pages:
            for plane in ramp(6, 20, 30):
                pages.write(plane, description=said, metadata=None, contiguous=True)
    image = read_image(path)
    assert image.read().size == 4 * 20 * 30
    (finding,) = (f for f in check_image(image) if f.rule == "left-out")
    assert "the last 2 were not read" in finding.reason
    assert finding.severity == "warning"


def test_frames_that_the_description_promises_and_the_file_lacks_are_refused(tmp_path):
    path = pages_of(tmp_path / "a.ome.tif", ramp(6, 20, 30), ome_of(8))
    with pytest.raises(FileFormatError, match=r"plane 6 .* is missing"):
        read_image(path).read()


IDS = [f"urn:uuid:00000000-0000-4000-8000-00000000000{i}" for i in range(2)]


def in_file(name, number, what):
    return f'<TiffData {what}><UUID FileName="{name}">{IDS[number]}</UUID></TiffData>'


def test_positions_in_files_that_refer_to_each_other_are_each_their_own_movie(tmp_path):
    images = "".join(
        f'<Image ID="Image:{i}"><Pixels ID="Pixels:{i}" DimensionOrder="XYCZT" Type="uint16" '
        f'SizeX="30" SizeY="20" SizeC="1" SizeZ="1" SizeT="3" PhysicalSizeX="{0.5 + i}" '
        f'PhysicalSizeY="{0.5 + i}">'
        + "".join(
            in_file(f"p{i}.ome.tif", i, f'FirstT="{t}" IFD="{t}" PlaneCount="1"') for t in range(3)
        )
        + "</Pixels></Image>"
        for i in range(2)
    )
    for i in range(2):
        space = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
        said = f'<OME {space} UUID="{IDS[i]}">{images}</OME>'.encode()
        pages_of(tmp_path / f"renamed{i}.ome.tif", ramp(3, 20, 30) + i, said)
        image = read_image(tmp_path / f"renamed{i}.ome.tif")
        assert (image.axes, image.spacing.um("YX")) == ("TYX", (0.5 + i, 0.5 + i))
        np.testing.assert_array_equal(image.read(), ramp(3, 20, 30) + i)


@pytest.mark.parametrize("with_uuid", [True, False])
def test_an_image_of_several_files_is_put_together_by_its_description_or_by_a_pattern(
    tmp_path, with_uuid
):
    parts = "".join(
        in_file(f"c{i}.ome.tif", i, f'FirstC="{i}" IFD="0" PlaneCount="1"') for i in range(2)
    )
    for i in range(2):
        uuid = f'UUID="{IDS[i]}"' if with_uuid else ""
        said = ome_of(1, parts, uuid=uuid, size_c=2)
        pages_of(tmp_path / f"c{i}.ome.tif", ramp(1, 20, 30) + i, said)
    both = np.concatenate([ramp(1, 20, 30), ramp(1, 20, 30) + 1])
    np.testing.assert_array_equal(read_image(tmp_path / "c1.ome.tif").read(), both)
    (file,) = find_images([tmp_path], pattern="c{channel}.ome.tif")
    np.testing.assert_array_equal(read_image(file).read(), both)


def test_a_file_whose_description_lies_in_another_is_a_part(tmp_path):
    space = 'xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"'
    only = f'<BinaryOnly MetadataFile="a.companion.ome" UUID="{IDS[0]}"/>'
    said = f'<OME {space} UUID="{IDS[1]}">{only}</OME>'
    pages_of(tmp_path / "a.ome.tif", ramp(1, 20, 30), said.encode())
    with pytest.raises(FileFormatError, match="multi-file OME-TIFF"):
        read_image(tmp_path / "a.ome.tif")


def test_a_renamed_ome_tiff_of_one_file_is_read(tmp_path):
    said = ome_of(
        3, "".join(in_file("old.ome.tif", 0, f'FirstT="{t}" IFD="{t}"') for t in range(3))
    )
    image = read_image(pages_of(tmp_path / "new.ome.tif", ramp(3, 20, 30), said))
    np.testing.assert_array_equal(image.read(), ramp(3, 20, 30))


PACKED = {
    "bits from the right": {"fill_order": 2, "bits": 8},
    "12 bits": {"fill_order": 1, "bits": 12},
}


def bare_tiff(path, stored, *, bits, fill_order, shape):
    """Write a TIFF of one strip by hand, in a way that no writer here offers."""
    entries = [
        (256, 3, shape[1]), (257, 3, shape[0]), (258, 3, bits), (259, 3, 1), (262, 3, 1),
        (266, 3, fill_order), (273, 4, 8), (277, 3, 1), (278, 3, shape[0]), (279, 4, len(stored)),
    ]  # fmt: skip
    tags = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    directory = struct.pack("<H", len(entries)) + tags + bytes(4)
    stored += bytes(len(stored) % 2)
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 8 + len(stored)) + stored + directory)
    return path


@pytest.mark.parametrize("case", PACKED.values(), ids=PACKED.keys())
def test_bits_are_read_in_the_order_and_number_that_the_file_states(tmp_path, case):
    bits = case["bits"]
    pixels = (ramp(8, 10) * 37 % 2**bits).astype(np.uint16)
    stream = "".join(f"{v:0{bits}b}" for v in pixels.ravel().tolist())
    stored = bytes(int(stream[i : i + 8], 2) for i in range(0, len(stream), 8))
    if case["fill_order"] == 2:
        stored = bytes(int(f"{b:08b}"[::-1], 2) for b in stored)
    path = bare_tiff(tmp_path / "a.tif", stored, shape=pixels.shape, **case)
    np.testing.assert_array_equal(read_image(path).read(), pixels)
