"""Films: every frame is there, in MP4 and in GIF."""

import numpy as np
import pytest
from PIL import Image

from fatescope.acquire.movies import read_frames
from fatescope.base import InputError
from fatescope.pages import side_by_side, write_film


def test_a_film_has_every_frame_in_both_forms(tmp_path):
    grey = np.zeros((31, 41), np.uint8)
    colour = np.full((31, 41, 3), (200, 0, 0), np.uint8)
    frames = [side_by_side([grey + i, colour], ["old", "new"], note=f"{i}") for i in (0, 90, 200)]
    film, still = write_film(tmp_path / "film", frames)
    played = list(read_frames(film))
    assert len(played) == 3
    assert all(n % 2 == 0 for n in played[0].shape[:2])
    assert played[2][50, 10].mean() > played[0][50, 10].mean() + 100
    assert played[0][50, 60, 0] > 150, "red stays red"
    with Image.open(still) as gif:
        assert gif.n_frames == 3


def test_titles_never_run_into_each_other():
    long = "what the network of 2020 draws"
    panes = [np.full((20, 30), v, np.uint8) for v in (60, 120)]
    whole = side_by_side(panes, [long, "new"], note="plane 3")
    half = whole.shape[1] // 2
    assert half > 30, "narrow images are enlarged"
    titles = whole[18:36]
    assert (titles[:, half - 4 : half + 4] == 24).all(), "a gap is left between the titles"
    assert (titles[:, :half] != 24).any()
    assert (titles[:, half:] != 24).any()


def test_no_frame_and_frames_of_unlike_size_are_refused(tmp_path):
    for frames in ([], [np.zeros((4, 4, 3), np.uint8), np.zeros((4, 6, 3), np.uint8)]):
        with pytest.raises(InputError, match="frames of one size"):
            write_film(tmp_path / "film", frames)
    assert not list(tmp_path.iterdir())
