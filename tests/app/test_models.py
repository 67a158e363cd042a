"""The pages of the models: their cards whole, their question one step away."""

import re

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from tests.app.served import served

from fatescope.app.cards import blocks_of
from fatescope.models import list_models
from fatescope.systems.registry import examples, questions


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running.client()


def test_all_models_that_ship_are_listed_and_have_a_page(client):
    listed = client.get("/models", Accept="text/html").text
    for package in list_models():
        assert f'href="/models/{package.name}"' in listed
        page = client.get(f"/models/{package.name}", Accept="text/html")
        assert page.status == 200
        assert page.text.count("<table>") >= 1
    assert client.get("/models/../../etc").status == 404
    assert client.get("/models/weather").status == 404


def test_the_page_of_a_model_leads_to_its_question(client):
    page = client.get("/models/nuclei-em", Accept="text/html").text
    assert 'data-then="/ask/nuclei-em"' in page
    answer = client.post("/examples/section", then="nuclei-em")
    assert answer.headers["location"].endswith("/ask/nuclei-em")
    assert client.post("/examples/section", then="weather").status == 400
    assert (
        "does not ask its question" in client.get("/models/compact-names", Accept="text/html").text
    )


def test_questions_name_examples_and_models_that_exist():
    assert {name for q in questions() for name in q.examples} == {e.name for e in examples()}
    assert {name for q in questions() for name in q.unrendered} <= {p.name for p in list_models()}


@pytest.mark.parametrize("name", [p.name for p in list_models()])
def test_a_model_shows_six_images_that_it_never_saw_or_says_why_not(client, name):
    page = client.get(f"/models/{name}", Accept="text/html").text
    if name in ("compact-names", "live-dead", "nuclei-3d", "phase-cells"):
        assert "There are no rendered examples of this model. " in page
        assert "Rendered, not recorded" not in page
        return
    shown = re.findall(rf'<img src="(/static/models/{name}-\d\.jpg)"', page)
    words = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert len(shown) == len(words) == 6
    assert all("drawn" in w for w in words)
    assert "Rendered, not recorded" in page
    for address in shown:
        image = client.get(address)
        assert image.headers["content-type"] == "image/jpeg"
        assert len(image.body) < 60_000


def test_the_images_of_a_model_are_made_by_the_software_as_it_is():
    from benchmarks.model_examples import MODELS, captions

    said = captions()
    assert set(said) == set(MODELS)
    _, words = next(MODELS["nuclei"]())
    assert words == said["nuclei"][0]


@pytest.mark.parametrize("package", list_models(), ids=lambda p: p.name)
def test_no_word_of_a_card_is_lost(package):
    card = package.files["card.md"].decode()
    said = " ".join(
        words
        for block in blocks_of(card)
        for row in block.rows
        for cell in row
        for _, words in cell
    )
    body = re.sub(r"^# .*", "", card)
    wanted = re.findall(r"[\w.-]+", re.sub(r"\]\([^)]*\)|[|`*#-]", " ", body))
    found = set(re.findall(r"[\w.-]+", re.sub(r"[-*]", " ", said)))
    assert [w for w in wanted if w not in found] == []


def test_markup_in_a_card_stays_text():
    (block,) = blocks_of("a <script>b</script>")
    assert block.rows[0][0] == ((False, "a <script>b</script>"),)
