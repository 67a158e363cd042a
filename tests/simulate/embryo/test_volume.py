import numpy as np
import pytest

from fatescope.base import SettingsError
from fatescope.simulate.embryo import EmbryoScene, Lives, VolumeSettings, vary_volume
from fatescope.simulate.lineage import LineagePlan, simulate_lineage

SMALL = VolumeSettings(planes=24, height=100, width=140, voxel_um=(1.2, 0.5, 0.5))


def scene(settings: VolumeSettings = SMALL, *, seed: int = 1) -> EmbryoScene:
    plan = LineagePlan(minutes=60.0)
    lives = Lives(simulate_lineage(plan, seed=3), spacing_um=plan.spacing_um, interval_min=1.5)
    return EmbryoScene(lives, settings, seed=seed)


def test_every_nucleus_is_labelled_and_lies_in_the_cell_of_its_number():
    embryo = scene()
    volume = embryo.render(30)
    cell = embryo.lives.at(30).cell + 1
    nuclei, cells = volume.labels["nuclei"], volume.labels["membrane"]
    assert set(np.unique(nuclei)) == {0, *cell.tolist()}
    assert set(np.unique(cells)) == {0, *cell.tolist()}
    inside = nuclei > 0
    assert (nuclei[inside] == cells[inside]).mean() > 0.9


def test_nuclei_and_walls_are_bright_and_the_background_of_deconvolved_walls_is_zero():
    embryo = scene()
    volume = embryo.render(30)
    nuclei, walls = volume.pixels
    labels = volume.labels
    assert nuclei[labels["nuclei"] > 0].mean() > 4 * nuclei[labels["membrane"] == 0].mean()
    far = embryo.shell.depth(embryo.grid) < -3
    assert (walls[far] == 0).mean() > 0.95
    assert walls[labels["membrane"] > 0].mean() > 15


def test_moments_do_not_depend_on_what_was_rendered_before():
    once, again = scene(), scene()
    again.render(10)
    for a, b in zip(once.render(30).pixels, again.render(30).pixels, strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_seed_gives_another_image_of_the_same_cells():
    one, other = scene(seed=1).render(20), scene(seed=2).render(20)
    assert (one.pixels != other.pixels).mean() > 0.05
    np.testing.assert_array_equal(one.labels["nuclei"], other.labels["nuclei"])


def test_one_channel_is_rendered_where_one_is_asked_for():
    volume = scene(SMALL.replace(channels=("nuclei",))).render(5)
    assert volume.pixels.shape == (1, 24, 100, 140)
    assert set(volume.labels) == {"nuclei"}


def test_positions_of_the_table_are_kept_if_wanted():
    embryo = scene(SMALL.replace(place="table"))
    assert embryo.grid.origin_um == (0.0, 0.0, 0.0)
    spots = embryo.spots([0])
    um = np.stack([spots[a] for a in "zyx"], axis=1) * SMALL.voxel_um
    np.testing.assert_allclose(um, embryo.lives.at(0).centre_um)


def test_spots_link_to_ancestors_in_earlier_volumes():
    embryo = scene()
    spots = embryo.spots([0, 30])
    name = dict(zip(spots["id"].tolist(), spots["name"].tolist(), strict=True))
    later = spots.rows(spots["frame"] == 1)
    assert len(later) > 2
    for child, parent in zip(later["name"], later["parent"], strict=True):
        ancestor = name[parent]
        assert child.startswith(ancestor) or ancestor == "P1"


def test_looks_differ_unless_told_otherwise():
    assert vary_volume(SMALL, seed=1) != vary_volume(SMALL, seed=2)
    same = vary_volume(SMALL.replace(vary=0), seed=1)
    assert same.photons == pytest.approx(SMALL.photons)


def test_channels_and_stages_are_read_from_words_with_commas():
    read = VolumeSettings.from_values({"channels": "nuclei", "cells": "4, 28"})
    assert read.channels == ("nuclei",)
    assert read.cells == (4, 28)
    with pytest.raises(SettingsError, match="channels"):
        VolumeSettings.from_values({"channels": "wings"})
