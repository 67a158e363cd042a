import pickle
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest
from tests.acquire.test_movies import PLAY, frames

from fatescope.acquire import check_image, find_images, read_image
from fatescope.acquire.movies import read_frames, write_frames
from fatescope.base import FileFormatError

N = 30


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "embryo.mp4"
    write_frames(path, frames(N), codec="mpeg4", **PLAY)
    return path


def test_a_film_is_an_image_with_frames_and_colours(film):
    image = read_image(film)
    assert (image.axes, image.shape) == ("TCYX", (N, 3, 64, 96))
    assert image.channels == ("red", "green", "blue")


@pytest.mark.parametrize("order", [range(N), range(N - 1, -1, -1), [13, 2, 29, 3, 14, 0, 12]])
def test_frames_are_read_by_their_number_in_any_order(film, order):
    truth = [np.moveaxis(f, -1, 0) for f in read_frames(film)]
    image = read_image(film)
    for t in order:
        np.testing.assert_array_equal(image.read(T=t), truth[t])


def test_threads_that_read_one_film_at_once_each_get_their_frame(film):
    truth = [np.moveaxis(f, -1, 0) for f in read_frames(film)]
    image = read_image(film)

    def read(seed):
        for t in np.random.default_rng(seed).integers(0, N, 20).tolist():
            np.testing.assert_array_equal(image.read(T=t), truth[t])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(read, range(6)))


def test_frames_shown_in_another_order_than_stored_are_counted_as_shown(tmp_path):
    path = tmp_path / "between.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=7, options={"bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for pixels in frames(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    truth = list(read_frames(path))
    image = read_image(path)
    assert image.size("T") == len(truth)
    for t in (17, 4, 5, 19):
        np.testing.assert_array_equal(image.read(T=t), np.moveaxis(truth[t], -1, 0))


def test_a_film_travels_to_another_process(film):
    image = read_image(film)
    image.read(T=3)
    again = pickle.loads(pickle.dumps(image))
    np.testing.assert_array_equal(again.read(T=4), image.read(T=4))


def test_folders_are_searched_for_films(film):
    assert [f.key for f in find_images([film.parent])] == ["embryo"]


def test_a_damaged_film_is_one_sentence(film, tmp_path):
    path = tmp_path / "cut.mp4"
    path.write_bytes(film.read_bytes()[:60])
    with pytest.raises(FileFormatError, match=r"cut\.mp4: cannot be decoded as a film"):
        read_image(path)


def film_of(path, frames, codec, pixels, kind=None):
    """Write grey frames at 10 a second; ``kind`` is FFmpeg's name of what they are."""
    kind = kind or ("gray" if frames[0].dtype == np.uint8 else "gray16le")
    with av.open(str(path), "w") as film:
        stream = film.add_stream(codec, rate=10)
        stream.height, stream.width = frames[0].shape
        stream.pix_fmt = pixels
        stream.gop_size = 12
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format=kind).reformat(format=pixels)
            film.mux(stream.encode(picture))
        film.mux(stream.encode())
    return path


def test_grey_of_16_bits_keeps_its_values(tmp_path):
    frames = [np.full((64, 96), 40 + 700 * t, np.uint16) for t in range(6)]
    image = read_image(film_of(tmp_path / "a.avi", frames, "ffv1", "gray16le"))
    assert (image.axes, image.dtype) == ("TYX", np.uint16)
    np.testing.assert_array_equal(image.read(), frames)


def test_a_film_deeper_than_8_bits_that_is_read_as_8_says_so(tmp_path):
    deep = (
        np.random.default_rng(0)
        .integers(0, 65536, 64 * 96 * 3)
        .astype(np.uint16)
        .reshape(64, 96, 3)
    )
    picture = av.VideoFrame.from_ndarray(deep, format="rgb48le").reformat(format="yuv444p10le")
    with av.open(str(tmp_path / "a.avi"), "w") as film:
        stream = film.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "yuv444p10le"
        film.mux(stream.encode(picture))
        film.mux(stream.encode())
    image = read_image(tmp_path / "a.avi")
    assert image.axes == "TCYX"
    assert "left-out" in {f.rule for f in check_image(image)}
