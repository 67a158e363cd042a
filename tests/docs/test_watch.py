"""The page about watching a folder: its commands run."""

import pytest
from tests.docs.test_howto import commands_of, run
from tests.docs.test_pages import DOCS


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path):
    done = run(commands_of(DOCS / "watch.md"), tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "results" / "report.html").exists()
