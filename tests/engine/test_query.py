"""One question in SQL over one result or many: right answers, near names, only reading."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import fatescope as fs
from fatescope.base import InputError, Table
from fatescope.cli.main import load_commands
from fatescope.engine.query import answer_question


def texts(*words):
    return np.array(words, dtype=object)


def result(folder, tables):
    """Write an output folder by hand: a record, and tables by their path without ending."""
    for name, table in tables.items():
        for kind in ("csv",) if name.startswith("csv:") else ("parquet", "csv"):
            fs.write_table(table, folder / f"{name.removeprefix('csv:')}.{kind}")
    (folder / "run.json").write_text("{}")
    return folder


OBJECTS = Table(
    {
        "image": texts("001", "001", "b"),
        "label": np.array([1, 2, 1]),
        "area_px": np.array([30, 41, 52]),
    }
)
IMAGES = Table(
    {"image": texts("001", "b"), "n_objects": np.array([2, 1]), "spacing_um": texts(None, None)}
)


@pytest.fixture
def first(tmp_path):
    return result(tmp_path / "first", {"objects": OBJECTS, "csv:images": IMAGES})


@pytest.fixture
def second(tmp_path):
    """A result of another version: one column less, one more, and sizes that are known."""
    newer = Table({"image": texts("12"), "area_px": np.array([7.5]), "score": np.array([0.9])})
    images = Table(
        {"image": texts("12"), "n_objects": np.array([1]), "spacing_um": texts("0.2,0.3")}
    )
    return result(tmp_path / "second", {"objects": newer, "csv:images": images})


def rows(table):
    return list(zip(*(table[name].tolist() for name in table), strict=True))


def test_the_answer_is_that_worked_out_by_hand(first):
    sql = "SELECT image, count(*) AS n, sum(area_px) AS area FROM objects GROUP BY image ORDER BY n"
    found = fs.query(first, sql)
    assert list(found) == ["image", "n", "area"]
    assert rows(found) == [("b", 1, 52), ("001", 2, 71)]


def test_tables_of_two_versions_are_joined_by_name_and_the_folder_is_a_column(first, second):
    found = fs.query([first, second], "SELECT * FROM objects")
    assert list(found) == ["run", "image", "label", "area_px", "score"]
    assert found["run"].tolist() == ["first"] * 3 + ["second"]
    assert found["area_px"].tolist() == [30, 41, 52, 7.5]
    np.testing.assert_array_equal(found["label"], [1, 2, 1, np.nan])
    np.testing.assert_array_equal(found["score"], [np.nan] * 3 + [0.9])


def test_names_that_look_like_numbers_join_and_an_empty_column_takes_any_type(first, second):
    sql = """SELECT image, spacing_um, count(*) AS n FROM objects JOIN images USING (run, image)
             GROUP BY ALL ORDER BY ALL"""
    assert rows(fs.query([first, second], sql)) == [
        ("001", None, 2),
        ("12", "0.2,0.3", 1),
        ("b", None, 1),
    ]
    found = fs.query(first, "SELECT spacing_um FROM images")
    assert np.isnan(found["spacing_um"]).all()


def test_text_in_csv_stays_as_it_is_written(tmp_path):
    odd = texts("true", "2024-01-02", 'a "b", c\nd', "ü")
    run = result(tmp_path / "r", {"csv:notes": Table({"reason": odd, "file": texts(*"1234")})})
    found = fs.query(run, "SELECT reason, file FROM notes")
    assert found["reason"].tolist() == odd.tolist()
    assert found["file"].tolist() == list("1234")


def test_a_folder_of_results_is_asked_as_a_whole_and_equal_names_are_told_apart(tmp_path):
    for name in ("night1/a", "night2/a", "night2/deep/c"):
        result(tmp_path / name, {"objects": OBJECTS})
    sql = "SELECT DISTINCT run FROM objects ORDER BY run"
    names = fs.query(tmp_path, sql)["run"].tolist()
    assert names == ["night1/a", "night2/a", "night2/deep/c"]
    given = [tmp_path / "night1/a", tmp_path / "night2/a", tmp_path / "night2/deep/c"]
    assert fs.query(given, sql)["run"].tolist() == ["c", "night1/a", "night2/a"]
    assert fs.query([given[0], given[0]], "SELECT count(*) n FROM objects")["n"].tolist() == [3]


def test_the_truth_of_a_rendering_and_all_named_tables_are_tables_too(tmp_path):
    named = Table({"time": np.array([1, 2]), "file": texts("x", "y")})
    run = result(
        tmp_path / "r",
        {"named/e1": named, "csv:named/e2": named, "truth/objects": OBJECTS, "objects": OBJECTS},
    )
    found = fs.query(run, "SELECT file, time, file_given FROM named ORDER BY ALL")
    assert rows(found)[:2] == [("e1", 1, "x"), ("e1", 2, "y")]
    assert set(found["file"].tolist()) == {"e1", "e2"}
    sql = "SELECT count(*) AS n FROM objects JOIN truth_objects USING (image, label)"
    assert fs.query(run, sql)["n"].tolist() == [3]


def test_a_table_with_a_column_run_keeps_it_under_another_name(tmp_path):
    run = result(tmp_path / "r", {"log": Table({"Run": np.array([4])})})
    assert rows(fs.query(run, "SELECT run, Run_given FROM log")) == [("r", 4)]


def test_without_a_question_the_tables_are_listed(first, second):
    found = fs.query([first, second])
    assert found["table"].tolist() == ["images", "objects"]
    assert found["n_rows"].tolist() == [3, 4]
    assert found["n_runs"].tolist() == [2, 2]
    assert found["columns"][0] == "run, image, n_objects, spacing_um"


def test_an_answer_without_rows_keeps_its_columns(first, tmp_path):
    found = answer_question(first, "SELECT image, label FROM objects WHERE label > 9")
    assert (found.n_rows, list(found.table)) == (0, ["image", "label"])
    assert found.as_lines() == ["image  label", "0 rows from 1 result"]
    assert found.as_json()["rows"] == []


@pytest.mark.parametrize(
    "sql",
    [
        "COPY objects TO '{out}'",
        "COPY (SELECT 1) TO '{table}' (FORMAT parquet, USE_TMP_FILE false)",
        "ATTACH '{out}' AS other",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "EXPORT DATABASE '{out}'",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW objects",
        "EXPLAIN ANALYZE COPY objects TO '{out}'",
        "CALL pragma_version()",
        "SELECT 1; COPY objects TO '{out}'",
        "SELECT * FROM read_csv('{secret}')",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM '{secret}.csv'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_csv('https://example.com/a.csv')",
        "SELECT * FROM query('COPY objects TO ''{out}''')",
        "SELECT 1) TO '{out}' (FORMAT csv); --",
        "WITH t AS (INSERT INTO objects VALUES (1) RETURNING *) SELECT * FROM t",
        "SELECT getenv('HOME')",
        "FROM enable_logging(storage = 'file', storage_path = '{out}')",
        "FROM enable_profiling(save_location = '{out}')",
        "FROM sniff_csv('{secret}')",
        "FROM read_blob('{secret}')",
        "FROM parquet_metadata('{secret}')",
        "FROM read_duckdb('{secret}')",
        "FROM start_ui()",
        "SELECT * FROM OBJECTS_IN_PYTHON",
    ],
)
@pytest.mark.parametrize("kept", [False, True], ids=["shown", "written"])
def test_hostile_questions_are_refused_and_change_nothing(first, tmp_path, sql, kept):
    OBJECTS_IN_PYTHON = {"a": np.array([1])}  # noqa: F841 - DuckDB would find it
    secret = tmp_path / "secret"
    for ending in ("", ".csv"):
        (tmp_path / f"secret{ending}").write_text("hidden\n1\n")
    places = {
        "out": tmp_path / "stolen",
        "table": first / "objects.parquet",
        "secret": secret,
        "folder": tmp_path,
    }
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(InputError) as caught:
        answer_question(first, sql.format(**places), out=tmp_path / "answer.csv" if kept else None)
    assert "hidden" not in str(caught.value)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT aera_px FROM objects", "no column 'aera_px' in objects; the nearest is area_px"),
        (
            "SELECT o.aera_px FROM objects o",
            "no column 'aera_px' in .*objects; the nearest is area_px",
        ),
        ("SELECT * FROM objcts", "no table 'objcts' .*nearest is objects"),
        ("SELECT * FROM xyz", "no table 'xyz' .*there are images or objects"),
        ("SELEC 1", "no answer: syntax error"),
        ("", "this is empty"),
        ("-- nothing", "this is empty"),
        ("SELECT area_px FROM objects WHERE area_px = 'x'", "no answer: Could not convert"),
        ("SELECT sum(image) FROM objects", "no answer: No function matches"),
    ],
)
def test_a_question_that_cannot_be_answered_gets_one_sentence(first, sql, said):
    with pytest.raises(InputError, match=said) as caught:
        fs.query(first, sql)
    assert "\n" not in str(caught.value)


def test_the_answer_is_written_as_csv_and_parquet_and_not_over_anything(first, tmp_path):
    sql = "SELECT image, label FROM objects -- all"
    for kind in ("csv", "parquet"):
        found = answer_question(first, sql, out=tmp_path / f"all.{kind}")
        assert (found.n_rows, found.exit_code) == (3, 0)
        assert fs.read_table(tmp_path / f"all.{kind}")["label"].tolist() == [1, 2, 1]
    with pytest.raises(InputError, match="exists"):
        answer_question(first, sql, out=tmp_path / "all.csv")
    with pytest.raises(InputError, match=r"ends in \.csv or \.parquet"):
        answer_question(first, sql, out=tmp_path / "all.txt")
    with pytest.raises(InputError, match="output folder"):
        answer_question(first, sql, out=first / "all.csv")
    with pytest.raises(InputError, match="no question"):
        answer_question(first, out=tmp_path / "more.csv")
    assert not (tmp_path / "more.csv").exists()


def test_a_bad_folder_or_file_is_named_and_the_others_answer(first, second, tmp_path, caplog):
    (second / "objects.parquet").write_bytes(b"PAR1 and then nothing")
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "ledger.sqlite").write_bytes(b"")
    given = [first, second, begun, tmp_path / "nowhere", first / "run.json"]
    found = answer_question(given, "SELECT DISTINCT run FROM objects")
    assert found.table["run"].tolist() == ["first"]
    assert found.exit_code == 1
    said = "\n".join(found.errors)
    for words in (
        "nowhere: there is no such",
        "run.json: is a file",
        "begun: holds no tables",
        "objects.parquet: cannot be read as a table",
    ):
        assert words in said
    with caplog.at_level(logging.WARNING):
        fs.query(given, "SELECT 1")
    assert "nowhere" in caplog.text


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n1,2,3\n"'])
def test_an_empty_or_damaged_csv_is_left_out(first, content):
    (first / "notes.csv").write_bytes(content)
    found = answer_question(first, "SELECT count(*) AS n FROM objects")
    assert found.table["n"].tolist() == [3]
    assert [e for e in answer_question(first).errors if "notes.csv" in e]


def test_a_folder_without_results_and_no_folder_are_sentences(tmp_path):
    with pytest.raises(InputError, match="holds no results"):
        fs.query(tmp_path, "SELECT 1")
    with pytest.raises(InputError, match="no result was given"):
        fs.query([], "SELECT 1")


def say(*words):
    return CliRunner().invoke(load_commands(), ["query", *map(str, words)])


def test_the_command_shows_lists_and_speaks_json(first, second):
    said = say(first, second, "SELECT run, area_px FROM objects ORDER BY area_px LIMIT 2")
    assert said.stdout.splitlines() == [
        "run     area_px",
        "second      7.5",
        "first        30",
        "2 rows from 2 results",
    ]
    assert "objects: 4 rows of 2 runs" in say(first, second).stdout
    told = json.loads(say(first, "SELECT image, NULL AS x, [1] AS l FROM objects", "--json").stdout)
    assert told["rows"][0] == {"image": "001", "x": None, "l": "[1]"}
    assert (told["command"], told["n_rows"], told["units_done"]) == ("query", 3, 1)
    listed = json.loads(say(first, "--json").stdout)["tables"]
    assert listed[1]["columns"]["area_px"] == "BIGINT"
    wrong = say(first, "SELECT x FROM objects")
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (2, 1)


def test_many_rows_are_cut_on_the_terminal_and_kept_in_json(first):
    sql = "SELECT range AS i, repeat('long ', 20) AS t, 'x' AS e FROM range(100)"
    lines = say(first, sql).stdout.splitlines()
    assert lines[-2] == "... 60 more rows; --out FILE.csv keeps all of them."
    assert max(map(len, lines)) < 80
    assert len(json.loads(say(first, sql, "--json").stdout)["rows"]) == 100


def test_a_long_question_is_interrupted_and_leaves_no_half_answer(first, tmp_path):
    sql = "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"
    words = ["query", str(first), sql, "--out", str(tmp_path / "answer.csv")]
    process = subprocess.Popen([sys.executable, "-m", "fatescope", *words], stderr=subprocess.PIPE)
    while not list(tmp_path.glob(".*")):  # the answer is begun
        assert process.poll() is None
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert b"interrupted" in said
    assert {p.name for p in tmp_path.iterdir()} == {"first"}


def test_twenty_results_are_asked_at_once(tmp_path):
    for i in range(20):
        result(tmp_path / f"r{i:02}", {"objects": OBJECTS})
    sql = "SELECT count(DISTINCT run) AS runs, count(*) AS n FROM objects"
    assert rows(fs.query(tmp_path, sql)) == [(20, 60)]
