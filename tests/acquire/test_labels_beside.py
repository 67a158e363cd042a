"""Label images beside images, by name or content: which they are, and what is never one."""

import numpy as np
import pytest
import skimage.measure
import tifffile
from tests.acquire.image_files import plain_tiff

from fatescope.acquire import find_images, looks_like_labels, read_image, without_labels
from fatescope.acquire.label_looks import shows_labels
from fatescope.base import Image
from fatescope.simulate import NucleiMovieSettings, simulate_image

LISTINGS = [
    # files, the label images among them
    (["a.tif", "a_masks.png", "b.tif", "b_lab.tif"], ["a_masks.png", "b_lab.tif"]),
    (["a_img.tif", "a_label.tif"], ["a_label.tif"]),
    (["a.tif", "a_cp_masks.tif"], ["a_cp_masks.tif"]),
    (["images/a.tif", "labels/a.tif", "Masks/a.tif"], ["Masks/a.tif", "labels/a.tif"]),
    (["a.tif", "masks/a.tif"], ["masks/a.tif"]),
    (["a_masks.tif", "b_masks.tif"], []),
    (["masks/a.tif", "masks/b.tif"], []),
    (["mask_of_zorro.tif", "label.tif", "unmasked.tif"], []),
    (["one/a.tif", "two/labels/a.tif"], []),
]


def named(folder, findings):
    assert {f.rule for f in findings} <= {"label-image"}
    return sorted(str(f.file).removeprefix(f"{folder}/") for f in findings)


def part(folder, inputs=None):
    found = find_images([folder] if inputs is None else inputs)
    images, left_out = without_labels(found, read_image)
    assert len(images) + len(left_out) == len(found)
    return named(folder, left_out)


@pytest.fixture(scope="module")
def rendered():
    """An image of nuclei and its labels."""
    plan = NucleiMovieSettings(height=128, width=160, density=0.3)
    pixels, labels = simulate_image(plan, seed=2)
    return pixels, labels.astype(np.uint16)


@pytest.mark.parametrize(("names", "labels"), LISTINGS)
def test_label_images_beside_images_are_left_out_by_name(tmp_path, names, labels):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(b"x")
    assert part(tmp_path) == sorted(labels)


PLACES = [
    # where the image is, where its labels are, whether they are left out
    ("a.tif", "b.tif", True),
    ("raw/a.tif", "tracked/b.tif", True),
    ("a.tif", "result/b.tif", True),
    ("one/day/a.tif", "two/b.tif", False),
]


