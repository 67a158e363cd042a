"""What was published, and what users wish for, leads to commands and tests that exist."""

import re

import pytest
from benchmarks import evidence_pages
from tests.docs.test_pages import DOCS
from tests.offenders import for_each

ROWS = evidence_pages.rows()
GOOD = {
    "step": "a step",
    "commands": ["fatescope train nuclei --data pairs --out mine"],
    "where": "a page",
    "tests": ["tests/docs/test_evidence.py::test_the_pages_are_those_that_the_lists_give"],
}

NAMED_THERE = (
    "Albumentations",
    "Optuna",
    "`RandomOverSampler`",
    "`ReduceLROnPlateau`",
    "`compact_cellname`",
    "HDF5",
    "chunks of 1000",
    "kicks",
    "JPEG",
    "PNG",
    "OpenCV",
    "ResNet18",
    "WormImage",
    "3DMMS",
    "DevoLearn",
    "cliffs",
    "red line",
    "red patch",
    "Black frames",
    "9 x 9",
    "2700 x 3600",
    "160 x 160",
    "stride of 80",
    "2,620 to 290",
    "291,765",
    "Adam",
    "SGD",
    "warm restarts",
    "Precision, recall",
    "film",
    "DRAQ7",
    "Hoechst",
    "100 trials",
    "50 epochs",
    "tenth",
)


def test_the_pages_are_those_that_the_lists_give():
    for name, text in evidence_pages.pages().items():
        said = "run python -m benchmarks.evidence_pages"
        assert (DOCS / name).read_text(encoding="utf-8") == text, f"{name}: {said}"


@for_each(ROWS, named=lambda row: row[0])
def test_every_row_has_tests_that_exist_and_commands_that_are_accepted(row):
    evidence_pages.check(*row)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tests": []}, "no test proves it"),
        ({"tests": ["tests/docs/test_evidence.py::test_nothing"]}, "there is no test"),
        ({"tests": ["tests/nowhere.py::test_nothing"]}, "there is no test"),
        ({"commands": ["fatescope train nuclei --out mine"]}, "Missing option '--data'"),
        ({"commands": ["fatescope train nuclei --data a --out b --trails 3"]}, "No such option"),
        ({"commands": ["fatescope trian nuclei"]}, "no such command"),
        ({"commands": ["fatescope compare a b --data c --out d --score x"]}, "not one of"),
        ({"commands": ["fatescope lineage name a --out b"] * 2}, "write into one folder"),
        ({"commands": ["python script.py"]}, "not a command of fatescope"),
        ({"state": "almost"}, "almost is none of"),
        ({"state": "partly"}, "what is missing is not said"),
        ({"state": "not met", "tests": []}, "what is missing is not said"),
    ],
)
def test_a_row_that_proves_nothing_is_refused(change, said):
    evidence_pages.check("good", GOOD)
    with pytest.raises(ValueError, match=re.escape(said)):
        evidence_pages.check("bad", GOOD | change)


def test_the_five_documents_and_the_22_wishes_are_all_there():
    names = {document["name"] for document in evidence_pages.documents()}
    assert names == {
        "nuclei-2020",
        "lineage-names-2020",
        "movies-2020",
        "membranes-2021",
        "live-dead-2024",
    }
    assert [w["id"] for w in evidence_pages.wishes()] == [f"W{n}" for n in range(1, 23)]


def test_what_the_documents_name_has_a_row():
    text = (DOCS / "published-steps.md").read_text(encoding="utf-8")
    for word in NAMED_THERE:
        assert word in text, word


def test_no_row_stands_twice():
    names = [where for where, _ in ROWS]
    assert len(names) == len(set(names))
