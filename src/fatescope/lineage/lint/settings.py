"""The limits of the lineage check."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting


class LintSettings(Settings):
    """When something in a lineage is worth a finding.

    The defaults are measured on the tables of the EPIC collection; see ``docs/lineage-lint.md``.
    """

    cliff_share: float = setting(
        0.1, "share of the living cells that must end in one frame to call it a cliff", gt=0, le=1
    )
    cliff_cells: int = setting(3, "fewest cells that make a cliff", ge=1)
    cliff_many: int = setting(20, "so many cells ending together are a cliff at any share", ge=2)
    drop_share: float = setting(
        0.05, "loss of nuclei between two frames that is a cliff where there are no tracks", gt=0
    )
    partial_share: float = setting(
        0.4, "share of the expected cells below which the annotation is called partial", gt=0, le=1
    )
    jump_um: float = setting(
        5.0,
        "step in one frame beyond which a nucleus leaps, the movement of its neighbours taken off "
        "(more while cells are few)",
        unit="µm",
        gt=0,
    )
    jump_times: float = setting(
        4.0, "and so many times the step that 90 % of this embryo's nuclei stay below", gt=1
    )
    swap_cosine: float = setting(
        -0.5, "cosine to the mean division axis below which daughters count as swapped", le=0
    )
    axis_agreement: float = setting(
        0.85, "median cosine to the mean division axes below which an embryo is atypical", lt=1
    )
    swap_frames: int = setting(3, "frames of life that a daughter needs to be compared", ge=1)
    exchange_ratio: float = setting(
        0.5, "two tracks exchanged if crossing them shortens the steps to this share", gt=0, lt=1
    )
    exchanged_um: float = setting(
        3.5,
        "two lineages bear each other's names if an exchange brings them so much nearer to their "
        "places",
        unit="µm",
        gt=0,
    )
    exchanged_share: float = setting(
        0.5, "and leaves at most this share of the distance", gt=0, lt=1
    )
    species_ratio: float = setting(
        1.42, "life of E2 over AB16 cells below which the species is not C. elegans", gt=0
    )
    life_spread: float = setting(
        5.0, "spreads of the atlas beyond which the life of a single cell is odd", gt=0
    )
    life_factor: float = setting(
        1.25, "and so many times as long, or as short, as in the atlas it must be", gt=1
    )
    outside_share: float = setting(
        0.05, "share of names outside the tree above which an embryo is atypical", gt=0, le=1
    )
    listed: int = setting(50, "findings of one rule that are listed one by one", ge=1)
