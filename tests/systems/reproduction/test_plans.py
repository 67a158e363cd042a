"""Each reproduction says what it would cost before it costs anything."""

import json

import pytest
from typer.testing import CliRunner

from fatescope.cli.main import load_commands

NAMES = ("lineage-names-2020", "movies-2020", "nuclei-2020", "membranes-2021", "live-dead-2024")


@pytest.mark.parametrize("name", NAMES)
def test_every_reproduction_has_a_plan_that_writes_nothing(name, tmp_path):
    out = tmp_path / "out"
    given = ["reproduce", name, "--quick", "--plan", "--json", "--out", str(out)]
    said = CliRunner().invoke(load_commands("reproduce"), given)
    assert said.exit_code == 0, said.output
    plan = json.loads(said.stdout)
    assert plan["units"] >= 1
    assert 10 < plan["cpu_seconds"] < 400
    assert plan["wall_seconds"] <= plan["cpu_seconds"]
    assert not out.exists()
