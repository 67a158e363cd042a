"""The way from a real volume to cells, where its data are; the shipped network has seen it."""

import pytest
from benchmarks.membranes import SPACING, load, referee, score

from fatescope.systems.membranes.cells import (
    MembraneSettings,
    cells_in_frame,
    open_membrane_model,
    wall_network,
)

pytestmark = [pytest.mark.slow, pytest.mark.data]


def test_cells_of_a_real_frame_agree_with_the_reference(data_dir):
    volume, labels, nuclei = load(data_dir, 60)
    reference = referee(labels, nuclei, volume.shape)
    network = wall_network(open_membrane_model("membrane"))
    cells = cells_in_frame(volume, SPACING, MembraneSettings(), markers=nuclei, network=network)
    given = score(cells.labels, reference)
    assert given["f1"] > 0.95
    assert given["dice"] > 0.94
    assert given["surface_dice"] > 0.975
    assert given["surface_hd95_um"] < 0.7
    assert given["wall_f1"] > 0.9
    alone = cells_in_frame(volume, SPACING, MembraneSettings(), network=network)
    alone = score(alone.labels, reference)
    assert alone["count_error"] < 0.05
    assert alone["f1"] > 0.93
    assert alone["dice"] > 0.93
