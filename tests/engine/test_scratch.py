import numpy as np
import pytest
from tests.hand_built import render_discs

from fatescope.base import Image, RunError
from fatescope.engine import FileScratch
from fatescope.predict import MemoryScratch, open_frames, open_predictor
from fatescope.systems.nuclei.outline import segment_frame
from fatescope.systems.nuclei.scales import choose_scale
from fatescope.systems.nuclei.settings import NucleiSettings


def test_rows_come_back_as_they_were_written_in_any_order(tmp_path):
    values = np.arange(70, dtype=np.uint32).reshape(10, 7)
    for scratch in (FileScratch(tmp_path), MemoryScratch()):
        rows = scratch.rows(values.shape, values.dtype)
        rows.write(4, values[4:])
        rows.write(0, values[:4])
        np.testing.assert_array_equal(rows.read(3, 9), values[3:9])
        rows.write(5, values[:1])
        np.testing.assert_array_equal(rows.read(5, 6), values[:1])
        rows.close()


def test_nothing_is_left_in_the_folder(tmp_path):
    rows = FileScratch(tmp_path / "out").rows((3, 3), np.dtype(np.uint8))
    rows.write(0, np.ones((3, 3), np.uint8))
    rows.close()
    assert list((tmp_path / "out").iterdir()) == []


def test_rows_that_were_never_written_are_an_error(tmp_path):
    rows = FileScratch(tmp_path).rows((3, 3), np.dtype(np.uint8))
    with pytest.raises(RunError, match="are missing"):
        rows.read(0, 3)
    rows.close()


def test_labels_are_the_same_in_memory_and_in_a_file(tmp_path):
    pixels, _ = render_discs((150, 120), diameter=18, seed=4)
    image = Image(pixels=pixels, axes="YX")
    settings = NucleiSettings(model="classical", diameter_px=15)
    predictor = open_predictor("classical")
    found = []
    for scratch, part_px in ((MemoryScratch(), 10**7), (FileScratch(tmp_path), 3000)):
        frames, _ = open_frames(image)
        plan = choose_scale(frames, predictor, settings)
        labels = segment_frame(
            frames[0], predictor, plan, settings, scratch=scratch, part_px=part_px
        )
        found.append(labels.array())
        labels.close()
    np.testing.assert_array_equal(*found)
    assert found[0].any()
