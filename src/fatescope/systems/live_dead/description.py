"""Live and dead cells in boxes: what the interfaces know of this system."""

from fatescope.systems.description import Description, Predicts, Trains
from fatescope.systems.question import Question

DESCRIPTION = Description(
    predicts=Predicts(
        name="live-dead",
        help="""Find cells in bright field, each in a box, and say which of them are dead.

        Writes tables of cells and of viability with intervals, label images (the ellipse in
        each box), findings, a record of the run and a report. The same command again
        continues where it stopped.
        """,
        example="fatescope predict live-dead chamber.png --out results",
        system="fatescope.systems.live_dead.find:LIVE_DEAD",
        settings="fatescope.systems.live_dead.settings:LiveDeadSettings",
    ),
    questions=(
        Question(
            name="live-dead",
            title="Count live and dead cells",
            text="Each cell of bright-field images in its box, live or dead, as in a counting "
            "chamber.",
            takes=frozenset(("image", "stack", "movie")),
            command="predict live-dead",
            run="fatescope.systems.live_dead.find:predict_live_dead",
            first=("channel", "diameter_um", "diameter_px", "same_size", "dead_from"),
            choices={"model": ("live-dead",)},
            unrendered={
                "live-dead": "The plates that we render are not its kind of image: it finds two of "
                "three of their cells, and takes nearly all of the dead for living. Such images "
                "would say nothing of what it does in a counting chamber.",
            },
            channels=("channel",),
            views=("labels", "objects", "report"),
        ),
    ),
    trains={
        "live-dead": Trains(
            recipe="fatescope.systems.live_dead.training.settings:BoxRecipe",
            trainable="fatescope.systems.live_dead.training.task:LIVE_DEAD",
        )
    },
    python={
        "predict_live_dead": "fatescope.systems.live_dead.find:predict_live_dead",
        "find_live_dead": "fatescope.systems.live_dead.find:find_live_dead",
    },
    page="live-dead.md",
)
