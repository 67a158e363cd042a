"""Live and dead cells without a stain: what the interfaces know of this system."""

from fatescope.systems.description import Description, Predicts, Trains
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
    questions=(
        Question(
            name="viability",
            title="Live or dead",
            text="Living and dead cells in bright-field or phase images, without a stain.",
            takes=frozenset(("image", "movie")),
            command="predict viability",
            run="fatescope.systems.viability.find:predict_viability",
            plan="fatescope.systems.viability.find:VIABILITY.plan",
            settings={"settings": "fatescope.systems.viability.settings:ViabilitySettings"},
            first=("channel",),
            choices={"model": ("viability",)},
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
    page="viability.md",
)
