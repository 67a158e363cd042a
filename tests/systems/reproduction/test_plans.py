"""Each reproduction says what it would cost before it costs anything."""

import json

import pytest
from typer.testing import CliRunner

from fatescope.cli.main import load_commands
from fatescope.systems.membranes.reproduce.run import MEMBRANES_2021
from fatescope.systems.reproduction.settings import MembranesRecipe

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


def test_what_is_asked_for_beside_quick_counts_more():
    recipe = MEMBRANES_2021.shortened(MembranesRecipe(epochs=7))
    quick = MEMBRANES_2021.shortened(MembranesRecipe())
    assert quick.epochs != 7 == recipe.epochs
    assert recipe.replace(epochs=quick.epochs) == quick
