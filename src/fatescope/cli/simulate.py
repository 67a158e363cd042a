"""``fatescope simulate``: rendered images with exact truth."""

from __future__ import annotations

from fatescope.cli.command import Fresh, Out, Result, Seed, command
from fatescope.cli.console import Console
from fatescope.cli.groups import simulate
from fatescope.simulate.settings import FieldSettings, NucleiMovieSettings, SectionSettings


@command(simulate, "nuclei", example="fatescope simulate nuclei --out demo --seed 1")
def nuclei(
    out: Out,
    settings: NucleiMovieSettings,
    console: Console,
    seed: Seed = 0,
    fresh: Fresh = False,
) -> Result:
    """Render a fluorescence time-lapse of dividing nuclei, with true labels and lineage."""
    from fatescope.workflows.simulate import write_nuclei_movie

    return write_nuclei_movie(out, settings, seed=seed, fresh=fresh)


@command(simulate, "fields", example="fatescope simulate fields --out demo --count 6 --seed 1")
def fields(
    out: Out,
    settings: FieldSettings,
    console: Console,
    seed: Seed = 0,
    fresh: Fresh = False,
) -> Result:
    """Render still images of nuclei, each with a look of its own, with true labels."""
    from fatescope.workflows.simulate import write_fields

    return write_fields(out, settings, seed=seed, fresh=fresh)


@command(simulate, "sections", example="fatescope simulate sections --out demo --count 6 --seed 1")
def sections(
    out: Out,
    settings: SectionSettings,
    console: Console,
    seed: Seed = 0,
    fresh: Fresh = False,
) -> Result:
    """Render sections of embryos as an electron microscope shows them, with true labels."""
    from fatescope.workflows.simulate import write_sections

    return write_sections(out, settings, seed=seed, fresh=fresh)
