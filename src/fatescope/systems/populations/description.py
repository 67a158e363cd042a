"""Cells of each founder over time: what the interfaces know of this system."""

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
        name="populations",
        help="""
        Count the cells of each founder in every frame of fluorescence movies, with 90 % intervals.

        For maximum projections of nuclei in C. elegans embryos, from two cells to about
        350. Start and tempo are found; --interval-min says the time between frames where it
        is known. Writes populations.csv, frames.csv (developmental clock, frames that are
        abstained from), findings, a record of the run and a report. The same command again
        continues where it stopped.
        """,
        example="fatescope predict populations embryo.mov --out results",
        system="fatescope.systems.populations.find:POPULATIONS",
        settings="fatescope.systems.populations.settings:PopulationSettings",
    ),
    commands=(
        Command(
            name="reproduce movies-2020",
            help="""
            Count the cells of each lineage by ResNet18: as published in 2020, then on true labels.

            One page shows the published table against its own movie, the drop of the frames with
            the highest loss and what it was worth on movies that were not trained on. The extra
            `train` is needed.
            """,
            example="fatescope reproduce movies-2020 --out movies --quick",
            run="fatescope.systems.populations.reproduce.run:MOVIES_2020.run",
            plan="fatescope.systems.populations.reproduce.run:MOVIES_2020.plan",
            settings={"recipe": "fatescope.systems.reproduction.settings:MoviesRecipe"},
            arguments=(
                OUT,
                Option("data", "folder with the recorded movie, its table and published counts"),
                QUICK,
                WORKERS,
            ),
        ),
    ),
    questions=(
        Question(
            name="populations",
            title="Count over time",
            text="How many cells of each founder there are in every frame, with intervals.",
            takes=frozenset(("movie",)),
            examples=("embryo",),
            command="predict populations",
            run="fatescope.systems.populations.find:predict_populations",
            first=("channel", "clean"),
            choices={"model": ("populations",)},
            channels=("channel",),
            views=("images", "counts", "report"),
        ),
    ),
    trains={
        "populations": Trains(
            recipe="fatescope.systems.populations.training.settings:PopulationRecipe",
            trainable="fatescope.systems.populations.training.task:POPULATIONS",
        )
    },
    python={
        "predict_populations": "fatescope.systems.populations.find:predict_populations",
        "count_populations": "fatescope.systems.populations.find:count_populations",
    },
    examples=(
        Example(
            name="embryo",
            title="A movie of an embryo",
            text="100 minutes of development, from two cells to some fifty.",
            write="fatescope.systems.simulation.examples:write_embryo",
        ),
    ),
    linked={"counts": "fatescope.systems.populations.page:linked_movie"},
    page="populations.md",
)
