"""Findings on a page: every page lists them in the same way."""

import json

from fatescope.pages.findings import caution_sentence, findings_sections
from fatescope.pages.result import ResultFolder


def row(file, frame, cell, reason, status="open"):
    return {
        **{"file": file, "frame": frame, "object": cell, "rule": "dim", "value": None},
        **{"limit": None, "severity": "warning", "status": status, "reason": reason},
    }


def places(section):
    table = section.blocks[1]
    (line,) = table.rows
    return line[2], list(line[3].more)


def test_a_place_is_named_with_its_frame_its_cell_and_what_was_decided():
    rows = [
        row("a.tif", 3, "7", "Dim (0.2)."),
        row("a.tif", None, "", "Dim (0.1)."),
        row("b.tif", 0, "2", "Dim (0.3).", status="rejected"),
    ]
    often, where = places(findings_sections(rows, images="movies", cell="nucleus")[0])
    assert often == "3 in 2 movies"
    assert where == [
        "a.tif, frame 3, nucleus 7: (0.2)",
        "a.tif: (0.1)",
        "b.tif, frame 0, nucleus 2 (rejected): (0.3)",
    ]


def test_more_places_than_a_page_holds_are_counted():
    _, where = places(findings_sections([row(f"{i}.tif", i, "", "Dim.") for i in range(60)])[0])
    assert len(where) == 51
    assert where[-1] == "and 10 more, in findings.csv"


def test_nothing_found_is_said_and_no_file_is_nothing(tmp_path):
    (text,) = findings_sections(ResultFolder(tmp_path).findings, images="movies")[0].blocks
    assert text.paragraphs == ("Nothing unusual was found in these movies.",)


def test_an_input_is_named_as_in_the_tables(tmp_path):
    head = "file,frame,object,rule,value,limit,severity,status,reason"
    lines = [head, "in/a b.tif,2,,dim,0.5,,warning,open,Dim.", "other.tif,,,odd,,,info,open,Odd."]
    (tmp_path / "findings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    record = {"inputs": [{"image": "a b", "path": "in/a b.tif"}]}
    (tmp_path / "run.json").write_text(json.dumps(record))
    dim, odd = ResultFolder(tmp_path).findings
    assert (dim["file"], dim["frame"], dim["value"], dim["limit"]) == ("a b", 2, 0.5, None)
    assert (odd["file"], odd["frame"]) == ("other.tif", None)


def test_what_is_only_to_be_known_is_no_doubt():
    note = row("a.tif", None, "", "Scaled.") | {"severity": "info", "rule": "scaled"}
    severe, notes = findings_sections([row("a.tif", 1, "", "Dim."), note])
    assert [line[1] for line in severe.blocks[1].rows] == ["dim"]
    assert [line[1] for line in notes.blocks[0].rows] == ["scaled"]
    assert findings_sections([note])[0].blocks[0].paragraphs[0].startswith("Nothing unusual")


def test_a_caution_says_two_of_many_differences_and_that_there_are_more():
    ways = [f"it has more {what} (0.4; at most 0.2 in training)" for what in "abcd"]
    reason = f"The image is unlike the training images of nuclei: {'; '.join(ways)}. Look at it."
    rows = [{**row("a.tif", None, "", reason), "rule": "unlike-training"}]
    said = caution_sentence(rows, {"model": {"name": "nuclei"}}, n_images=1)
    assert said.endswith(
        "It has more a (0.4; at most 0.2 in training); it has more b (0.4; at most 0.2 in "
        "training); and 2 more differences. Look at it."
    )
