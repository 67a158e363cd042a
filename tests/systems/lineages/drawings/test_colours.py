"""Lineages keep apart for every kind of colour vision; names have colours of their own."""

import itertools

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from fatescope.lineage.compact import COMPACT_NAMES
from fatescope.lineage.quality import EARLY, LINEAGES, founders_of, lineages_of
from fatescope.systems.lineages import drawings as show

# Linear RGB as people without one kind of cone see it (Machado, Oliveira and Fernandes 2009).
VISION = {
    "usual": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def seen(colours, matrix):
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(matrix).T, 0, 1)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return rgb2lab(rgb[None])[0]


@pytest.mark.parametrize("vision", VISION)
def test_every_two_lineages_are_told_apart_by_every_kind_of_colour_vision(vision):
    colours = {g: show.founder_colour(g) for g in (*LINEAGES, EARLY)}
    lab = seen(list(colours.values()), VISION[vision])
    for (i, a), (j, b) in itertools.combinations(enumerate(colours), 2):
        assert deltaE_ciede2000(lab[i], lab[j]) > 10, (a, b)


def test_the_four_lineages_of_ab_are_four_groups():
    names = ["ABalp", "ABarp", "ABplp", "ABprp", "ABp", "P3", "Ealp", "Z3", "Nuc7"]
    expected = ["ABal", "ABar", "ABpl", "ABpr", EARLY, EARLY, "E", "P4", ""]
    assert lineages_of(names) == expected


def test_each_of_the_32_compact_names_has_a_colour_of_its_own():
    colours = show.shades(COMPACT_NAMES, founders_of(COMPACT_NAMES))
    assert list(colours) == list(COMPACT_NAMES)
    assert len(set(colours.values())) == 32
