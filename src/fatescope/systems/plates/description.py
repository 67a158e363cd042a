"""Plates of many wells: what the interfaces know of this system."""

from fatescope.systems.description import Description
from fatescope.systems.question import Question

DESCRIPTION = Description(
    questions=(
        Question(
            name="plate",
            title="Follow the cells of a plate",
            text="When each cell of a plate died, without a stain, and which treatment kills.",
            takes=frozenset(("plate",)),
            command="plate run",
            run="fatescope.systems.plates.run:run_plate",
            plan="fatescope.systems.plates.run:plan_plate_run",
            settings={
                "settings": "fatescope.plate.settings:PlateRunSettings",
                "model": "fatescope.systems.plates.settings:PlateModel",
                "reading": "fatescope.acquire.plates.settings:PlateReading",
            },
            one_input=True,
            first=("map", "channel", "fields"),
            hidden=("vessel", "pattern"),
            choices={"model": ("viability",)},
            channels=("channel",),
            views=("images", "wells", "report"),
            parts=("step", "steps"),
        ),
        Question(
            name="survival",
            title="Compare survival on a plate",
            text="Which treatment kills, and how fast, from the fates of cells and the plate map.",
            takes=frozenset(("fates",)),
            command="plate survival",
            run="fatescope.systems.plates.survival:survival_of_plate",
            settings={"settings": "fatescope.plate.settings:SurvivalSettings"},
            first=("map", "response_frame"),
            needs=("map",),
            views=("wells", "report"),
        ),
    ),
    python={
        "label_plate": "fatescope.systems.plates.stain_labels:label_plate",
        "label_stains": "fatescope.systems.plates.stain_labels:label_stains",
    },
    page="plates.md",
)
