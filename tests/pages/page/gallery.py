"""One page that says what each of the five systems must be able to show, from rendered values."""

import numpy as np

from fatescope.pages.chart import Axis, Band, Bars, Chart, Guide, HeatMap, Line, Points, histogram
from fatescope.pages.images import png_uri
from fatescope.pages.page import (
    Beside,
    Cell,
    Code,
    Drawing,
    Frame,
    ImageViewer,
    Page,
    PageTable,
    Pane,
    Section,
    SolidViewer,
    SpaceViewer,
    Text,
    View,
    outlines_of,
    tracks_in_space,
)
from fatescope.pages.solids import cell_solids

FOUND, WRONG, MISSED = "#56b4e9", "#d55e00", "#f0e442"


def gallery():
    """Return the page."""
    return Page(
        title="Everything that a page can hold",
        kind="gallery",
        lead="One section for each system; the numbers are made up.",
        sections=(nuclei(), membranes(), movies(), lineages(), plates()),
    )


def pane(labels, *, title="", outlines=()):
    """Return noise with brighter objects, as a pane."""
    rng = np.random.default_rng(int(labels.sum()))
    grey = np.clip(30 + 120 * (labels > 0) + rng.normal(0, 12, labels.shape), 0, 255)
    height, width = labels.shape
    image = png_uri(grey.astype(np.uint8))
    return Pane(image=image, width=width, height=height, outlines=outlines, title=title)


def nuclei():
    sizes = np.random.default_rng(2).gamma(9, 4.5, 500)
    chart = histogram(
        sizes,
        x=Axis(title="area", unit="µm²"),
        title="Area of nuclei",
        what="nuclei",
        caption="n = 500 nuclei of one image.",
    )
    per_image = Chart(
        title="Nuclei per image",
        x=Axis(title="image"),
        y=Axis(title="nuclei"),
        marks=(Points(name="image", x=range(1, 41), y=np.sort(sizes[:40]).round()),),
    )
    table = PageTable(
        columns=("image", "nuclei", "rule"),
        rows=[
            (f"plate/{i}.tif", str(i * 7 % 11), Cell(text="blurred", kind="warning"))
            for i in range(8)
        ],
    )
    return Section(title="Nuclei: sizes", blocks=(Beside(blocks=(chart, per_image)), table))


def volume():
    """Return labels (Z, Y, X) of five round cells that touch."""
    z, y, x = np.mgrid[:20, :60, :80]
    places = [(10, 20, 20), (9, 38, 24), (10, 24, 44), (11, 42, 50), (10, 30, 66)]
    near = np.stack([((z - a) * 2) ** 2 + (y - b) ** 2 + (x - c) ** 2 for a, b, c in places])
    return np.where(near.min(axis=0) < 170, near.argmin(axis=0) + 1, 0)


def membranes():
    labels = volume()
    planes = []
    for k in range(4, 17, 3):
        cuts = (labels[k], labels[:, 30].repeat(2, axis=0), labels[:, :, 40].repeat(2, axis=0))
        titles = ("across Z", "across Y", "across X")
        panes = [
            pane(cut, title=t, outlines=outlines_of(cut))
            for cut, t in zip(cuts, titles, strict=True)
        ]
        planes.append(Frame(index=k, panes=panes))
    slices = ImageViewer(
        title="Slices of a volume",
        noun="cell",
        views=(View(title="embryo", frames=planes, walk="plane", length=20, um=0.2),),
    )
    inside = np.argwhere(labels)
    shell = inside[np.random.default_rng(0).choice(len(inside), 900, replace=False)]
    cell = labels[tuple(shell.T)]
    place = (shell - shell.mean(axis=0)) * (0.4, 0.2, 0.2)
    names = [f"cell {c}" for c in cell]
    tracks = tracks_in_space(place[:, ::-1], np.zeros(900, int), np.arange(900), names, names)
    colours = dict(
        zip(
            [f"cell {c}" for c in range(1, 6)],
            ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7"),
            strict=True,
        )
    )
    space = SpaceViewer(
        title="Cells in space", tracks=tracks, colours=colours, noun="point", radius_um=0.25
    )
    solids = cell_solids(
        labels,
        spacing_um=(0.4, 0.2, 0.2),
        step_um=0.3,
        name=str,
        words=lambda c: f"{int((labels == c).sum())} voxels",
        colour=lambda c: colours[f"cell {c}"],
    )
    solid = SolidViewer(title="Cells as solids", solids=solids)
    return Section(title="Membranes: slices and space", blocks=(slices, space, solid))


