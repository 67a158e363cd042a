"""Volumes that MATLAB saved are images like any other; what a file does not say is asked for."""

import numpy as np
import pytest
import scipy.io

from fatescope.acquire import find_images, read_image, read_labels
from fatescope.base import FileFormatError, MissingExtraError


def volume(shape=(6, 5, 4), kind=np.uint8):
    return np.arange(np.prod(shape)).reshape(shape).astype(kind)


def saved(path, **arrays):
    scipy.io.savemat(path, arrays, do_compression=True)
    return path


def test_rows_columns_and_planes_become_zyx(tmp_path):
    stored = volume()
    image = read_image(saved(tmp_path / "v.mat", embryo=stored))
    assert (image.axes, image.shape, image.dtype) == ("ZYX", (4, 6, 5), np.uint8)
    assert np.array_equal(image.read(), stored.transpose(2, 0, 1))
    assert np.array_equal(image.read(Z=2, Y=slice(1, 3)), stored[1:3, :, 2])
    assert [note.rule for note in image.pixels.notes] == ["odd-axes"]


def test_axes_are_those_of_the_array_as_matlab_shows_it(tmp_path):
    stored = volume()
    image = read_image(saved(tmp_path / "v.mat", embryo=stored), axes="ZYX")
    assert np.array_equal(image.read(), stored)
    assert image.pixels.notes == ()
    frames = read_image(saved(tmp_path / "t.mat", movie=stored), axes="YXT")
    assert (frames.axes, frames.shape) == ("TYX", (4, 6, 5))
    with pytest.raises(FileFormatError, match="names 2 axes, but MATLAB stored"):
        read_image(saved(tmp_path / "w.mat", embryo=stored), axes="YX")


def test_spacing_is_zyx_whatever_the_stored_order(tmp_path):
    image = read_image(saved(tmp_path / "v.mat", embryo=volume()), axes="YXZ")
    scaled = image.with_scale(spacing_um=(0.43, 0.18, 0.19))
    assert scaled.spacing.um("ZYX") == (0.43, 0.18, 0.19)


def test_label_numbers_stored_as_double_are_whole_numbers(tmp_path):
    stored = volume(kind=np.uint16) * 300
    path = saved(tmp_path / "labels.mat", membSeg=stored)
    assert np.array_equal(read_labels(path).read(), stored.transpose(2, 0, 1))


def test_texts_and_single_numbers_beside_the_volume_do_not_matter(tmp_path):
    path = saved(tmp_path / "v.mat", embryo=volume(), scale=0.18, name="embryo 7")
    assert read_image(path).shape == (4, 6, 5)


def test_a_folder_is_searched_for_volumes(tmp_path):
    saved(tmp_path / "membt001.mat", embryo=volume())
    assert [f.key for f in find_images([tmp_path])] == ["membt001"]


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"a": volume(), "b": volume()}, r"holds 2 arrays \(a, b\)"),
        ({"scale": 0.18}, "holds no array"),
        ({"cells": {"inside": volume()}}, "holds no array"),
        ({"wave": volume() * 1j}, "no intensities"),
    ],
)
def test_what_is_no_single_volume_is_refused_in_a_sentence(tmp_path, arrays, reason):
    with pytest.raises(FileFormatError, match=reason):
        read_image(saved(tmp_path / "v.mat", **arrays))


def test_a_truncated_file_is_refused(tmp_path):
    path = saved(tmp_path / "v.mat", embryo=np.random.default_rng(0).integers(0, 99, (40, 40, 9)))
    path.write_bytes(path.read_bytes()[:-800])
    with pytest.raises(FileFormatError, match=r"v\.mat: is a damaged MATLAB file"):
        read_image(path)


def test_version_7_3_needs_an_extra_or_is_read(tmp_path):
    path = tmp_path / "v.mat"
    try:
        import h5py
    except ModuleNotFoundError:
        path.write_bytes(b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(600))
        with pytest.raises(MissingExtraError, match=r"h5py, which the extra 'formats' brings"):
            read_image(path)
        return
    stored = volume()
    with h5py.File(path, "w", userblock_size=512) as file:
        file["embryo"] = stored.T
    content = bytearray(path.read_bytes())
    content[:19] = b"MATLAB 7.3 MAT-file"
    path.write_bytes(content)
    assert np.array_equal(read_image(path).read(), stored.transpose(2, 0, 1))
