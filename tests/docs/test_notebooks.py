"""The notebooks run, use what is public, stay small, and are what the pages show."""

import ast
import importlib
import json
import re

import pytest
from benchmarks import notebooks
from tests.docs.test_reference import NAMED

BOOKS = sorted(notebooks.BOOKS.glob("*.ipynb"))
ALIKE, TRAINED_ALIKE = 0.01, 0.1
"""How far numbers may differ between processors; what a training gives differs more: by 6 % at most
of what was seen."""
TRAINING = {"train_segmentation_model", "training_the_unet"}
QUICK = {"starter", "drawing_tool_for_manual_labelling"}
NUMBER = re.compile(r"\d+(?:\.\d+)?")
LONGEST_CELL = 36
LARGEST_BYTES = 150_000


def cells_of(path):
    book = json.loads(path.read_text(encoding="utf-8"))
    return [c for c in book["cells"] if c["cell_type"] == "code"]


def name_of(path):
    return path.stem


def test_the_starter_is_there():
    assert {"starter", "metadata_exploration", "data_cleanup"} <= {p.stem for p in BOOKS}


def test_the_published_notebooks_have_their_twins():
    assert {
        "metadata_exploration",
        "deep_learning_on_metadata",
        "data_cleanup",
        "preprocess_membranes",
        "train_segmentation_model",
        "augmentation_prototyping",
        "principal_component_analysis",
        "drawing_tool_for_manual_labelling",
        "training_the_unet",
    } <= {p.stem for p in BOOKS}


@pytest.mark.parametrize("path", BOOKS, ids=name_of)
def test_the_page_shows_what_the_notebook_holds(path):
    page = notebooks.PAGES / f"{path.stem}.md"
    said = "run python -m benchmarks.notebooks"
    assert page.read_text(encoding="utf-8") == notebooks.page(path), said


def test_every_page_has_its_notebook():
    assert {p.stem for p in notebooks.PAGES.glob("*.md")} == {p.stem for p in BOOKS}


@pytest.mark.parametrize("path", BOOKS, ids=name_of)
def test_cells_fit_on_a_screen_and_outputs_are_small_and_without_errors(path):
    assert path.stat().st_size < LARGEST_BYTES
    for cell in cells_of(path):
        assert len("".join(cell["source"]).splitlines()) <= LONGEST_CELL
        assert "def " not in "".join(cell["source"]), "no hidden helpers"
        for output in cell["outputs"]:
            assert output["output_type"] != "error"
            assert not {"text/html", "image/png"} & set(output.get("data", {}))
    assert sum(bool(cell["outputs"]) for cell in cells_of(path)) >= 3


@pytest.mark.parametrize("path", BOOKS, ids=name_of)
def test_only_public_names_are_imported(path):
    for cell in cells_of(path):
        for node in ast.walk(ast.parse("".join(cell["source"]))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("fatescope"):
                public = getattr(importlib.import_module(node.module), "__all__", [])
                for name in (a.name for a in node.names):
                    documented = f"{node.module}.{name}" in NAMED or name.endswith("Settings")
                    assert name in public or documented, f"{node.module}.{name}"


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=() if p.stem in QUICK else pytest.mark.slow) for p in BOOKS],
    ids=name_of,
)
def test_a_notebook_runs_and_gives_what_it_holds(path, tmp_path, monkeypatch):
    pytest.importorskip("nbclient")
    text = path.read_text(encoding="utf-8")
    within = TRAINED_ALIKE if path.stem in TRAINING else ALIKE
    if "fatescope.train" in text or "albumentations" in text:
        pytest.importorskip("torch")
    monkeypatch.delenv("FATESCOPE_DATA", raising=False)
    fresh = tmp_path / path.name
    notebooks.save(notebooks.execute(path, folder=tmp_path), fresh)
    for old, new in zip(cells_of(path), cells_of(fresh), strict=True):
        assert kinds_of(new) == kinds_of(old), "".join(new["source"])
        assert_same_words(shown_by(new), shown_by(old), within=within)


def assert_same_words(new, old, *, within):
    assert NUMBER.sub("#", new).split() == NUMBER.sub("#", old).split()
    values = [[float(n) for n in NUMBER.findall(text)] for text in (new, old)]
    assert values[0] == pytest.approx(values[1], rel=within)


def kinds_of(cell):
    return [sorted(o.get("data", {o["output_type"]: 0})) for o in cell["outputs"]]


def shown_by(cell):
    """What a cell printed, and the value of its last line: figures of the page stand in both."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell["outputs"]]
    return "\n".join(map("".join, texts))
