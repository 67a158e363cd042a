"""Cells between membranes: what the interfaces know of this system."""

from fatescope.systems.description import Description, Predicts, Trains
from fatescope.systems.question import Question

DESCRIPTION = Description(
    predicts=Predicts(
        name="membrane",
        help="""Find the cells between membranes in volumes, planes and movies, and measure them.

        Cells start at markers (--markers), at the nuclei of another channel (--nuclei-
        channel), or are found alone. Writes label images, tables of cells and of their
        contacts, findings, a record of the run and a report. The same command again
        continues where it stopped.
        """,
        example="fatescope predict membrane embryo.tif --spacing-um 0.43,0.18,0.18 --out results",
        system="fatescope.systems.membranes.find:MEMBRANES",
        settings="fatescope.systems.membranes.cells.settings:MembraneSettings",
    ),
    questions=(
        Question(
            name="cells",
            title="Outline cells",
            text="The cells between stained membranes, in volumes, planes and movies, with "
            "contacts.",
            takes=frozenset(("image", "stack", "movie")),
            command="predict membrane",
            run="fatescope.systems.membranes.find:predict_membranes",
            plan="fatescope.systems.membranes.find:MEMBRANES.plan",
            settings={"settings": "fatescope.systems.membranes.cells.settings:MembraneSettings"},
            first=("channel", "nuclei_channel", "markers"),
            files=("markers",),
            choices={"model": ("membrane", "classical")},
            channels=("channel", "nuclei_channel"),
            one_channel="channel",
            views=("labels", "objects", "report"),
        ),
    ),
    trains={
        "membrane": Trains(
            recipe="fatescope.systems.membranes.training.settings:MembraneRecipe",
            trainable="fatescope.systems.membranes.training.task:MEMBRANE",
        )
    },
    python={
        "predict_membranes": "fatescope.systems.membranes.find:predict_membranes",
        "segment_membranes": "fatescope.systems.membranes.find:segment_membranes",
        "prepare_slices": "fatescope.systems.membranes.slices:prepare_slices",
    },
    page="membranes.md",
)
