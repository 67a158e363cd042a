"""The page about questions: its commands run, and its questions are SQL that only reads."""

import re
import subprocess

import pytest
from tests.docs.test_howto import commands_of, run
from tests.docs.test_pages import DOCS

from fatescope.storage import tables_asked

PAGE = DOCS / "query.md"
QUESTIONS = re.findall(r"^\|[^|]+\| `(SELECT [^`]+)` \|$", PAGE.read_text("utf-8"), re.MULTILINE)


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path):
    done: subprocess.CompletedProcess[str] = run(commands_of(PAGE), tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "run     image       n  area_um2" in done.stdout
    assert (tmp_path / "all.parquet").exists()


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_questions_of_the_page_are_sql(question):
    known = ["images", "findings", "populations", "viability", "named"]
    assert len(tables_asked(question, known)) == 1


def test_there_are_questions_for_every_kind_of_user():
    assert len(QUESTIONS) == 6
