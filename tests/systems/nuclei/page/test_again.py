"""What the page says about running again can be run."""

from __future__ import annotations

import pytest
from typer.main import get_command

import fatescope
from fatescope.cli.main import load_commands
from fatescope.systems.nuclei.page.again import python_lines, python_names


@pytest.mark.parametrize("command", ["nuclei", "nuclei-em", "phase-cells"])
def test_the_lines_of_python_name_what_is_there_and_fits_the_command(command):
    kind, function = python_names(f"predict {command}")
    settings = getattr(fatescope, kind)
    assert callable(getattr(fatescope, function))
    flags = get_command(load_commands(None)).commands["predict"].commands[command].params
    assert set(settings.model_fields) <= {p.name for p in flags}
    assert settings().model == command


def test_a_run_with_cells_is_repeated_as_one_with_cells():
    record = {"command": "predict phase-cells", "settings": {"model": "phase-cells"}}
    lines = python_lines({**record, "inputs": [{"image": "a", "path": "a.tif"}]}, ())
    assert 'fs.PhaseCellsSettings(model="phase-cells")' in lines
    assert 'fs.predict_phase_cells("a.tif", out="results", settings=settings)' in lines
