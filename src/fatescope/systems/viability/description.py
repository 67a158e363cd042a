"""Live and dead cells without a stain: what the interfaces know of this system."""

from pathlib import Path

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
        name="viability",
        help="""Tell living from dead cells in bright-field or phase images without a stain.

        Writes the class of each pixel, nuclei as label images, tables with the probability
        that each cell is dead, findings, a record of the run and a report. The same command
        again continues where it stopped, also with more images.
        """,
        example="fatescope predict viability well.tif --spacing-um 1.3 --out results",
        system="fatescope.systems.viability.find:VIABILITY",
        settings="fatescope.systems.viability.settings:ViabilitySettings",
    ),
    commands=(
        Command(
            name="prepare crops",
            help="""Cut images with classes at their pixels into crops, divided by well.

            Counts the classes of each crop and keeps those of one class out of training. Wells, or
            plates with --unit plate, are on one side of the split as a whole, and images on two
            sides that share content are refused. Prints dimensions, counts before and after, and
            batches.
            """,
            example="fatescope prepare crops labelled --out crops",
            run="fatescope.systems.viability.crops:prepare_crops",
            settings={
                "settings": "fatescope.prepare.crops:CropStoreSettings",
                "execution": EXECUTION,
            },
            arguments=(
                Argument(
                    "inputs",
                    "folders with index.csv, as `plate labels` writes",
                    type=list[Path],
                    metavar="LABELLED",
                ),
                OUT,
            ),
        ),
        Command(
            name="reproduce live-dead-2024",
            help="""
            Tell live from dead cells without stains: the four runs of 2024, then corrected.

            One page shows the published scores beside those of the same runs on wells that no
            network was trained on, what each correction is worth, precision-recall curves, rates,
            and a film. Plates are rendered unless labelled ones are given. The extra `train` is
            needed.
            """,
            example="fatescope reproduce live-dead-2024 --out ld --quick",
            run="fatescope.systems.viability.reproduce.run:LIVE_DEAD_2024.run",
            plan="fatescope.systems.viability.reproduce.run:LIVE_DEAD_2024.plan",
            settings={"recipe": "fatescope.systems.reproduction.settings:LiveDeadRecipe"},
            arguments=(
                OUT,
                Option("data", "a labelled plate or a folder of such; default: rendered plates"),
                QUICK,
                WORKERS,
            ),
        ),
    ),
    questions=(
        Question(
            name="viability",
            title="Live or dead",
            text="Living and dead cells in bright-field or phase images, without a stain.",
            takes=frozenset(("image", "movie")),
            command="predict viability",
            run="fatescope.systems.viability.find:predict_viability",
            first=("channel",),
            choices={"model": ("viability",)},
            examples=("well",),
            channels=("channel",),
            views=("labels", "objects", "report"),
        ),
    ),
    trains={
        "viability": Trains(
            recipe="fatescope.systems.viability.training.settings:ViabilityRecipe",
            trainable="fatescope.systems.viability.training.task:VIABILITY",
        )
    },
    python={
        "predict_viability": "fatescope.systems.viability.find:predict_viability",
        "prepare_crops": "fatescope.systems.viability.crops:prepare_crops",
    },
    examples=(
        Example(
            name="well",
            title="Living and dead cells without a stain",
            text="Four bright-field images of one well in 18 hours.",
            write="fatescope.systems.simulation.examples:write_well",
        ),
    ),
    page="viability.md",
)
