"""Nuclei in fluorescence: what the interfaces know of this system."""

from fatescope.systems.description import (
    OUT,
    QUICK,
    WORKERS,
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
        name="nuclei",
        help="""Outline, count and measure nuclei in images, stacks and movies.

        Writes label images, tables of objects and findings, a record of the run and a
        report. The same command again continues where it stopped, also with more images.
        """,
        example="fatescope predict nuclei embryo.tif --out results",
        system="fatescope.systems.nuclei.find:NUCLEI",
        settings="fatescope.systems.nuclei.settings:NucleiSettings",
    ),
    commands=(
        Command(
            name="reproduce nuclei-2020",
            help="""Segment nuclei by FPN on ResNet18: as published in 2020, then corrected.

            One page shows the published figure, the same procedure run again, its worth on an
            image that was left out, in pixels and in nuclei, and a corrected network. The extra
            `train` is needed.
            """,
            example="fatescope reproduce nuclei-2020 --out nuclei --quick",
            run="fatescope.systems.nuclei.reproduce.run:NUCLEI_2020.run",
            plan="fatescope.systems.nuclei.reproduce.run:NUCLEI_2020.plan",
            settings={"recipe": "fatescope.systems.reproduction.settings:NucleiRecipe"},
            arguments=(
                OUT,
                Option("data", "folder with images/ and labels/, or one around it"),
                QUICK,
                WORKERS,
            ),
        ),
    ),
    questions=(
        Question(
            name="nuclei",
            title="Outline nuclei",
            text="Every nucleus of fluorescence images, stacks and movies outlined, counted, "
            "measured.",
            takes=frozenset(("image", "stack", "movie")),
            examples=(
                "movie",
                "volume",
            ),
            command="predict nuclei",
            run="fatescope.systems.nuclei.find:predict_nuclei",
            first=("channel", "diameter_um", "diameter_px", "same_size", "min_area_um2", "link"),
            choices={"model": ("nuclei", "classical")},
            channels=("channel",),
            views=("labels", "objects", "report"),
            adapts="nuclei",
            unrendered={
                "nuclei-3d": "It sees what `nuclei` draws of the planes of a stack, and no image."
            },
        ),
    ),
    trains={
        "": Trains(
            recipe="fatescope.train.settings:InstanceRecipe",
            trainable="fatescope.systems.nuclei.training.task:INSTANCES",
        ),
        "nuclei-3d": Trains(
            recipe="fatescope.systems.nuclei.training.solid.settings:SolidRecipe",
            trainable="fatescope.systems.nuclei.training.solid.task:SOLID",
        ),
    },
    python={
        "predict_nuclei": "fatescope.systems.nuclei.find:predict_nuclei",
        "segment_nuclei": "fatescope.systems.nuclei.find:segment_nuclei",
    },
    examples=(
        Example(
            name="movie",
            title="A movie of nuclei",
            text="Six frames of fluorescent nuclei that divide.",
            write="fatescope.systems.simulation.examples:write_movie",
        ),
    ),
    page="first-steps.md",
)
