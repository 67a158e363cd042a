"""A missing package is said once, before any unit begins."""

import importlib

import pytest

from fatescope.base import MissingExtraError, extras

CALLS = {
    "membranes": "reproduce_membranes",
    "nuclei": "reproduce_nuclei",
    "populations": "reproduce_movies",
    "viability": "reproduce_live_dead",
    "lineages": "reproduce_names",
}


@pytest.mark.parametrize("system", CALLS)
def test_a_missing_package_is_said_before_anything_is_written(system, tmp_path, monkeypatch):
    run = importlib.import_module(f"fatescope.systems.{system}.reproduce.run")
    lacking, real = run._NEEDS[-1], extras.importlib.util.find_spec
    monkeypatch.setattr(
        extras.importlib.util, "find_spec", lambda n, *a: None if n == lacking else real(n, *a)
    )
    with pytest.raises(MissingExtraError, match=f"needs the package {lacking}, which the extra"):
        getattr(run, CALLS[system])(out=tmp_path / "out", recipe=None, quick=True)
    assert not (tmp_path / "out").exists()
