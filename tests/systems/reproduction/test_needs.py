"""A missing package is said once, before any unit begins."""

import importlib

import pytest

from fatescope.base import MissingExtraError, extras

NAMES = {
    "membranes": "MEMBRANES_2021",
    "nuclei": "NUCLEI_2020",
    "populations": "MOVIES_2020",
    "viability": "LIVE_DEAD_2024",
    "lineages": "LINEAGE_NAMES_2020",
}


@pytest.mark.parametrize("system", NAMES)
def test_a_missing_package_is_said_before_anything_is_written(system, tmp_path, monkeypatch):
    module = importlib.import_module(f"fatescope.systems.{system}.reproduce.run")
    reproduction = getattr(module, NAMES[system])
    lacking, real = reproduction.needs[-1], extras.importlib.util.find_spec
    monkeypatch.setattr(
        extras.importlib.util, "find_spec", lambda n, *a: None if n == lacking else real(n, *a)
    )
    with pytest.raises(MissingExtraError, match=f"needs the package {lacking}, which the extra"):
        reproduction.run(out=tmp_path / "out", recipe=None, quick=True)
    assert not (tmp_path / "out").exists()
