"""Faulty frames and tables: what the interfaces know of this system."""

from fatescope.systems.description import EXECUTION, INPUTS, OUT, Command, Description, Option
from fatescope.systems.question import Question

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
            command="clean",
            views=("images", "findings", "report"),
        ),
    ),
    python={
        "clean_files": "fatescope.systems.cleaning.clean:clean_files",
        "clean_movie": "fatescope.systems.cleaning.clean:clean_movie",
    },
    page="cleaning.md",
)
