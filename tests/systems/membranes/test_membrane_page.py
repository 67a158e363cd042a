import numpy as np

from fatescope.base import Table
from fatescope.pages.sizes import sizes_section
from fatescope.systems.membranes.page import _contacts


def test_contacts_of_unknown_size_are_no_zeros():
    section = _contacts(
        Table(
            {
                "image": np.array(["a", "b"], dtype=object),
                "frame": np.zeros(2, int),
                "label_a": np.ones(2, int),
                "label_b": np.full(2, 2),
                "area_um2": np.array([np.nan, 3.25]),
            }
        )
    )
    table, note = section.blocks
    assert [row[-1] for row in table.rows] == ["3.2", "–"]
    assert "1 is unknown" in note.paragraphs[0]


def test_sizes_of_images_without_a_scale_are_not_pooled_with_the_others():
    objects = Table({"volume_um3": np.array([np.nan, 8.0]), "volume_px": np.array([4.0, 8.0])})
    section = sizes_section(objects)
    assert "n = 1 of 2 cells" in section.blocks[0].caption
    assert "µm³" in section.blocks[0].caption
    section = sizes_section(objects.with_columns({"volume_um3": np.full(2, np.nan)}))
    assert "n = 2 cells" in section.blocks[0].caption
    assert "voxels" in section.blocks[0].caption
