"""What can be asked. A new system is one more `Question` here, and nothing else."""

from __future__ import annotations

from fatescope.app.question import Question
from fatescope.base import InputError

QUESTIONS: tuple[Question, ...] = (
    Question(
        name="nuclei",
        title="Outline nuclei",
        text="Every nucleus of fluorescence images, stacks and movies outlined, counted, measured.",
        takes=frozenset(("image", "stack", "movie")),
        command="predict nuclei",
        run="fatescope.workflows.nuclei:predict_nuclei",
        plan="fatescope.workflows.nuclei:NUCLEI.plan",
        settings={"settings": "fatescope.predict.settings:NucleiSettings"},
        first=("channel", "diameter_um", "diameter_px", "same_size", "min_area_um2", "link"),
        choices={"model": ("nuclei", "classical")},
        channels=("channel",),
        views=("labels", "objects", "report"),
        adapts="nuclei",
    ),
    Question(
        name="nuclei-em",
        title="Outline nuclei in electron micrographs",
        text="Nuclei of sections seen by transmission electron microscopy.",
        takes=frozenset(("image",)),
        command="predict nuclei-em",
        run="fatescope.workflows.nuclei:predict_nuclei",
        plan="fatescope.workflows.nuclei:NUCLEI.plan",
        settings={"settings": "fatescope.predict.settings:NucleiEmSettings"},
        arguments={"command": "predict nuclei-em"},
        first=("diameter_um", "diameter_px", "same_size", "min_area_um2"),
        choices={"model": ("nuclei-em", "classical")},
        views=("labels", "objects", "report"),
        adapts="nuclei-em",
    ),
    Question(
        name="cells",
        title="Outline cells",
        text="The cells between stained membranes, in volumes, planes and movies, with contacts.",
        takes=frozenset(("image", "stack", "movie")),
        command="predict membrane",
        run="fatescope.workflows.membranes:predict_membranes",
        plan="fatescope.workflows.membranes:MEMBRANES.plan",
        settings={"settings": "fatescope.predict.membrane.settings:MembraneSettings"},
        first=("channel", "nuclei_channel", "markers"),
        files=("markers",),
        choices={"model": ("membrane", "classical")},
        channels=("channel", "nuclei_channel"),
        one_channel="channel",
        views=("labels", "objects", "report"),
    ),
    Question(
        name="populations",
        title="Count over time",
        text="How many cells of each founder there are in every frame, with intervals.",
        takes=frozenset(("movie",)),
        command="predict populations",
        run="fatescope.workflows.populations:predict_populations",
        plan="fatescope.workflows.populations:POPULATIONS.plan",
        settings={"settings": "fatescope.predict.populations.settings:PopulationSettings"},
        first=("channel", "clean"),
        choices={"model": ("populations",)},
        channels=("channel",),
        views=("images", "counts", "report"),
    ),
    Question(
        name="viability",
        title="Live or dead",
        text="Living and dead cells in bright-field or phase images, without a stain.",
        takes=frozenset(("image", "movie")),
        command="predict viability",
        run="fatescope.workflows.viability:predict_viability",
        plan="fatescope.workflows.viability:VIABILITY.plan",
        settings={"settings": "fatescope.predict.settings:ViabilitySettings"},
        first=("channel",),
        choices={"model": ("viability",)},
        channels=("channel",),
        views=("labels", "objects", "report"),
    ),
    Question(
        name="clean",
        title="Clean a movie",
        text="Faulty frames of movies, and steps in numbers of cells: found, shown, nothing "
        "deleted.",
        takes=frozenset(("movie", "populations")),
        command="clean",
        run="fatescope.workflows.clean:clean_files",
        plan="fatescope.workflows.clean:plan_clean",
        settings={
            "settings": "fatescope.clean.settings:CleanSettings",
            "annotations": "fatescope.clean.settings:AnnotationSettings",
        },
        views=("images", "findings", "report"),
    ),
    Question(
        name="name",
        title="Name cells",
        text="A name for every nucleus of an embryo, with its confidence, from positions alone.",
        takes=frozenset(("lineage",)),
        command="lineage name",
        run="fatescope.workflows.lineages.name:name_lineages",
        plan="fatescope.workflows.lineages.plan:plan_lineages",
        settings={
            "settings": "fatescope.lineage.naming.settings:NameSettings",
            "reading": "fatescope.acquire.lineages.settings:LineageReading",
        },
        first=("links", "abstain_below"),
        hidden=("atlas",),
        views=("tree", "report"),
    ),
    Question(
        name="lint",
        title="Check lineages",
        text="What cannot be true in lineage tables, ranked, each with a reason.",
        takes=frozenset(("lineage",)),
        command="lineage lint",
        run="fatescope.workflows.lineages.lint:lint_lineages",
        plan="fatescope.workflows.lineages.plan:plan_lineages",
        settings={
            "settings": "fatescope.lineage.lint.settings:LintSettings",
            "reading": "fatescope.acquire.lineages.settings:LineageReading",
        },
        first=("format",),
        views=("tree", "findings", "report"),
    ),
    Question(
        name="draw",
        title="Draw lineages",
        text="The tree to walk along, nuclei in space and time, founders, timing.",
        takes=frozenset(("lineage",)),
        command="lineage draw",
        run="fatescope.workflows.lineages.draw:draw_lineages",
        plan="fatescope.workflows.lineages.plan:plan_lineages",
        settings={
            "settings": "fatescope.workflows.lineages.settings:DrawSettings",
            "reading": "fatescope.acquire.lineages.settings:LineageReading",
        },
        hidden=("reference",),
        views=("tree", "report"),
    ),
    Question(
        name="plate",
        title="Follow the cells of a plate",
        text="When each cell of a plate died, without a stain, and which treatment kills.",
        takes=frozenset(("plate",)),
        command="plate run",
        run="fatescope.workflows.plate_run:run_plate",
        plan="fatescope.workflows.plate_run:plan_plate_run",
        settings={
            "settings": "fatescope.plate.settings:PlateRunSettings",
            "model": "fatescope.predict.settings:PlateModel",
            "reading": "fatescope.acquire.plates.settings:PlateReading",
        },
        one_input=True,
        first=("map", "channel", "fields"),
        hidden=("vessel", "pattern"),
        choices={"model": ("viability",)},
        views=("images", "wells", "report"),
    ),
    Question(
        name="survival",
        title="Compare survival on a plate",
        text="Which treatment kills, and how fast, from the fates of cells and the plate map.",
        takes=frozenset(("fates",)),
        command="plate survival",
        run="fatescope.workflows.survival:survival_of_plate",
        settings={"settings": "fatescope.plate.settings:SurvivalSettings"},
        first=("map", "response_frame"),
        needs=("map",),
        views=("wells", "report"),
    ),
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
        run="fatescope.workflows.review.adapt:adapt_model",
        plan="fatescope.workflows.review.adapt:plan_adapting",
        settings={"settings": "fatescope.workflows.review.adapt:AdaptSettings"},
        first=("start",),
        choices={"start": ("nuclei", "nuclei-em")},
        views=("report",),
        says="kept.txt",
        reports=("compared/report.html", "report.html"),
    ),
)
"""In the order in which the buttons stand."""


def question_named(name: str) -> Question:
    """Return a question by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = next((q for q in QUESTIONS if q.name == name), None)
    if found is None:
        raise InputError(f"there is no question {name!r}. Choose one on the page of your files.")
    return found
