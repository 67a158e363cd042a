"""Wells, stains and the layout of a plate as values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fatescope.base import (
    InputError,
    PlateImage,
    PlateLayout,
    find_channel,
    name_well,
    parse_well,
    well_order,
)


@given(row=st.integers(1, 32), column=st.integers(1, 48))
def test_a_well_is_read_as_it_is_named(row, column):
    assert parse_well(name_well(row, column)) == name_well(row, column)
    assert parse_well(name_well(row, column).lower()) == name_well(row, column)


def test_wells_are_sorted_by_row_also_after_z():
    names = [name_well(row, 1) for row in range(1, 33)]
    assert sorted(names, key=well_order) == names


@pytest.mark.parametrize("text", ["", "B", "12", "B0", "B49", "AG01", "B-1-", "B02x", "ABC1"])
def test_what_is_no_well_is_refused(text):
    with pytest.raises(InputError):
        parse_well(text)


@pytest.mark.parametrize(
    ("channels", "wanted", "found"),
    [
        (("BF", "DAPI", "Cy5"), "Hoechst", "DAPI"),
        (("BF", "DAPI", "Cy5"), "draq7", "Cy5"),
        (("HOECHST 33342", "DRAQ7"), "dapi", "HOECHST 33342"),
        (("DAPI", "Hoechst"), "Hoechst", "Hoechst"),
        (("Ph", "C1"), "phase", "Ph"),
    ],
)
def test_a_channel_is_found_by_stain_or_filter(channels, wanted, found):
    assert find_channel(channels, wanted) == found


@pytest.mark.parametrize("channels", [("BF",), ("DAPI", "Hoechst 33342")])
def test_a_channel_that_is_not_there_or_there_twice_is_refused(channels):
    with pytest.raises(InputError, match="'Hoechst' is"):
        find_channel(channels, "Hoechst")


def test_a_layout_names_what_it_has_when_it_is_asked_for_more():
    image = PlateImage(path=Path("a.tif"), well="A01", field="1", channels=("BF",))
    layout = PlateLayout(
        name="p",
        format="pattern",
        images={"A01": {"1": (image,)}},
        channels=("BF",),
        frames=(0,),
        planes=(0,),
    )
    assert layout.find("A01", "1", frame=0, channel="BF", plane=0) is image
    assert layout.find("A01", "1", frame=1, channel="BF", plane=0) is None
    with pytest.raises(InputError, match=r"has no well B01. Choose one of A01"):
        layout.files("B01", "1")
    with pytest.raises(InputError, match=r"well A01 has no field 2"):
        layout.files("A01", "2")
