"""Nuclei in electron micrographs: what the interfaces know of this system."""

from fatescope.systems.description import Description, Example, Predicts
from fatescope.systems.question import Question

DESCRIPTION = Description(
    predicts=Predicts(
        name="nuclei-em",
        help="""Outline, count and measure nuclei in electron micrographs of sections.

        The same as `predict nuclei`, with the model for transmission electron micrographs
        of embryos: bright nuclei with dark chromatin in dark cells, bright resin around
        them.
        """,
        example="fatescope predict nuclei-em section.tif --out results",
        system="fatescope.systems.nuclei_em.find:NUCLEI_EM",
        settings="fatescope.systems.nuclei_em.settings:NucleiEmSettings",
    ),
    questions=(
        Question(
            name="nuclei-em",
            title="Outline nuclei in electron micrographs",
            text="Nuclei of sections seen by transmission electron microscopy.",
            takes=frozenset(("image",)),
            examples=("section",),
            command="predict nuclei-em",
            run="fatescope.systems.nuclei.find:predict_nuclei",
            plan="fatescope.systems.nuclei.find:NUCLEI.plan",
            settings={"settings": "fatescope.systems.nuclei_em.settings:NucleiEmSettings"},
            arguments={"command": "predict nuclei-em"},
            first=("diameter_um", "diameter_px", "same_size", "min_area_um2"),
            choices={"model": ("nuclei-em", "classical")},
            views=("labels", "objects", "report"),
            adapts="nuclei-em",
        ),
    ),
    examples=(
        Example(
            name="section",
            title="An electron micrograph",
            text="A section through an embryo, pixel size not known.",
            write="fatescope.systems.simulation.examples:write_section",
        ),
    ),
    page="nuclei-em.md",
)
