"""Faulty frames and tables: what the interfaces know of this system."""

from fatescope.systems.description import Description
from fatescope.systems.question import Question

DESCRIPTION = Description(
    questions=(
        Question(
            name="clean",
            title="Clean a movie",
            text="Faulty frames of movies, and steps in numbers of cells: found, shown, nothing "
            "deleted.",
            takes=frozenset(("movie", "populations")),
            command="clean",
            run="fatescope.systems.cleaning.clean:clean_files",
            plan="fatescope.systems.cleaning.clean:plan_clean",
            settings={
                "settings": "fatescope.clean.settings:CleanSettings",
                "annotations": "fatescope.clean.settings:AnnotationSettings",
            },
            views=("images", "findings", "report"),
        ),
    ),
    python={
        "clean_files": "fatescope.systems.cleaning.clean:clean_files",
        "clean_movie": "fatescope.systems.cleaning.clean:clean_movie",
    },
    page="cleaning.md",
)
