"""Plates of many wells: what the interfaces know of this system."""

from fatescope.systems.description import (
    EXECUTION,
    INPUTS,
    OUT,
    Argument,
    Command,
    Description,
    Example,
    Option,
)
from fatescope.systems.question import Question

DESCRIPTION = Description(
    commands=(
        Command(
            name="plate show",
            help="""
            List what a plate holds: wells, fields, channels, frames, planes, and what is missing.

            OME-Zarr (HCS 0.4, 0.5), ImageXpress, Opera Phenix and Operetta, Incucyte and Yokogawa
            CellVoyager are recognised; any other folder is read with --pattern. What is on the
            disk counts, not what an index promises.
            """,
            example="fatescope plate show plate.zarr --map map.csv",
            run="fatescope.systems.plates.show:show_plate",
            settings={"reading": "fatescope.acquire.plates.settings:PlateReading"},
            arguments=(
                Argument("folder", "folder of a plate", metavar="PLATE"),
                Option(
                    "plate_map",
                    "plate map: well, treatment, dose, stain, ...",
                    flags=("--map",),
                    metavar="CSV",
                ),
            ),
            fresh=False,
        ),
        Command(
            name="plate labels",
            help="""
            Make labels from the stains of a plate: what is cell, which nuclei live, which are
            dead.

            Nuclei are found in both stains and called by their brightness over what is around
            them, with limits from control wells or from all nuclei of the plate. What lies between
            the limits is uncertain (255), and training ignores it. A page shows each step.
            """,
            example="fatescope plate labels plate/ --map plate/map.csv --out labels",
            run="fatescope.systems.plates.stain_labels:label_plate",
            plan="fatescope.systems.plates.stain_labels:plan_label_plate",
            settings={
                "settings": "fatescope.plate.settings:StainSettings",
                "reading": "fatescope.acquire.plates.settings:PlateReading",
                "execution": EXECUTION,
            },
            arguments=(Argument("folder", "folder of a plate", metavar="PLATE"), OUT),
        ),
        Command(
            name="plate run",
            help="""
            Say when each cell of a plate died, without a stain, and which treatment kills.

            Fields are placed, cells found and classified in each frame, linked over frames, and
            followed to their death or to the end. Writes fates, viability by well and frame, and,
            with a plate map, survival, hazard ratios and doses, with a report. The same command
            continues inside a well. With a recipe (for instance viability) a model is first
            trained on the stained wells of the plate; that needs the extra train.
            """,
            example="fatescope plate run plate/ --map map.csv --out fates",
            run="fatescope.systems.plates.run:run_plate",
            plan="fatescope.systems.plates.run:plan_plate_run",
            settings={
                "settings": "fatescope.plate.settings:PlateRunSettings",
                "model": "fatescope.systems.plates.settings:PlateModel",
                "reading": "fatescope.acquire.plates.settings:PlateReading",
                "execution": EXECUTION,
            },
            arguments=(
                Argument("folder", "folder of a plate", metavar="PLATE"),
                OUT,
                Argument(
                    "recipe",
                    "train on the stained wells of this plate first: a shipped name, or a TOML "
                    "file",
                    type=str,
                    metavar="[RECIPE]",
                    default=None,
                ),
            ),
        ),
        Command(
            name="plate stitch",
            help="""Lay the overlapping fields of each well to one image.

            Light is evened; neighbours are matched where they overlap; one placement serves all
            channels, planes and frames, with one drift a frame. Fields that no overlap ties to the
            others lie where the stage says and are listed. A page shows the seams.
            """,
            example='fatescope plate stitch plate/ --pattern "{well}_{field}_{channel}.tif" '
            "--out stitched",
            run="fatescope.systems.plates.stitching:stitch_plate",
            plan="fatescope.systems.plates.stitching:plan_stitch_plate",
            settings={
                "settings": "fatescope.plate.settings:StitchSettings",
                "reading": "fatescope.acquire.plates.settings:PlateReading",
                "execution": EXECUTION,
            },
            arguments=(Argument("folder", "folder of a plate", metavar="PLATE"), OUT),
        ),
        Command(
            name="plate survival",
            help="""
            Say which treatment kills, and how fast, from the fates of cells and the map of the
            plate.

            Viability and survival of wells, median times of death and hazard ratios of treatments
            against the negative controls, dose responses, and what the controls say. The well is
            the unit: all intervals of treatments are over wells.
            """,
            example="fatescope plate survival fates.csv --map map.csv --interval-min 15 --out "
            "survival",
            run="fatescope.systems.plates.survival:survival_of_plate",
            plan="fatescope.systems.plates.survival:plan_survival",
            settings={"settings": "fatescope.plate.settings:SurvivalSettings"},
            arguments=(INPUTS, OUT),
        ),
    ),
    questions=(
        Question(
            name="plate",
            title="Follow the cells of a plate",
            text="When each cell of a plate died, without a stain, and which treatment kills.",
            takes=frozenset(("plate",)),
            examples=("plate",),
            command="plate run",
            one_input=True,
            first=("map", "channel", "fields"),
            hidden=("vessel", "pattern"),
            choices={"model": ("viability",)},
            channels=("channel",),
            views=("images", "wells", "report"),
            parts=("step", "steps"),
        ),
        Question(
            name="stitch",
            title="Stitch the fields of wells",
            text="The overlapping fields of each well as one image, with the seams to look at.",
            takes=frozenset(("plate",)),
            command="plate stitch",
            one_input=True,
            first=("channel", "rows", "columns", "order", "overlap"),
            hidden=("vessel", "pattern"),
            channels=("channel",),
            parts=("well", "wells"),
        ),
        Question(
            name="stain-labels",
            title="Labels from two stains",
            text="Living and dead cells of stained wells, as labels to train with.",
            takes=frozenset(("plate",)),
            command="plate labels",
            one_input=True,
            first=("nuclei", "dead", "bright_field", "rule"),
            needs=("nuclei", "dead", "bright_field"),
            hidden=("vessel", "pattern"),
            channels=("nuclei", "dead", "bright_field"),
            parts=("field", "fields"),
        ),
        Question(
            name="survival",
            title="Compare survival on a plate",
            text="Which treatment kills, and how fast, from the fates of cells and the plate map.",
            takes=frozenset(("fates",)),
            command="plate survival",
            run="fatescope.systems.plates.survival:survival_of_plate",
            settings={"settings": "fatescope.plate.settings:SurvivalSettings"},
            first=("map", "response_frame"),
            needs=("map",),
            views=("wells", "report"),
        ),
    ),
    python={
        "label_plate": "fatescope.systems.plates.stain_labels:label_plate",
        "label_stains": "fatescope.systems.plates.stain_labels:label_stains",
    },
    examples=(
        Example(
            name="plate",
            title="A plate of living and dead cells",
            text="Six wells without a stain, six frames in 18 hours, with their map.",
            write="fatescope.systems.simulation.examples:write_plate",
        ),
    ),
    linked={
        "wells": "fatescope.systems.plates.linked:linked_wells",
        "well": "fatescope.systems.plates.linked:linked_well",
    },
    page="plates.md",
)
