"""A rendered section has the truth that it says it has, and looks like a section."""

import csv

import cc3d
import numpy as np
import pytest

from fatescope.base import SettingsError
from fatescope.prepare import PairSettings, find_pairs
from fatescope.simulate import SectionSettings, simulate_section, vary_section
from fatescope.systems.simulation.nuclei import write_sections

PLAIN = SectionSettings(height=240, width=280, diameter_px=30, cells=5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_image():
    one, again, other = (simulate_section(PLAIN, seed=s) for s in (3, 3, 4))
    np.testing.assert_array_equal(one.pixels, again.pixels)
    np.testing.assert_array_equal(one.labels, again.labels)
    assert (one.pixels != other.pixels).any()


@pytest.mark.parametrize("seed", range(6))
def test_every_nucleus_is_one_piece_and_numbers_have_no_gap(seed):
    settings = vary_section(PLAIN.replace(cells=9, nucleus_share=1.0), seed=seed)
    section = simulate_section(settings, seed=seed)
    assert section.pixels.shape == section.labels.shape == (240, 280)
    assert section.pixels.dtype == np.uint8
    found = np.unique(section.labels[section.labels > 0])
    assert found.tolist() == list(range(1, len(found) + 1))
    pieces = cc3d.connected_components(section.labels, connectivity=4)
    assert pieces.max() == len(found)


def test_nuclei_are_brighter_than_their_cells_and_darker_than_white():
    plain = PLAIN.replace(plate=False, marks=0, chromatin=0.5, nucleus_share=1.0)
    inside, around = [], []
    for seed in range(4):
        section = simulate_section(plain, seed=seed)
        for label in range(1, int(section.labels.max()) + 1):
            own = section.labels == label
            wide = np.pad(own, 3)
            ring = np.logical_or.reduce(
                [np.roll(wide, s, axis=a) for a in (0, 1) for s in (-3, 3)]
            )[3:-3, 3:-3]
            inside.append(section.pixels[own].mean())
            around.append(np.median(section.pixels[ring & (section.labels == 0)]))
    assert len(inside) >= 8
    assert np.mean(np.array(inside) > np.array(around) + 20) > 0.9
    assert max(inside) < 245


def test_nuclei_have_about_the_size_asked_for():
    for diameter in (16, 40):
        plan = SectionSettings(
            height=360, width=400, diameter_px=diameter, cells=6, nucleus_share=1.0, plate=False
        )
        areas = np.concatenate(
            [np.bincount(simulate_section(plan, seed=s).labels.ravel())[1:] for s in range(4)]
        )
        assert np.median(np.sqrt(4 * areas / np.pi)) == pytest.approx(diameter, rel=0.2)


def test_without_nuclei_in_the_section_there_are_no_labels():
    assert not simulate_section(PLAIN.replace(nucleus_share=0), seed=1).labels.any()


def test_looks_differ_as_far_as_asked_for():
    assert vary_section(PLAIN.replace(vary=0), seed=1) == PLAIN.replace(vary=0)
    looks = {vary_section(PLAIN, seed=s).diameter_px for s in range(8)}
    assert len(looks) == 8
    assert all(0.6 * 30 < d < 1.7 * 30 for d in looks)
    with pytest.raises(SettingsError, match="contrast = 2"):
        PLAIN.replace(contrast=2)


def test_a_folder_of_sections_is_an_input_of_prepare_pairs(tmp_path):
    few = PLAIN.replace(height=80, width=96, diameter_px=16, count=2)
    write_sections(tmp_path / "s", few, seed=5)
    first = (tmp_path / "s" / "images" / "section_0001.tif").read_bytes()
    write_sections(tmp_path / "s", few.replace(count=4), seed=5)  # two more
    assert (tmp_path / "s" / "images" / "section_0001.tif").read_bytes() == first
    with (tmp_path / "s" / "index.csv").open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 4
    samples = find_pairs([tmp_path / "s"], settings=PairSettings(unit="name"))
    assert [s.labels.parent.name for s in samples] == ["labels"] * 4
    assert {s.unit for s in samples} == {f"s/section_000{i}" for i in range(4)}
