"""Every page is read in one order, and its answer is one sentence with how sure it is."""

import tomllib

import pytest

from fatescope.pages.findings import in_runs
from fatescope.pages.page import Text, render_page
from fatescope.pages.skeleton import Head, counted, result_page, share_in_words, text_section


def test_the_answer_comes_first_then_the_picture_the_doubt_details_methods_and_settings():
    page = result_page(
        Head(title="t", kind="k", answer="9 of 18 cells are dead (95 % 29 to 71)."),
        figures=(text_section("Picture", "seen"), None),
        doubt=(Text(paragraphs=("One is odd.",)), None, text_section("Findings", "Dim.")),
        details=(text_section("Sizes", "31"),),
        methods="Cells were counted.",
        record={"settings": {"model": 'a "b"', "dead_from": 0.5}},
    )
    titles = ["Picture", "What to doubt", "Sizes", "Methods", "Copy the settings"]
    assert [s.title for s in page.sections] == titles
    assert [s.folded for s in page.sections] == [False, False, True, False, True]
    assert [b.paragraphs for b in page.sections[1].blocks] == [("One is odd.",), ("Dim.",)]
    (copied,) = page.sections[-1].blocks
    assert tomllib.loads(copied.text) == {"model": 'a "b"', "dead_from": 0.5}
    html = render_page(page).decode()
    assert html.count("<details><summary><h2") == 2
    assert html.index("9 of 18 cells") < html.index("seen") < html.index("One is odd.")


@pytest.mark.parametrize(("part", "whole", "low", "high"), [(9, 18, 29, 71), (0, 40, 0, 9)])
def test_a_share_says_how_sure_it_is(part, whole, low, high):
    said = f"{part} of {whole} cells are dead (95 % {low} to {high})"
    assert share_in_words(part, whole, "cell", "dead") == said


def test_one_is_one():
    assert counted(1, "row") == "1 row"
    assert share_in_words(1, 13, "cell", "dead").startswith("1 of 13 cells is dead (")


def test_frames_in_a_row_are_one_place():
    assert in_runs([4, 0, 1, 2]) == ", frames 0-2, 4"
    assert in_runs([]) == ""
