"""The page about data sets: its commands run, without a network."""

import pytest
from tests.docs.test_howto import commands_of, run
from tests.docs.test_pages import DOCS


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path):
    done = run(commands_of(DOCS / "data.md"), tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "independent units" in (tmp_path / "their-pairs" / "datasheet.md").read_text("utf-8")
    assert (tmp_path / "their-results" / "report.html").exists()
