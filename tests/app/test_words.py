"""What is wrong is said in the words of the page."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import tifffile
from tests.app.served import served

from fatescope.app.words import in_words
from fatescope.systems.registry import question_named, questions

APP = Path("/with space/fatescope-app")
PLACE = f"{APP}/people/owner"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"{PLACE}/data/0123456789ab/embryo.tif: is empty.", "embryo.tif: is empty."),
        (f"{PLACE}/data/0123456789ab/a/b.tif: is empty.", "a/b.tif: is empty."),
        (f"{PLACE}/data/0123456789ab: holds no image.", "These files: holds no image."),
        (f"cannot write {PLACE}/results/0123456789ab.", "Cannot write the result."),
        ("spacing_um.0 = -1.0: too small.", "“Pixel size” = -1.0: too small."),
        ("link = 'x': choose one.", "“Link” = 'x': choose one."),
        ("link the cells of a link", "Link the cells of a link"),
        ("give --spacing-um or `interval_min`", "Give “Pixel size” or “Time between frames”"),
        ("µm.tif: keeps its first letter", "µm.tif: keeps its first letter"),
    ],
)
def test_a_sentence_names_files_and_fields_as_the_page_does(said, shown):
    assert in_words(said, folder=APP, question=question_named("nuclei")) == shown


def test_without_a_question_a_flag_is_one_of_the_app():
    assert in_words("give --port", folder=APP) == "Give --port"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


def settings_of(question):
    return [d for cls in question.classes().values() for d in cls.describe()]


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.name)
def test_decimal_commas_are_refused_in_every_field_by_its_name(question):
    for described in settings_of(question):
        if described.kind in ("number", "whole number"):
            with pytest.raises(Exception, match=described.name) as error:
                question.settings_from({described.name: "1,5"})
            said = in_words(str(error.value), folder=APP, question=question)
            assert said.startswith("“")
            assert described.name not in said or "_" not in described.name


def test_what_is_wrong_in_a_form_is_said_by_the_name_of_its_field(app, tmp_path):
    client = app.client()
    data = client.add_data()
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 20), np.uint8))
    client.put(data, "a.tif", (tmp_path / "a.tif").read_bytes())
    for name, value, label in [
        ("spacing_um", "1,5", "Pixel size"),
        ("diameter_px", "1,5", "Diameter in pixels"),
        ("diameter_px", "-3", "Diameter in pixels"),
    ]:
        said = client.post(f"/data/{data}/ask/nuclei/estimate", **{name: value}).json["problem"]
        assert said.startswith(f"“{label}”"), said
        page = client.post(f"/data/{data}/ask/nuclei", {"Accept": "text/html"}, **{name: value})
        assert page.status == 400
        assert label in page.text
        assert f'value="{value}"' in page.text  # what was typed stays
    form = client.get(f"/data/{data}/ask/nuclei", Accept="text/html").text
    assert 'type="number"' not in form  # a browser would drop the comma in silence
