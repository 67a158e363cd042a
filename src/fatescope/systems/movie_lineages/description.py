"""Movies to lineages: what the interfaces know of this system."""

from fatescope.systems.description import Description, Example, Predicts
from fatescope.systems.question import Question

_SETTINGS = "fatescope.systems.movie_lineages.settings:MovieLineageSettings"

DESCRIPTION = Description(
    predicts=Predicts(
        name="lineage",
        help="""
        Find the nuclei of a movie of volumes, link them through time, and name the cells.

        Writes label images in which a nucleus keeps one number, objects, tracks, spots.csv with
        links and divisions, named/ with the name of each nucleus (C. elegans; --species none for
        other animals), findings, a record of the run and a report. The same command again
        continues where it stopped.
        """,
        example="fatescope predict lineage embryo.tif --interval-min 1 --out results",
        system="fatescope.systems.movie_lineages.find:MOVIE_LINEAGES",
        settings=_SETTINGS,
    ),
    questions=(
        Question(
            name="movie-lineage",
            title="Follow and name nuclei",
            text="Nuclei of a movie of volumes found, linked through divisions, and named.",
            takes=frozenset(("movie",)),
            examples=("volumes",),
            command="predict lineage",
            run="fatescope.systems.movie_lineages.find:predict_lineage",
            plan="fatescope.systems.movie_lineages.find:MOVIE_LINEAGES.plan",
            settings={"settings": _SETTINGS},
            first=("channel", "species", "diameter_um", "diameter_px"),
            hidden=("link",),
            choices={"model": ("nuclei", "classical")},
            channels=("channel",),
            views=("labels", "objects", "report"),
        ),
    ),
    python={
        "predict_lineage": "fatescope.systems.movie_lineages.find:predict_lineage",
        "segment_lineage": "fatescope.systems.movie_lineages.find:segment_lineage",
    },
    examples=(
        Example(
            name="volumes",
            title="Volumes of an embryo over time",
            text="Eight volumes of stained nuclei, some of which divide.",
            write="fatescope.systems.simulation.examples:write_volumes",
        ),
    ),
    page="predict-lineage.md",
)
