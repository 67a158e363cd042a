"""Cells in phase contrast: what the interfaces know of this system."""

from fatescope.systems.description import Description, Predicts
from fatescope.systems.question import Question

DESCRIPTION = Description(
    predicts=Predicts(
        name="phase-cells",
        help="""Outline, count and measure cells in phase contrast, without any dye.

        The same as `predict nuclei`, with the model for adherent cells in phase contrast.
        """,
        example="fatescope predict phase-cells dish.tif --out results",
        system="fatescope.systems.phase_cells.find:PHASE_CELLS",
        settings="fatescope.systems.phase_cells.settings:PhaseCellsSettings",
    ),
    questions=(
        Question(
            name="phase-cells",
            title="Outline cells in phase contrast",
            text="Every adherent cell of phase-contrast images and movies outlined, counted, "
            "measured.",
            takes=frozenset(("image", "stack", "movie")),
            command="predict phase-cells",
            run="fatescope.systems.phase_cells.find:predict_phase_cells",
            first=("channel", "diameter_um", "diameter_px", "same_size", "min_area_um2", "link"),
            choices={"model": ("phase-cells",)},
            unrendered={
                "phase-cells": "We render no cells in phase contrast. On rendered cells in bright "
                "field it finds nothing, as it should.",
            },
            channels=("channel",),
            views=("labels", "objects", "report"),
        ),
    ),
    python={
        "predict_phase_cells": "fatescope.systems.phase_cells.find:predict_phase_cells",
        "segment_phase_cells": "fatescope.systems.phase_cells.find:segment_phase_cells",
    },
    page="phase-cells.md",
)
