"""``exclusion.csv``, written by us and by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fatescope.acquire import read_exclusions, write_exclusions
from fatescope.base import Exclusion, FileFormatError, InputError

frames = st.none() | st.integers(-5, 10**6)
names = st.sampled_from(["AB", "ABpla", "12", "007", "cell, big", "ä"])
exclusions = st.builds(
    Exclusion,
    file=st.sampled_from(["a.tif", "folder/b", "3"]),
    first_frame=frames,
    last_frame=frames,
    objects=st.lists(names, max_size=3).map(tuple),
    rule=st.sampled_from(["", "cliff", "black"]),
)


@settings(max_examples=30)
@given(st.lists(exclusions, min_size=1, max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, given_):
    path = tmp_path_factory.mktemp("e") / "exclusion.csv"
    write_exclusions(given_, path)
    assert read_exclusions(path) == given_


def test_a_list_written_by_hand_needs_only_the_file(tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("file,first_frame,objects\nm.tif,3,\nm.tif,,7\nn.tif,5,8|9\n")
    assert read_exclusions(path) == [
        Exclusion(file="m.tif", first_frame=3),
        Exclusion(file="m.tif", objects=("7",)),
        Exclusion(file="n.tif", first_frame=5, objects=("8", "9")),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("image,frame\na,1\n", r"e\.csv: lacks the column file"),
        ("file,first_frame\na,1.5\n", r"e\.csv: row 2: first_frame is 1\.5; give a whole number"),
        ("file,last_frame\na,soon\n", r"row 2: last_frame is 'soon'"),
        ("file,rule\na,x\n,y\n", r"row 3 names no file"),
    ],
)
def test_what_cannot_be_obeyed_is_a_sentence(tmp_path, text, sentence):
    path = tmp_path / "e.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_exclusions(path)


def test_a_missing_list_is_a_sentence(tmp_path):
    with pytest.raises(FileFormatError, match=r"none\.csv: does not exist"):
        read_exclusions(tmp_path / "none.csv")
