"""Rendering is planned without being done."""

import pytest

from fatescope.simulate.settings import FieldSettings, NucleiMovieSettings, SectionSettings
from fatescope.systems.simulation.nuclei import plan_simulation, write_fields


@pytest.mark.parametrize(
    ("settings", "more", "units", "said"),
    [
        (NucleiMovieSettings(frames=10), {"frames": 40}, 1, "1 movie with 1 process:"),
        (FieldSettings(count=5), {"count": 50}, 5, "5 images with 1 process:"),
        (SectionSettings(count=5), {"count": 50}, 5, "5 images with 1 process:"),
    ],
)
def test_a_plan_counts_what_is_rendered_and_grows_with_it(settings, more, units, said):
    plan = plan_simulation(settings, command="simulate something")
    longer = plan_simulation(settings.replace(**more), command="simulate something")
    assert plan.units == units
    assert said in plan.as_lines()[0]
    assert longer.cpu_seconds > plan.cpu_seconds
    assert longer.output_mb > plan.output_mb


def test_a_plan_is_of_the_size_of_the_run(tmp_path):
    settings = FieldSettings(count=4)
    write_fields(tmp_path, settings, seed=1)
    written = sum(p.stat().st_size for p in tmp_path.rglob("*.tif")) / 1e6
    assert plan_simulation(settings, command="x").output_mb == pytest.approx(written, rel=1.0)
