"""What a user may say about a plate that its files do not say."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting


class PlateReading(Settings):
    """How the files of a plate become wells, fields and channels."""

    pattern: str | None = setting(
        None,
        'names of the files of any other folder, such as "{well}_{field}_{channel}.tif"; also '
        "{row}, {column}, {frame}, {plane}",
    )
    vessel: str | None = setting(
        None, "number of the vessel, where an Incucyte archive holds several"
    )
