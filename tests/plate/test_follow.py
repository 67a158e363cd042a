"""Cells of a well through time: who is who, and when each of them died."""

from __future__ import annotations

import numpy as np
import pytest

from fatescope.plate import (
    FollowSettings,
    death_row,
    fates_of_cells,
    link_cells,
    owning_field,
    tabulate_fates,
)
from fatescope.track import frame_shifts

SETTINGS = FollowSettings()


@pytest.mark.parametrize(
    ("p_dead", "row"),
    [
        ([0.1, 0.1, 0.9, 0.9, 0.9], 2),
        ([0.1, 0.9, 0.1, 0.1, 0.1], 5),  # one frame kills no cell
        ([0.1, 0.9, 0.1, 0.8, 0.9, 0.9], 3),
        ([0.9, 0.9, 0.1, 0.9, 0.9], 0),  # a dead cell does not rise
        ([0.2, 0.2, 0.2], 3),
        ([0.9], 0),
        ([0.5, 0.5], 2),
        ([], 0),
    ],
    ids=["dies", "a fault", "faults", "always dead", "lives", "one frame", "unknown", "never seen"],
)
def test_the_frame_of_death_is_the_likeliest_of_all(p_dead, row):
    assert death_row(np.array(p_dead), certainty=0.8) == row


def test_a_death_in_the_last_frame_needs_certainty():
    p = np.array([0.1, 0.1, 0.7])
    assert death_row(p, certainty=0.6) == 2
    assert death_row(p, certainty=0.9) == 3


def walk(n_frames, homes, *, drift=(0.0, 0.0), missing=()):
    rng = np.random.default_rng(0)
    rows = [
        (t, i, *(np.array(home) + rng.normal(0, 1, 2) + t * np.array(drift)))
        for t in range(n_frames)
        for i, home in enumerate(homes)
        if (t, i) not in missing
    ]
    return np.array(rows)


HOMES = [(20, 20), (20, 45), (45, 20), (45, 45), (70, 30)]


@pytest.mark.parametrize("drift", [(0, 0), (6.0, -5.0)], ids=["still", "the plate drifts"])
def test_cells_keep_their_track_through_gaps_and_drift(drift):
    table = walk(8, HOMES, drift=drift, missing={(3, 1), (4, 1), (5, 2)})
    track = link_cells(
        table[:, 2:],
        table[:, 0].astype(int),
        np.zeros(len(table)),
        diameter_px=10.0,
        settings=SETTINGS,
    )
    for cell in range(len(HOMES)):
        assert len(set(track[table[:, 1] == cell])) == 1
    assert track.max() == len(HOMES) - 1


def test_a_drift_is_seen_in_all_cells_and_one_cell_is_none():
    table = walk(3, HOMES, drift=(4.0, 0.0))
    shift = frame_shifts(table[:, 2:], table[:, 0].astype(int), reach=11.0)
    assert shift[table[:, 0] == 2][0] == pytest.approx([8.0, 0.0], abs=2.0)
    alone = walk(3, HOMES[:1], drift=(4.0, 0.0))
    assert not frame_shifts(alone[:, 2:], alone[:, 0].astype(int), reach=11.0).any()


def test_fates_say_first_last_and_death_and_can_be_tabulated():
    track = np.repeat([0, 1, 2], [4, 4, 1])
    frame = np.array([0, 1, 2, 3, 0, 1, 2, 3, 1])
    p_dead = np.array([0.1, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.9])
    fates, kept, cell = fates_of_cells(
        track, frame, p_dead, well="B02", plate="p", settings=SETTINGS
    )
    assert fates["cell"].tolist() == [1, 2]
    assert fates["death_frame"].tolist() == [2.0, pytest.approx(np.nan, nan_ok=True)]
    assert fates["censored"].tolist() == [0, 1]
    assert kept.tolist() == [True] * 8 + [False]
    assert cell.tolist() == [1] * 4 + [2] * 4 + [0]
    assert tabulate_fates(fates).alive.tolist() == [[2, 2, 1, 1]]


def test_a_single_frame_counts_every_cell():
    fates, kept, _ = fates_of_cells(
        np.arange(3),
        np.zeros(3, int),
        np.array([0.1, 0.9, 0.2]),
        well="A01",
        plate="",
        settings=SETTINGS,
    )
    assert kept.all()
    assert fates["censored"].tolist() == [1, 0, 1]


def test_a_well_without_cells_has_no_fates():
    nothing = np.zeros(0, np.int64)
    fates, kept, cell = fates_of_cells(
        nothing, nothing, np.zeros(0), well="A01", plate="", settings=SETTINGS
    )
    assert len(fates) == len(kept) == len(cell) == 0
    assert not len(
        link_cells(np.zeros((0, 2)), nothing, np.zeros(0), diameter_px=10.0, settings=SETTINGS)
    )


def test_a_cell_in_two_fields_counts_in_the_nearer_one():
    origins = np.array([[0.0, 0.0], [0.0, 90.0]])
    position = np.array([[50.0, 92.0], [50.0, 98.0], [50.0, 10.0]])
    for field, owns in ((0, [True, False, True]), (1, [False, True, False])):
        mine = owning_field(position, np.full(3, field), origins, (100, 100))
        assert mine.tolist() == owns
