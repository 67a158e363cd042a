"""Three tiny systems that are not nuclei; a module of its own, so that workers can import it."""

import numpy as np

from fatescope.base import Finding, Table
from fatescope.base.settings import setting
from fatescope.engine.found import Found
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System
from fatescope.measurement import find_contacts, measure_objects
from fatescope.predict import PredictSettings

COST = Cost(cpu_seconds=1.0, memory_mb=10.0, output_mb=1.0)


class BoxSettings(PredictSettings):
    """What a user may choose of all three."""

    model: str = setting("classical", "here nothing is asked of it")
    least: int = setting(100, "brighter pixels are cells", ge=0)


def write_page(out):
    (out / "report.html").write_text("<p>done</p>")
    return ("report.html",)


def frames_of(image):
    return [image.read(T=t) for t in range(image.size("T"))]


def cells_of(frame, settings):
    """Two cells at most: what is bright, and what is twice as bright."""
    return (frame >= settings.least).astype(np.uint8) + (frame >= 2 * settings.least)


def find_cells(image, settings, *, predictor, scratch, decided):
    """Cells of volumes: labels over Z, and which of them touch."""
    labels = [cells_of(f, settings) for f in frames_of(image)]
    objects = [measure_objects(f, frame=t) for t, f in enumerate(labels)]
    contacts = [find_contacts(f) for f in labels]
    framed = [c.with_columns({"frame": np.full(len(c), t)}) for t, c in enumerate(contacts)]
    return Found(
        tables={"objects": Table.concatenate(objects), "contacts": Table.concatenate(framed)},
        rasters={"labels": labels},
        record={"brightest": int(max(f.max() for f in frames_of(image)))},
    )


def find_classes(image, settings, *, predictor, scratch, decided):
    """A class for each pixel, relative to what all images agreed on."""
    classes = [cells_of(f, settings) + (f >= decided) for f in frames_of(image)]
    return Found(
        tables={
            "objects": Table({"label": np.arange(1), "class": np.array(["dead"], dtype=object)})
        },
        rasters={"classes": classes},
        kind="zarr",
    )


def brightest(run, files, worker, *, execution, progress):
    known = run.decided().get("brightest", 0)
    run.decide("brightest", max([known, *(int(worker.open(f)[0].read(T=0).max()) for f in files)]))
    return run.decided()["brightest"]


def count_cells(image, settings, *, predictor, scratch, decided):
    """Counts of a movie, and no image."""
    n = np.array([cells_of(f, settings).max() for f in frames_of(image)])
    total = np.full(len(n), "total", dtype=object)
    counts = Table({"frame": np.arange(len(n)), "founder": total, "count": n})
    doubt = Finding(file=image.name, rule="jump", severity="info", reason="Made up.")
    return Found(tables={"populations": counts}, findings=[doubt])


CELLS = System(
    command="predict membrane",
    settings=BoxSettings,
    cost=COST,
    find=find_cells,
    write_pages=write_page,
    holds="ZYX",
)
CLASSES = System(
    command="predict viability",
    settings=BoxSettings,
    cost=COST,
    find=find_classes,
    write_pages=write_page,
    decide=brightest,
)
COUNTS = System(
    command="predict populations",
    settings=BoxSettings,
    cost=COST,
    find=count_cells,
    write_pages=write_page,
)
