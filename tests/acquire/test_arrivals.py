"""When an image counts as whole, by a clock that the test holds."""

import numpy as np
import pytest
import tifffile

from fatescope.acquire import find_images, read_image
from fatescope.acquire.arrivals import Arrivals, WatchSettings
from fatescope.base import SettingsError


def arrivals(still_s=5, sequence_still_s=5):
    return Arrivals(still_s=still_s, sequence_still_s=sequence_still_s, can_open=read_image)


def names(found):
    return [paths[0].name for paths in found]


def image(path, value=0):
    tifffile.imwrite(path, np.full((8, 8), value, np.uint8))


def test_a_file_is_whole_when_it_has_not_changed_for_long_enough(tmp_path):
    image(tmp_path / "a.tif")
    known = arrivals()
    assert names(known.whole(find_images([tmp_path]), 100)) == []
    assert names(known.whole(find_images([tmp_path]), 104.9)) == []
    assert names(known.whole(find_images([tmp_path]), 105)) == ["a.tif"]
    assert known.changed == 100


def test_a_file_that_grows_begins_anew_and_others_do_not_wait_for_it(tmp_path):
    image(tmp_path / "a.tif")
    image(tmp_path / "b.tif")
    known = arrivals()
    known.whole(find_images([tmp_path]), 0)
    with (tmp_path / "b.tif").open("ab") as stream:
        stream.write(b"more")
    assert names(known.whole(find_images([tmp_path]), 5)) == ["a.tif"]
    assert known.changed == 5
    assert names(known.whole(find_images([tmp_path]), 9)) == ["a.tif"]
    assert names(known.whole(find_images([tmp_path]), 10)) == ["a.tif", "b.tif"]


@pytest.mark.parametrize("content", [b"", b"II*\0 only a beginning"])
def test_what_cannot_be_opened_waits_a_minute_more(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    known = arrivals()
    known.whole(find_images([tmp_path]), 0)
    assert names(known.whole(find_images([tmp_path]), 64)) == []
    assert names(known.whole(find_images([tmp_path]), 65)) == ["a.tif"]


def test_a_movie_of_files_waits_longer_than_its_frames_take(tmp_path):
    known = arrivals(sequence_still_s=120)
    for t in range(2):
        image(tmp_path / f"e_t{t}.tif")
    files = find_images([tmp_path], sequence=True)
    known.whole(files, 0)
    assert known.whole(files, 100) == {}
    image(tmp_path / "e_t2.tif")
    files = find_images([tmp_path], sequence=True)
    known.whole(files, 110)
    assert known.whole(files, 200) == {}
    assert [len(paths) for paths in known.whole(files, 230)] == [3]
    assert len(known._seen) == 1, "what a movie was before is forgotten"


def test_a_file_that_is_gone_is_not_whole(tmp_path):
    image(tmp_path / "a.tif")
    files, known = find_images([tmp_path]), arrivals()
    known.whole(files, 0)
    (tmp_path / "a.tif").unlink()
    assert known.whole(files, 10) == {}
    assert known.whole(files, 200) == {}


def test_times_out_of_range_are_refused():
    for wrong in ({"still_s": 0}, {"until_idle": 0}, {"still_s": 1e9}):
        with pytest.raises(SettingsError):
            WatchSettings.from_values(wrong)
