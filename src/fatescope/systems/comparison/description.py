"""Two models on the same units: what the interfaces know of this system."""

from fatescope.systems.description import OUT, Argument, Command, Description, Option
from fatescope.systems.question import Question, Role

_MODELS = ("nuclei", "nuclei-em", "phase-cells", "membrane", "classical")

DESCRIPTION = Description(
    commands=(
        Command(
            name="compare",
            help="""
            Say whether a new model is better than an old one, on test units that neither has seen.

            Writes a page with the difference and its interval, and the images on which they differ
            most.
            """,
            example="fatescope compare nuclei my-nuclei/package --data pairs --out c",
            run="fatescope.systems.comparison.compare:compare_models",
            settings={"settings": "fatescope.evaluate.settings:CompareSettings"},
            arguments=(
                Argument(
                    "old",
                    "a shipped name, a package, or ONNX with a .toml beside it",
                    type=str,
                    metavar="OLD",
                ),
                Argument(
                    "new",
                    "a shipped name, a package, or ONNX with a .toml beside it",
                    type=str,
                    metavar="NEW",
                ),
                Option("data", "folder with samples.csv", default=...),
                OUT,
            ),
        ),
    ),
    questions=(
        Question(
            name="compare",
            title="Compare two models",
            text="Whether a new model is better than an old one, on test images that neither has "
            "seen.",
            takes=frozenset(("pairs",)),
            command="compare",
            roles={
                "old": Role("Old model", choices=_MODELS),
                "new": Role("New model", choices=_MODELS),
                "data": Role("Pairs", frozenset(("pairs",))),
            },
            first=("score",),
            hidden=("spacing_um",),
            parts=("comparison", "comparisons"),
            lasts="Some seconds for each test image, twice.",
        ),
    ),
)
