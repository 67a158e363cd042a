"""Cells between membranes: what the interfaces know of this system."""

from fatescope.systems.description import (
    EXECUTION,
    OUT,
    QUICK,
    WORKERS,
    Argument,
    Command,
    Description,
    Example,
    Option,
    Predicts,
    Trains,
)
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
    commands=(
        Command(
            name="prepare slices",
            help="""
            Cut labelled volumes of embryos into lossless slices on one grid, divided by time.

            Writes images, labels, what is wall and what is inside, samples.csv, markers, a
            datasheet and the hashes of all files.
            """,
            example="fatescope prepare slices membrane_3dmms --embryo 170704plc1p2 --out slices",
            run="fatescope.systems.membranes.slices:prepare_slices",
            settings={
                "settings": "fatescope.prepare.volumes:SliceSettings",
                "execution": EXECUTION,
            },
            arguments=(
                Argument("folder", "folder with volumes and their labels", metavar="FOLDER"),
                OUT,
            ),
        ),
        Command(
            name="reproduce membranes-2021",
            help="""Segment membranes by FPN on ResNet18: as published in 2021, then corrected.

            One page shows the published figure beside that of a filled silhouette, the same run
            again, what each correction is worth, both tunings, and a corrected network. The extra
            `train` is needed.
            """,
            example="fatescope reproduce membranes-2021 --out m --quick",
            run="fatescope.systems.membranes.reproduce.run:MEMBRANES_2021.run",
            plan="fatescope.systems.membranes.reproduce.run:MEMBRANES_2021.plan",
            settings={"recipe": "fatescope.systems.reproduction.settings:MembranesRecipe"},
            arguments=(
                OUT,
                Option("data", "folder with raw/ and labels/, or one around it"),
                QUICK,
                WORKERS,
            ),
        ),
    ),
    questions=(
        Question(
            name="cells",
            title="Outline cells",
            text="The cells between stained membranes, in volumes, planes and movies, with "
            "contacts.",
            takes=frozenset(("image", "stack", "movie")),
            examples=("volume",),
            command="predict membrane",
            run="fatescope.systems.membranes.find:predict_membranes",
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
    examples=(
        Example(
            name="volume",
            title="An embryo in 3D",
            text="28 cells with stained membranes and nuclei.",
            write="fatescope.systems.simulation.examples:write_volume",
        ),
    ),
    page="membranes.md",
)
