"""The sentences of the page: what was found, what puts it in doubt, what a column means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.pages.chart import number
from fatescope.pages.skeleton import counted, none_or

if TYPE_CHECKING:
    from fatescope.systems.nuclei.page.values import NucleiReport

COLUMNS: dict[str, tuple[str, str]] = {
    "image": ("", "name of the input file"),
    "label": ("", "number of the nucleus in the label image of its frame"),
    "frame": ("", "frame of the movie, counted from 0"),
    "track_id": ("", "number that follows one nucleus through the movie"),
    "z": ("planes", "centre of mass along Z, counted from 0"),
    "y": ("px", "centre of mass, rows from the top; the centre of the first pixel is 0"),
    "x": ("px", "centre of mass, columns from the left; the centre of the first pixel is 0"),
    "bbox_y0": ("px", "first row of the smallest box around the nucleus"),
    "bbox_x0": ("px", "first column of that box"),
    "bbox_y1": ("px", "first row below the box"),
    "bbox_x1": ("px", "first column to the right of the box"),
    "bbox_z0": ("planes", "first plane of the box"),
    "bbox_z1": ("planes", "first plane above the box"),
    "area_px": ("px", "number of pixels"),
    "area_um2": ("µm²", "area: pixels times the area of one pixel"),
    "volume_px": ("voxels", "number of voxels"),
    "volume_um3": ("µm³", "volume: voxels times the volume of one voxel"),
    "diameter_px": ("px", "diameter of the circle (2D) or ball (3D) of the same size"),
    "diameter_um": ("µm", "diameter of the circle (2D) or ball (3D) of the same size"),
    "major_axis_px": ("px", "long axis of the ellipse with the same second moments"),
    "minor_axis_px": ("px", "short axis of that ellipse"),
    "major_axis_um": ("µm", "long axis of the ellipse with the same second moments"),
    "minor_axis_um": ("µm", "short axis of that ellipse"),
    "aspect": ("", "long axis divided by short axis; 1 for a circle"),
    "orientation_deg": ("degrees", "direction of the long axis"),
    "ellipse_fill": ("", "size divided by that of the ellipse; well below 1 where waisted"),
    "solidity": ("", "size divided by that of the convex hull; 1 has no dents"),
    "touches_border": ("", "1 where the nucleus meets the border of the image and may be cut"),
    "score": ("", "0 to 1, how sure the model is that this is a nucleus"),
    "doubt": ("", "1 at the limit of what is usual, more is worse; 0 without a doubt"),
    "doubt_reason": ("", "why the nucleus deserves a second look"),
    "y_um": ("µm", "centre of mass along Y"),
    "x_um": ("µm", "centre of mass along X"),
    "z_um": ("µm", "centre of mass along Z"),
    "time_min": ("min", "time of the frame from the first frame"),
}
_ENDINGS = (
    ("_um3", "µm³"),
    ("_um2", "µm²"),
    ("_um", "µm"),
    ("_px", "px"),
    ("_min", "min"),
    ("_h", "h"),
    ("_rad", "rad"),
)
_STATISTICS = {
    "mean": "mean value of the pixels inside",
    "sum": "sum of the pixels inside",
    "std": "standard deviation of the pixels inside",
    "min": "smallest pixel inside",
    "max": "largest pixel inside",
    "median": "median of the pixels inside",
}


def explain_column(name: str) -> tuple[str, str]:
    """Return the unit and the meaning of a column of objects.csv.

    Examples
    --------
    >>> explain_column("mean_0")
    ('input units', 'mean value of the pixels inside, in channel 0')
    """
    if name in COLUMNS:
        return COLUMNS[name]
    statistic, _, channel = name.partition("_")
    if statistic in _STATISTICS and channel:
        return "input units", f"{_STATISTICS[statistic]}, in channel {channel}"
    unit = next((unit for ending, unit in _ENDINGS if name.endswith(ending)), "")
    return unit, "see the page on measures in the documentation"


def answer(report: NucleiReport) -> str:
    """Say how many nuclei there are, how large, and how many of them are doubtful."""
    done = [image for image in report.images if not image.problem]
    failed = len(report.images) - len(done)
    n, doubtful = report.n_objects, none_or(report.n_doubtful)
    movies = [image for image in done if len(image.counts) > 1]
    if not n:
        found = f"No nucleus was found in {counted(len(done), 'image')}"
    elif len(done) == len(movies) == 1:
        (movie,) = movies
        last = counted(int(movie.counts[-1]), "nucleus", "nuclei")
        found = (
            f"{last} in the last of {number(movie.n_frames)} frames, {number(movie.counts[0])} in "
            f"the first; {doubtful} of {counted(n, 'outline')} doubtful"
        )
    else:
        size = f"median {number(report.median_size)} {report.size_unit}"
        where = counted(len(done), "image") + (", frame by frame" if movies else "")
        found = (
            f"{counted(n, 'nucleus', 'nuclei')} ({size}) in {where}, {doubtful} of them doubtful"
        )
    return f"{found}; {counted(failed, 'image')} not processed." if failed else f"{found}."
