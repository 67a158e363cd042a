"""The names of the embryo, from rules and exceptions."""

import csv
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fatescope.base import sulston, sulston_tree
from fatescope.base.errors import InputError
from fatescope.base.sulston_alias import ALIASES

NAMES = sulston_tree.all_names()
blast_names = st.builds(
    lambda founder, letters: founder + letters,
    st.sampled_from(["AB", "MS", "E", "C", "D"]),
    st.text("aplrdv", min_size=1, max_size=14),
)


def test_the_embryo_has_1341_names_671_ends_and_113_deaths():
    assert len(NAMES) == len(set(NAMES)) == 1341
    assert len(sulston_tree.terminal_names()) == 671
    assert len(sulston_tree.dying_names()) == 113
    assert set(sulston_tree.dying_names()) <= set(sulston_tree.terminal_names())


def test_the_670_divisions_are_6_of_founders_630_ap_16_lr_and_18_dv():
    axes = Counter(sulston.division_axis(n) for n in NAMES if sulston_tree.daughters_of(n))
    assert axes == {"founder": 6, "a/p": 630, "l/r": 16, "d/v": 18}


def test_deaths_by_founder_are_those_of_the_death_list():
    founders = Counter(sulston.founder_of(n) for n in sulston_tree.dying_names())
    assert founders == {"AB": 98, "MS": 14, "C": 1}


def test_every_cell_but_p0_is_a_daughter_of_its_mother_and_the_sister_of_its_sister():
    for name in NAMES[1:]:
        mother, sister = sulston.mother_of(name), sulston.sister_of(name)
        assert mother is not None
        assert sister is not None
        assert set(sulston_tree.daughters_of(mother)) == {name, sister}
        assert sulston.depth_of(name) == sulston.depth_of(mother) + 1
    assert sulston.mother_of("P0") is None
    assert sulston.sister_of("P0") is None


def test_the_sort_key_gives_the_depth_first_order_with_ms_before_e():
    assert sorted(set(NAMES), key=sulston.sort_key) == list(NAMES)
    assert NAMES.index("MS") < NAMES.index("E") < NAMES.index("P2") < NAMES.index("Z2")


@given(blast_names)
def test_names_outside_the_tree_still_have_relatives(name):
    assert sulston.is_cell_name(name)
    assert sulston.mother_of(name) == name[:-1]
    sister = sulston.sister_of(name)
    assert sister is not None
    assert sulston.sister_of(sister) == name
    assert name.startswith(sulston.founder_of(name))


@pytest.mark.parametrize(
    "name", ["", "EMSa", "P5", "Z5", "P4a", "Z2a", "ABx", "ABPl", "ab", "Nuc3", "polar1", "ABplaX"]
)
def test_what_is_no_sulston_name_is_refused_in_a_sentence(name):
    assert not sulston.is_cell_name(name)
    for function in (sulston.mother_of, sulston.sister_of, sulston.founder_of, sulston.parse_name):
        with pytest.raises(InputError, match="is not a Sulston name"):
            function(name)
    assert sulston.sort_key(name) > sulston.sort_key("Z3")


def test_e_is_not_the_mother_of_ems_and_d_is_the_mother_of_da():
    assert sulston.mother_of("EMS") == "P1"
    assert sulston.mother_of("E") == sulston.mother_of("MS") == "EMS"
    assert sulston.mother_of("Da") == "D"


def test_germ_line_precursors_have_no_daughter_names():
    with pytest.raises(InputError, match="does not divide"):
        sulston.daughter_names("Z2")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("AB.plapaaaapp", "ABplapaaaapp"),
        ("AB plap", "ABplap"),
        ("MSt", "MS"),
        ("P0.a", "AB"),
        ("ADAL", "ABplapaaaapp"),
        ("EMS", "EMS"),
    ],
)
def test_names_are_read_as_people_write_them(text, name):
    assert sulston.parse_name(text) == name


def test_aliases_name_terminal_cells_and_are_no_sulston_names():
    assert len(set(ALIASES.values())) == len(ALIASES)
    for alias, name in ALIASES.items():
        assert sulston_tree.is_terminal(name), alias
        assert not sulston.is_cell_name(alias)


def test_compact_names_have_any_length():
    assert [sulston.compact_name("ABpla", n) for n in (1, 2, 3, 9)] == ["A", "AB", "ABp", "ABpla"]
    with pytest.raises(InputError, match="at least 1"):
        sulston.compact_name("ABpla", 0)


@pytest.mark.data
def test_the_list_equals_the_canonical_one(data_dir):
    with (data_dir / "epic_tables" / "canonical_names.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {r["name"] for r in rows} == set(NAMES)
    for row in rows:
        name = row["name"]
        assert (sulston.mother_of(name) or "") == row["mother"]
        assert (sulston.sister_of(name) or "") == row["sister"]
        assert set(sulston_tree.daughters_of(name)) == set(row["daughters"].split())
        assert sulston_tree.dies(name) == (row["dies"] == "yes")
