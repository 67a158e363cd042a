"""The small table of fates agrees with the tree and with the names of finished cells."""

from fatescope.base.sulston import FOUNDER_DAUGHTERS, founder_of
from fatescope.base.sulston_alias import ALIASES
from fatescope.base.sulston_fates import FATES, FOUNDERS_OF_FATE, founder_counts, founder_fates


def test_558_cells_hatch_and_113_die():
    counts = founder_counts().values()
    assert (sum(n for n, _ in counts), sum(n for _, n in counts)) == (558, 113)


def test_every_tissue_has_a_founder_and_gut_muscle_and_germ_line_are_pure():
    fates = founder_fates()
    assert {f for of in fates.values() for f in of} == set(FATES)
    assert [list(fates[f]) for f in ("E", "D", "P4")] == [["gut"], ["muscle"], ["germ line"]]


def test_the_few_neurons_of_ms_and_c_are_those_of_the_list_of_cells():
    neurons = {"I3", "I4", "I6", "M1", "M4", "M5", "DVC", "PVR"}
    assert {founder_of(ALIASES[n]) for n in neurons} == {"MS", "C"}
    assert founder_fates()["MS"]["neurons"] == founder_fates()["C"]["neurons"] == "few"


def test_the_founders_are_what_the_irregular_divisions_end_in():
    made = {d for m, pair in FOUNDER_DAUGHTERS.items() if m != "P4" for d in pair}
    assert made - set(FOUNDER_DAUGHTERS) | {"P4"} == set(FOUNDERS_OF_FATE)