@pytest.mark.parametrize(("image", "labels", "is_left_out"), PLACES)
def test_labels_of_any_name_are_left_out_beside_an_image(
    tmp_path, rendered, image, labels, is_left_out
):
    for name, pixels in zip((image, labels), rendered, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        plain_tiff(tmp_path / name, pixels)
    assert part(tmp_path) == [labels] * is_left_out


def test_labels_alone_or_of_another_shape_are_meant(tmp_path, rendered):
    pixels, labels = rendered
    for name in ("a.tif", "b.tif"):
        plain_tiff(tmp_path / name, labels)
    assert part(tmp_path) == []
    plain_tiff(tmp_path / "c.tif", pixels[:-1])
    assert part(tmp_path) == []
    plain_tiff(tmp_path / "d.tif", pixels)
    assert part(tmp_path) == ["a.tif", "b.tif"]
    assert part(tmp_path, [tmp_path / "a.tif"]) == []


def test_a_movie_of_labels_is_seen_by_its_middle_frame(tmp_path, rendered):
    empty = np.zeros_like(rendered[1])
    for name, plane in zip("ab", rendered, strict=True):
        stack = np.stack([empty, plane, empty]).astype(np.uint16)
        tifffile.imwrite(tmp_path / f"{name}.tif", stack, imagej=True, metadata={"axes": "TYX"})
    assert part(tmp_path) == ["b.tif"]


def test_labels_that_fill_the_corner_of_a_large_plane_are_seen(rendered):
    plane = np.zeros((3000, 3000), np.uint16)
    plane[:128, :160] = rendered[1]
    assert shows_labels(Image(pixels=plane, axes="YX"))


def test_whole_numbers_in_colour_or_with_fractions_are_no_labels(rendered):
    labels = rendered[1]
    assert shows_labels(Image(pixels=labels, axes="YX"))
    assert not shows_labels(Image(pixels=labels.astype(np.float32), axes="YX"))
    assert not shows_labels(Image(pixels=np.stack([labels] * 3), axes="CYX"))


Y, X = np.mgrid[:90, :120]
RNG = np.random.default_rng(7)
CROWD = 1 + (Y // 3) * 40 + X // 3
BRIGHTNESS = {
    "smooth cells in few grey values": 9 + 8 * np.sin(Y / 9) * np.sin(X / 8),
    "16-bit noise": RNG.integers(0, 60000, Y.shape),
    "counts of few photons": RNG.poisson(0.6, Y.shape),
    "hot pixels on black": np.where(RNG.random(Y.shape) < 0.01, RNG.integers(1, 255, Y.shape), 0),
    "saturated spots": np.clip(300 * np.sin(Y / 7) * np.sin(X / 7), 0, 255),
    "a ramp on black": np.where(X < 60, 0, X * 50 + Y),
    "many objects of one value": 255 * ((Y % 15 > 4) & (X % 15 > 4)),
    "a negative on its bright background": np.where(X < 90, 200, 20 + X + Y // 9) * (X > 0),
    "empty": np.zeros(Y.shape),
}
LABELS = {
    "small touching objects without background": CROWD,
    "few objects": np.where((Y > 40) & (X > 80), 2, 1 * (X < 20)),
    "numbers beyond 16 bit": np.where(CROWD % 2, CROWD + 10**6, 0),
    "a volume": np.stack([CROWD, np.roll(CROWD, 2, 0)]),
}


@pytest.mark.parametrize("name", BRIGHTNESS)
def test_brightness_is_not_taken_for_labels(name):
    assert not looks_like_labels(BRIGHTNESS[name].astype(np.int64))


@pytest.mark.parametrize("name", LABELS)
def test_instances_are_labels_on_their_side_too(name):
    labels = LABELS[name].astype(np.int64)
    assert looks_like_labels(labels)
    assert looks_like_labels(np.swapaxes(labels, -1, -2))


def test_pieces_of_a_thresholded_image_become_labels_by_their_numbers(rendered):
    foreground = rendered[0] > np.percentile(rendered[0], 80)
    mask = foreground.astype(np.uint8)
    assert not looks_like_labels(mask)
    whole = skimage.measure.label(mask)
    sizes = np.bincount(whole.ravel())
    assert looks_like_labels(np.where(sizes[whole] > 40, whole, 0))


REAL = {
    # folder with images, folder with labels
    "nuclei2d_dsb2018": ("images/*.png", "labels/*.png"),
    "nuclei_ce_slices": ("images/*.png", "labels/*.png"),
    "phase_usiigaci": ("*/*_img.png", "*/*_lab.png"),
    "live_dead_brightfield": ("images/*.png", None),
    "nuclei3d_mouse": ("images/*.tif", "labels/*.tif"),
    "wormimage_em": ("images/*.jpg", "labels/*.png"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_no_real_image_is_taken_for_labels_and_no_real_labels_for_an_image(data_dir, name):
    images, labels = (sorted((data_dir / name).glob(p)) if p else [] for p in REAL[name])
    assert images
    assert [p.name for p in images if shows_labels(read_image(p))] == []
    shown = {p.name: read_image(p) for p in labels}
    missed = [n for n, image in shown.items() if not looks_like_labels(image.read())]
    assert [n for n in missed if shown[n].read().any()] == []


def test_a_png_that_packs_badly_is_an_image_and_is_not_decoded(tmp_path, monkeypatch):
    from PIL import Image as PillowImage

    from fatescope.acquire import labels_beside

    pixels, truth = simulate_image(NucleiMovieSettings(height=200, width=240), seed=2)
    grain = np.random.default_rng(0).integers(0, 255, pixels.shape).astype(np.uint8)
    PillowImage.fromarray(grain).save(tmp_path / "noise.png")
    PillowImage.fromarray(truth.astype(np.uint8)).save(tmp_path / "other.png")
    decoded = []

    def looking(image):
        decoded.append(image.name)
        return shows_labels(image)

    monkeypatch.setattr(labels_beside, "shows_labels", looking)
    assert part(tmp_path) == ["other.png"]
    assert [name.rpartition("/")[2] for name in decoded] == ["other.png"]
