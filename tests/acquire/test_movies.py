import numpy as np
import pytest

from fatescope.acquire.movies import read_frames, write_frames
from fatescope.base import FileFormatError, InputError

PLAY = {"frames_per_second": 7, "kbit_s": 400}


def frames(n: int = 5) -> list[np.ndarray]:
    y, x = np.mgrid[:64, :96]
    return [
        np.stack([np.zeros_like(y), 120 + 60 * np.sin((x + 4 * k) / 9) + y % 7, y], axis=-1).astype(
            np.uint8
        )
        for k in range(n)
    ]


@pytest.mark.parametrize("name", ["a.mp4", "a.mov"])
@pytest.mark.parametrize(("codec", "away"), [("mpeg4", 12.0), ("h264", 12.0), ("lossless", 0.0)])
def test_a_movie_comes_back_as_many_frames_that_look_the_same(tmp_path, name, codec, away):
    write_frames(tmp_path / name, frames(), codec=codec, **PLAY)
    seen = list(read_frames(tmp_path / name))
    assert len(seen) == 5
    difference = np.abs(np.stack(seen).astype(int) - np.stack(frames()))
    assert difference.mean() <= away


def test_the_same_frames_give_the_same_bytes(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        write_frames(tmp_path / name, frames(), codec="mpeg4", **PLAY)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "without frames"),
        ([np.zeros((63, 96, 3), np.uint8)], "even"),
        ([np.zeros((64, 96, 3), np.uint8), np.zeros((32, 96, 3), np.uint8)], "one size"),
    ],
)
def test_what_cannot_be_a_movie_is_refused_and_leaves_no_file(tmp_path, given, sentence):
    with pytest.raises(InputError, match=sentence):
        write_frames(tmp_path / "a.mp4", given, codec="mpeg4", **PLAY)
    assert not list(tmp_path.iterdir())


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\.mp4 or \.mov"):
        write_frames(tmp_path / "a.avi", frames(), codec="mpeg4", **PLAY)


def test_a_file_that_is_no_movie_is_named(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing of the kind")
    with pytest.raises(FileFormatError, match=r"a\.mp4"):
        list(read_frames(tmp_path / "a.mp4"))
