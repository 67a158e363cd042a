"""Faulty frames and tables: what the interfaces know of this system."""

from fatescope.systems.description import (
    EXECUTION,
    INPUTS,
    OUT,
    Command,
    Description,
    Example,
    Option,
)
from fatescope.systems.question import Preset, Question

_STRICT = {
    "dark_share": 0.75,
    "bright_share": 1.4,
    "flicker_step": 0.15,
    "still_share": 0.4,
    "blurred_share": 0.8,
    "cropped_share": 0.03,
    "jump_share": 0.012,
    "foreign": 0.08,
    "red_blocks": 6,
}
_LENIENT = {
    "dark_share": 0.4,
    "bright_share": 2.5,
    "flicker_step": 0.4,
    "still_share": 0.15,
    "blurred_share": 0.5,
    "cropped_share": 0.1,
    "jump_share": 0.03,
    "foreign": 0.2,
    "red_blocks": 20,
}

DESCRIPTION = Description(
    commands=(
        Command(
            name="clean",
            help="""Find faulty frames in movies, and faults in tables of cells.

            Writes findings.csv, one row per frame and fault, with rule, number, limit and reason,
            and report.html with each fault between the frames around it. Nothing is changed or
            deleted. Of samples_loss.csv, as train writes it, the samples with the highest loss are
            shown.
            """,
            example="fatescope clean embryo.mov counts.csv --out checked",
            run="fatescope.systems.cleaning.clean:clean_files",
            plan="fatescope.systems.cleaning.clean:plan_clean",
            settings={
                "settings": "fatescope.clean.settings:CleanSettings",
                "annotations": "fatescope.clean.settings:AnnotationSettings",
                "execution": EXECUTION,
            },
            arguments=(
                INPUTS,
                OUT,
                Option(
                    "drop",
                    "share of the samples of samples_loss.csv, those of the highest loss, "
                    "that are to be left out, for instance 0.10 as published; without it they "
                    "are shown",
                    type=float,
                ),
                Option(
                    "apply", "write exclusion.csv, which --exclude obeys", type=bool, default=False
                ),
            ),
        ),
    ),
    questions=(
        Question(
            name="clean",
            title="Clean a movie",
            text="Faulty frames of movies, and steps in numbers of cells: found, shown, nothing "
            "deleted.",
            takes=frozenset(("movie", "populations")),
            examples=(
                "faulty",
                "movie",
                "embryo",
            ),
            command="clean",
            presets={
                "kind": Preset(
                    "What kind of movie",
                    "what is no fault in such a movie is not looked for",
                    {
                        "an embryo or cells that change slowly": {},
                        "much changes from frame to frame": {"foreign": 0.3, "jump_share": 0.06},
                        "the light is switched on and off": {
                            "dark_share": 0.1,
                            "bright_share": 10.0,
                            "flicker_step": 2.5,
                        },
                        "frames wait for the next image": {"still_share": 0.001, "still": 0.0001},
                    },
                ),
                "strict": Preset(
                    "How strict",
                    "strict also shows what is doubtful, and some frames without a fault; "
                    "lenient only what is plain to see",
                    {"as usual": {}, "strict": _STRICT, "lenient": _LENIENT},
                ),
            },
            views=("images", "findings", "report"),
        ),
    ),
    python={
        "clean_files": "fatescope.systems.cleaning.clean:clean_files",
        "clean_movie": "fatescope.systems.cleaning.clean:clean_movie",
    },
    examples=(
        Example(
            name="faulty",
            title="A movie with faults",
            text="60 frames of an embryo, some black, frozen or with a red line.",
            write="fatescope.systems.simulation.examples:write_faulty",
        ),
    ),
    page="cleaning.md",
)
