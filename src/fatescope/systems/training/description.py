"""Models trained further: what the interfaces know of this system."""

from fatescope.systems.description import Description
from fatescope.systems.question import Question

DESCRIPTION = Description(
    questions=(
        Question(
            name="adapt",
            title="Adapt a model",
            text="A model trained further on corrected images, scored before and after. The better "
            "one is kept.",
            takes=frozenset(("pairs",)),
            command="train",
            words=("adapt",),
            inputs_flag="--data",
            flags={"start": "--from"},
            run="fatescope.systems.training.adapt:adapt_model",
            plan="fatescope.systems.training.adapt:plan_adapting",
            settings={"settings": "fatescope.systems.training.adapt:AdaptSettings"},
            first=("start",),
            choices={"start": ("nuclei", "nuclei-em")},
            views=("report",),
            says="kept.txt",
            reports=("compared/report.html", "report.html"),
            parts=("training", "trainings"),
        ),
    ),
    python={
        "prepare_pairs": "fatescope.systems.training.train:prepare_pairs",
        "train_model": "fatescope.systems.training.train:train_model",
    },
    page="training.md",
)
