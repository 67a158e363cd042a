"""A plate on disk: which file holds which plane of which field, and what was done to each well."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fatescope.base.dose_units import in_base_unit
from fatescope.base.errors import InputError
from fatescope.base.spacing import Spacing
from fatescope.base.stains import find_channel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fatescope.base.finding import Finding

PROJECTION = -1
"""The plane number of a projection that the instrument wrote beside or instead of a stack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateImage:
    """One file, or one OME-Zarr image, and the part of a field that it holds.

    Parameters
    ----------
    path : Path
    well, field : str
        ``B02``, and the field as the instrument calls it.
    frames, planes : tuple of int
        Counted from 0, in the order of the file; the plane of a projection is `PROJECTION`.
    channels : tuple of str
        In the order of the file.
    axes : str, optional
        The axes as the file stores them, where it does not say so itself.
    scene : str, optional
        Which image of a file that holds several.
    """

    path: Path
    well: str
    field: str
    frames: tuple[int, ...] = (0,)
    channels: tuple[str, ...]
    planes: tuple[int, ...] = (0,)
    axes: str | None = None
    scene: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """What was done to a well: one row of a plate map. Unknown is ``None`` or empty, never 0.

    Parameters
    ----------
    treatment : str
        Compound, strain or condition.
    dose : float, optional
        In ``dose_unit``.
    dose_unit : str
    stains : tuple of str
    light : float, optional
        0 without illumination, 1 with it, or the dose of a series.
    control : str
        ``negative``, ``positive`` or empty.
    """

    treatment: str = ""
    dose: float | None = None
    dose_unit: str = ""
    stains: tuple[str, ...] = ()
    light: float | None = None
    control: str = ""

    @property
    def identity(self) -> tuple[str, float | None, str]:
        """Name and dose in a base unit (`in_base_unit`): equal for treatments that are one."""
        if self.dose is None:
            return self.treatment, None, ""
        return self.treatment, *in_base_unit(self.dose, self.dose_unit)

    def __str__(self) -> str:
        """Return the treatment with its dose, as a person writes it."""
        dose = "" if self.dose is None else f" {self.dose:g} {self.dose_unit}".rstrip()
        return (self.treatment or "untreated") + dose


def untreated_wells(treatments: Mapping[str, Treatment]) -> list[str]:
    """Return the wells of a map that nobody can compare with others: what was done is not said.

    A control is known without a name. So is a dose, or a stain and light, where no well of the map
    has a name; elsewhere a row without one is what merged cells of a spreadsheet leave.
    """
    named = any(t.treatment for t in treatments.values())
    return [
        well
        for well, t in treatments.items()
        if not (t.treatment or t.control)
        and (named or (t.dose is None and t.light is None and not t.stains))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateLayout:
    """What a plate holds on disk.

    Parameters
    ----------
    name, format : str
        The path of the plate, and the kind of its layout.
    images : dict of str to dict of str to tuple of PlateImage
        Well, field, and the files of the field; in the order of wells and fields.
    channels : tuple of str
        On disk, in the order of the instrument.
    frames, planes : tuple of int
        On disk, counted from 0; a frame that is not there leaves a gap. ``planes`` is empty where
        there are projections alone.
    missing : int
        Images that the metadata promise and the disk lacks.
    spacing : Spacing
    minutes : dict of int to float
        When each frame was taken, from the first one on; empty where nobody says more than the
        interval of ``spacing``, which is absent where frames are uneven.
    positions_um : dict of (str, str) to (float, float)
        Well and field, and where the stage was: y downward and x, in µm; empty if unknown.
    treatments : dict of str to Treatment
        By well; empty without a plate map.
    findings : tuple of Finding
    """

    name: str
    format: str
    images: Mapping[str, Mapping[str, tuple[PlateImage, ...]]]
    channels: tuple[str, ...]
    frames: tuple[int, ...]
    planes: tuple[int, ...]
    missing: int = 0
    spacing: Spacing = field(default_factory=Spacing)
    minutes: Mapping[int, float] = field(default_factory=dict)
    positions_um: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def wells(self) -> tuple[str, ...]:
        """The wells on disk, by row and column."""
        return tuple(self.images)

    @property
    def n_images(self) -> int:
        """Files of images on disk; of OME-Zarr, images."""
        return sum(len(files) for fields in self.images.values() for files in fields.values())

    def files(self, well: str, field: str) -> tuple[PlateImage, ...]:
        """Return the files of a field.

        Raises
        ------
        InputError
            If the plate has no such well, or the well no such field.
        """
        fields = self.images.get(well)
        if fields is None:
            raise InputError(f"{self.name}: has no well {well}. Choose one of {_some(self.wells)}.")
        if field not in fields:
            raise InputError(
                f"{self.name}: well {well} has no field {field}. Choose one of {_some(fields)}."
            )
        return fields[field]

    def find(
        self, well: str, field: str, *, frame: int, channel: str, plane: int
    ) -> PlateImage | None:
        """Return the file that holds a plane, or ``None`` where the disk lacks it."""
        for image in self.files(well, field):
            if frame in image.frames and channel in image.channels and plane in image.planes:
                return image
        return None

    def channel(self, wanted: str) -> str:
        """Return what a channel is called here: ``Hoechst`` may be ``DAPI`` (`find_channel`)."""
        return find_channel(self.channels, wanted)

    def treated(
        self, treatments: Mapping[str, Treatment], findings: tuple[Finding, ...] = ()
    ) -> PlateLayout:
        """Return the layout with the wells' treatments, and what was found about them."""
        return replace(self, treatments=treatments, findings=(*self.findings, *findings))


def _some(names: Mapping[str, object] | tuple[str, ...]) -> str:
    few = list(names)
    return ", ".join(few[:8]) + (f" and {len(few) - 8} more" if len(few) > 8 else "")
