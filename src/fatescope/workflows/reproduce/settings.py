"""Settings of the reproductions; light to import, because the command line shows them."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting


class NamesRecipe(Settings):
    """The network on compact names of 2020; the defaults are the published ones."""

    epochs: int = setting(30, "passes over the training rows", ge=1, le=1000)
    crop_nuclei: int = setting(
        200, "rows of frames with more nuclei are left out of the published part", ge=4
    )
    rows_per_class: int = setting(
        2500, "rows of each name in the corrected training set, after over-sampling", ge=10
    )
    test_share: float = setting(0.25, "share of the embryos that is only for testing", gt=0, lt=1)
    seed: int = setting(2020, "the same seed gives the same networks", ge=0)
