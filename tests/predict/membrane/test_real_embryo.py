"""What the pages say of one real embryo holds, where its data are."""

import pytest
from benchmarks.membranes import SPACING, load, referee, score

from fatescope.predict.membrane import MembraneSettings, segment_membranes

pytestmark = [pytest.mark.slow, pytest.mark.data]


def test_cells_of_a_validation_frame_agree_with_the_reference(data_dir):
    volume, labels, nuclei = load(data_dir, 60)
    reference = referee(labels, nuclei, volume.shape)
    given = score(
        segment_membranes(volume, SPACING, MembraneSettings(), markers=nuclei).labels, reference
    )
    assert given["f1"] > 0.95
    assert given["dice"] > 0.94
    assert given["surface_dice"] > 0.975
    assert given["surface_hd95_um"] < 0.7
    assert given["wall_f1"] > 0.9
    alone = score(segment_membranes(volume, SPACING, MembraneSettings()).labels, reference)
    assert alone["count_error"] < 0.05
    assert alone["f1"] > 0.93
    assert alone["dice"] > 0.93
