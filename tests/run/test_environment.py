"""The record of what a result may depend on."""

from importlib import metadata

from fatescope.run.environment import environment


def test_versions_are_those_that_the_packages_were_installed_with():
    packages = environment()["packages"]
    assert {"numpy", "openvino", "duckdb", "pydantic"} <= set(packages)
    assert packages == {name: metadata.version(name) for name in packages}
