"""Label images measured and scored: what the interfaces know of this system."""

from fatescope.systems.description import (
    EXECUTION,
    INPUTS,
    OUT,
    Argument,
    Command,
    Description,
    Option,
)
from fatescope.systems.question import Question, Role

_PROGRAMS = {
    "rois": "Fiji and ImageJ: ROIs (ZIP)",
    "geojson": "QuPath: GeoJSON",
    "zarr": "napari and others: OME-Zarr",
    "masks": "Cellpose and StarDist: masks (TIFF)",
}

DESCRIPTION = Description(
    commands=(
        Command(
            name="measure",
            help="Measure the objects of label images: place, size, shape and brightness "
            "in each channel.",
            example="fatescope measure images/ labels/ --out measured",
            run="fatescope.systems.labels.measure:measure_files",
            settings={
                "settings": "fatescope.measurement.settings:MeasureSettings",
                "execution": EXECUTION,
            },
            arguments=(
                Argument("images", "an image, or a folder of them", metavar="IMAGE"),
                Argument("labels", "label images, same names", metavar="LABELS"),
                OUT,
            ),
        ),
        Command(
            name="convert",
            help="""Write the labels of a result for other programs, or make labels of outlines.

            From output folders or label images: a zip of ROIs for Fiji, GeoJSON for QuPath,
            OME-Zarr, or TIFF as Cellpose and StarDist name it. A zip of ROIs or GeoJSON becomes
            labels again on the grid of the image given by --like: what fatescope wrote comes back
            as it was, touching cells too.
            """,
            example="fatescope convert results --to rois --out for-fiji",
            run="fatescope.systems.labels.convert:convert_labels",
            settings={"execution": EXECUTION},
            arguments=(
                INPUTS,
                OUT,
                Option(
                    "to",
                    "format to write; labels for outlines",
                    type="fatescope.systems.labels.convert:OutlineFormat",
                ),
                Option("like", "image that outlines were drawn on", metavar="IMAGE"),
            ),
        ),
        Command(
            name="evaluate labels",
            help="Score label images, matched by name: AP, F1, PQ, SEG, IoU and Dice, with "
            "an interval.",
            example="fatescope evaluate labels truth/labels results/labels --json",
            run="fatescope.systems.labels.evaluate:score_files",
            settings={"settings": "fatescope.evaluate.settings:ScoreSettings"},
            arguments=(
                Argument("true", "true labels: a file or a folder", metavar="TRUE"),
                Argument("pred", "predicted labels, same names", metavar="PRED"),
                Option("units", "CSV that gives the independent unit of images"),
                Option(
                    "unit_column", "column of --units that names the unit", type=str, default="unit"
                ),
                Option("stratum_column", "column of --units to score apart", type=str),
                Option("axes", "axes of the true files, such as TYX or ZYX", type=str),
                Option("table", "write one row per image here (.csv, .parquet)"),
            ),
            fresh=False,
        ),
        Command(
            name="evaluate centres",
            help="Score centres of nuclei: F1 with an interval, how far counts are off, mean "
            "distance.",
            example="fatescope evaluate centres truth/spots.csv results --within-um 2.5 --json",
            run="fatescope.systems.labels.centres:evaluate_centres",
            settings={"settings": "fatescope.evaluate.settings:CentreSettings"},
            arguments=(
                Argument("true", "table: frame, z, y, x, and image", metavar="TRUE"),
                Argument("pred", "such a table, or a result folder", metavar="PRED"),
                Option("units", "CSV that gives the independent unit of images"),
            ),
            fresh=False,
        ),
    ),
    questions=(
        Question(
            name="measure",
            title="Measure my own outlines",
            text="Place, size, shape and brightness of the objects of label images, beside their "
            "images.",
            takes=frozenset(("labels",)),
            command="measure",
            roles={
                "images": Role("Images", frozenset(("image", "stack", "movie"))),
                "labels": Role("Label images", frozenset(("labels",))),
            },
        ),
        Question(
            name="evaluate",
            title="Score outlines against the truth",
            text="How well label images agree with true ones: found, missed, joined, and how "
            "closely.",
            takes=frozenset(("labels",)),
            command="evaluate labels",
            roles={
                "true": Role("True labels", frozenset(("labels",))),
                "pred": Role("Labels to be scored", frozenset(("labels",))),
            },
            lasts="A moment for each image.",
            writes=False,
        ),
        Question(
            name="convert-labels",
            title="Write outlines for another program",
            text="Label images as outlines for Fiji or QuPath, as OME-Zarr, or as masks.",
            takes=frozenset(("labels", "result")),
            command="convert",
            roles={
                "to": Role(
                    "Format to write",
                    choices=tuple(_PROGRAMS),
                    words=_PROGRAMS,
                )
            },
            needs=("to",),
            parts=("label image", "label images"),
        ),
    ),
)
