"""A file of any format, damaged anywhere, is read or refused in a sentence: never another error."""

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.acquire.lineage_cases import TWO_DIVISIONS

from fatescope.acquire.lineages import FORMATS, read_lineage_checked, write_lineage
from fatescope.base.errors import FatescopeError

SUFFIX = {
    "epic": "CD.csv",
    "csv": "table.csv",
    "acetree": "nuclei.zip",
    "newick": "tree.nwk",
    "ctc": "tracks",
    "geff": "tracks.geff",
    "trackmate": "tracks.xml",
}
relaxed = settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One whole file or folder of each format."""
    folder = tmp_path_factory.mktemp("whole")
    for format in FORMATS:
        write_lineage(TWO_DIVISIONS, folder / SUFFIX[format], format=format)
    return folder


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("how", ["cut", "changed", "doubled"])
@relaxed
@given(data=st.data())
def test_damage_is_read_around_or_refused_in_a_sentence(format, how, data, whole, tmp_path):
    source, path = whole / SUFFIX[format], tmp_path / SUFFIX[format]
    if source.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(source, path)
        victim = data.draw(st.sampled_from(sorted(p for p in path.rglob("*") if p.is_file())))
    else:
        shutil.copyfile(source, path)
        victim = path
    good = victim.read_bytes()
    at = data.draw(st.integers(0, max(len(good) - 1, 0)))
    damaged = {
        "cut": good[:at],
        "changed": good[:at] + data.draw(st.binary(min_size=1, max_size=4)) + good[at + 1 :],
        "doubled": good[:at] + good,
    }[how]
    victim.write_bytes(damaged)
    refused, lineage = "", None
    try:
        lineage = read_lineage_checked(path).lineage
    except FatescopeError as error:
        refused = str(error)
    if lineage is None:
        assert len(refused.splitlines()) == 1
        assert refused.endswith((".", ")"))
    else:
        assert len(lineage) > 0
        assert (lineage.parent < len(lineage)).all()