def movies():
    rng = np.random.default_rng(5)
    frames = []
    for t in range(6):
        labels = np.kron(np.arange(1, 13).reshape(3, 4), np.pad(np.ones((14, 14), int), 3))
        labels[labels > 4 + t] = 0
        layers = outlines_of(labels, {1, 2, 3, 4}, layer="found", colour=lambda _: FOUND)
        layers += outlines_of(labels, {5, 6}, layer="wrong", colour=lambda _: WRONG)
        layers += outlines_of(labels, {7, 8, 9}, layer="missed", colour=lambda _: MISSED)
        frames.append(
            Frame(index=10 * t, panes=[pane(labels, outlines=layers)], words=f"n = {4 + t}")
        )
    film = ImageViewer(
        title="Found, wrong and missed, frame by frame",
        noun="cell",
        layers={"found": FOUND, "wrong": WRONG, "missed": MISSED},
        views=(View(title="movie", frames=frames, length=60, interval_min=1.5),),
    )
    time = np.arange(0, 181, 3.0)
    marks = []
    for name, rate, colour in (
        ("total", 30, "#7f7f7f"),
        ("AB", 35, "#0072B2"),
        ("MS", 48, "#E69F00"),
    ):
        n = 2 ** (time / rate)
        marks += [
            Band(name=name, x=time, low=n * 0.8, high=n * 1.2, colour=colour),
            Line(name=name, x=time, y=n, colour=colour),
        ]
    marks += [
        Points(
            name="counted by hand",
            x=time[::12],
            y=2 ** (time[::12] / 30) * rng.normal(1, 0.1, 6),
            colour="#000000",
        ),
        Guide(words="not all annotated", axis="x", at=150, to=180),
    ]
    counts = Chart(
        title="Cells of each founder",
        x=Axis(title="time", unit="min"),
        y=Axis(title="cells", scale="log2"),
        marks=marks,
        caption="Bands: 90 % prediction intervals. n = 1 movie.",
    )
    return Section(title="Movies: film and counts", blocks=(film, counts))


def lineages():
    rng = np.random.default_rng(1)
    difference = rng.normal(0, 2, 120)
    q = np.exp(-np.abs(difference) * rng.uniform(0.5, 2, 120))
    names = [f"AB{'alpr'[i % 4]}{'ap'[i % 2]}{i}" for i in range(120)]
    volcano = Chart(
        title="Every cell",
        x=Axis(title="difference", unit="min"),
        y=Axis(title="−log10 of q"),
        marks=(
            Guide(words="q below 0.05", axis="y", at=-np.log10(0.05)),
            Points(
                name="AB",
                x=difference,
                y=-np.log10(q),
                words=names,
                written=[n if v < 0.03 else "" for n, v in zip(names, q, strict=True)],
            ),
        ),
    )
    bars = Chart(
        title="Rows of each name",
        x=Axis(title="compact name", labels=[f"AB{c}{d}" for c in "alpr" for d in "alpr"]),
        y=Axis(title="rows", scale="log2"),
        marks=(
            Bars(
                name="after sampling",
                x=range(16),
                height=[512] * 16,
                stroke="dashed",
                colour="#333333",
            ),
            Bars(
                name="as they are", x=range(16), height=rng.integers(8, 500, 16), colour="#0072B2"
            ),
        ),
    )
    loss = np.exp(-np.arange(1, 51) / 12)
    course = Chart(
        title="Loss",
        x=Axis(title="epoch"),
        y=Axis(title="cross-entropy"),
        marks=(
            Line(name="training", x=range(1, 51), y=loss),
            Line(name="validation", x=range(1, 51), y=loss * 1.3 + 0.05, stroke="dashed"),
        ),
    )
    branches = "M10,30H150M150,10V50M150,10H290M150,50H290"
    tree = f'<svg width="300" height="60"><path d="{branches}" stroke="#222" fill="none"/></svg>'
    return Section(
        title="Lineages: cells, names, training",
        blocks=(
            volcano,
            bars,
            course,
            Drawing(svg=tree, title="a tree"),
            Code(text="a = 1", title="Run it again"),
        ),
    )


def plates():
    rng = np.random.default_rng(3)
    hours = np.arange(0, 49, 2.0)
    marks = []
    for name, rate in (("control", 0.004), ("10 µM", 0.03), ("100 µM", 0.09)):
        alive = np.exp(-rate * hours)
        marks += [
            Band(
                name=name,
                x=hours,
                low=alive - 0.05,
                high=np.minimum(alive + 0.05, 1),
                shape="steps",
            ),
            Line(name=name, x=hours, y=alive, shape="steps"),
        ]
    marks.append(Guide(words="half alive", axis="y", at=0.5))
    survival = Chart(
        title="Survival by treatment",
        x=Axis(title="time", unit="h"),
        y=Axis(title="alive", ends=(0, 1)),
        marks=marks,
        caption="Bands: 95 % confidence intervals over 4 wells each.",
    )
    wells = rng.uniform(0.2, 1, (4, 6))
    wells[2, 3] = np.nan
    plate = Chart(
        title="Viability of each well after 48 h",
        x=Axis(title="column", labels=[str(i) for i in range(1, 7)]),
        y=Axis(title="row", labels=list("ABCD")),
        marks=(HeatMap(name="viability", values=wells, ends=(0.0, 1.0)),),
        height_px=220,
    )
    dose = Chart(
        title="Dose and response",
        x=Axis(title="dose", unit="µM", scale="log10"),
        y=Axis(title="alive", ends=(0, 1.05)),
        marks=(
            Points(
                name="wells",
                x=[0.1, 1, 10, 100],
                y=[0.97, 0.9, 0.5, 0.1],
                low=[0.9, 0.8, 0.35, 0.02],
                high=[1, 0.97, 0.65, 0.2],
                size_px=8,
            ),
        ),
    )
    return Section(
        title="Plates: survival and dose",
        blocks=(
            Beside(blocks=(survival, plate)),
            dose,
            Text(paragraphs=("Empty wells are blank.",)),
        ),
    )
