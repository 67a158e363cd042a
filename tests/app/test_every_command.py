"""What the command line has is asked in the app, too: own labels, models, plates, lineages."""

import ast
import inspect

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.acquire.image_files import plain_tiff
from tests.acquire.lineage_cases import TWO_DIVISIONS
from tests.app.served import served

from fatescope.acquire.lineages import write_lineage
from fatescope.app import as_python
from fatescope.app.commands import shell_line
from fatescope.base import Execution
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.place import resolved
from fatescope.systems.registry import question_named, questions
from fatescope.systems.simulation.plates import simulate_plate

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running.client()


def discs(shift=0):
    y, x = np.indices((96, 120))
    labels = np.zeros((96, 120), np.uint8)
    for n, (cy, cx) in enumerate([(20, 20), (20, 70), (60, 40), (70, 100)], 1):
        labels[np.hypot(y - cy, x - cx - shift) < 10] = n
    return labels


def put_tiff(client, data, tmp_path, name, pixels, folders=()):
    plain_tiff(tmp_path / "one.tif", pixels)
    assert client.put(data, name, (tmp_path / "one.tif").read_bytes(), folders).status == 201


def offered(client, data):
    page = client.get(f"/data/{data}", **HTML).text
    return {q.name for q in questions() if f'/ask/{q.name}"' in page}


def done(client, data, question, **form):
    assert question in offered(client, data)
    said = client.post(f"/data/{data}/ask/{question}/estimate", **form).json
    assert "problem" not in said, said
    assert said["command"].startswith(f"fatescope {question_named(question).command}")
    result = client.run(data, question, **form)
    now = client.wait(result)
    page = client.get(result, **HTML).text
    assert now["state"] == "done", now
    assert "Traceback" not in page
    return result, page


@pytest.fixture(scope="module")
def labelled(client, tmp_path_factory):
    """Two images, their labels, and labels that lie beside them."""
    place, data = tmp_path_factory.mktemp("labels"), client.add_data("labels")
    noise = np.random.default_rng(0).integers(0, 20, (96, 120))
    for name in ("a.tif", "b.tif"):
        image = (100 * (discs() > 0) + noise).astype(np.uint8)
        put_tiff(client, data, place, name, image, ["images"])
        put_tiff(client, data, place, name, discs(), ["truth"])
        put_tiff(client, data, place, name, discs(shift=3), ["found"])
    return data


def test_own_outlines_are_measured(client, labelled):
    page = client.get(f"/data/{labelled}", **HTML).text
    assert page.count("label image") >= 4
    form = client.get(f"/data/{labelled}/ask/measure", **HTML).text
    assert '<option value="images" selected' in form
    result, page = done(client, labelled, "measure", images="images", labels="truth")
    rows = client.get(f"{result}/files/objects.csv").text.splitlines()
    assert len(rows) == 1 + 8
    assert "2 files done" in page
    assert ": 8 objects" in page
    assert page.count("<td>a</td>") == 4  # the table can be read on the page


def test_outlines_are_scored_against_the_truth(client, labelled):
    _, page = done(client, labelled, "evaluate", true="truth", pred="found")
    assert "AP 0.50 pooled     1.000" in page
    answer = page.partition('id="answer">')[2].partition("</p>")[0]
    assert answer.startswith("AP at 0.50 is 1.000 (")
    assert answer.endswith("8 predicted objects against 8 true ones in 2 images.")
    assert page.count(answer) == 1  # it does not stand among the other numbers again
    _, page = done(client, labelled, "evaluate", true="truth/a.tif", pred="truth/a.tif")
    assert "AP 0.50-0.90 mean  1.000" in page


@pytest.mark.parametrize("place", ["/etc", "../..", "images/../../.."])
def test_a_place_that_was_not_offered_is_refused(client, labelled, place):
    answer = client.post(f"/data/{labelled}/ask/measure", images=place, labels="truth")
    assert answer.status == 400
    assert "choose one of the list" in answer.text


def test_what_lacks_its_second_file_is_not_offered(client, tmp_path):
    data = client.add_data()
    put_tiff(client, data, tmp_path, "a.tif", discs())
    assert not {"measure", "evaluate", "match", "compare", "train"} & offered(client, data)


@pytest.fixture(scope="module")
def lineages(client, tmp_path_factory):
    place, data = tmp_path_factory.mktemp("lineages"), client.add_data("lineages")
    write_lineage(TWO_DIVISIONS, place / "embryo.csv", format="csv")
    client.put(data, "embryo.csv", (place / "embryo.csv").read_bytes())
    return data


def test_a_lineage_is_converted(client, lineages):
    result, _ = done(client, lineages, "convert", to="newick")
    page = client.get(result, **HTML).text
    assert "embryo.nwk" in page or "embryo.newick" in page


def test_nuclei_are_linked(client, lineages):
    result, page = done(client, lineages, "link")
    assert client.get(f"{result}/files/spots.csv").text.startswith("id,")
    assert "spots.csv</h2>" in page


def test_embryos_are_compared(client):
    data = client.post("/examples/lineage").headers["location"].rpartition("/")[2]
    result, page = done(client, data, "compare-lineages")
    assert "<iframe" in page
    assert client.get(f"{result}/files/differences.csv").text.count("MS") > 1


@pytest.fixture(scope="module")
def plate(client, tmp_path_factory):
    place, data = tmp_path_factory.mktemp("plate"), client.add_data("plate")
    settings = PlateSettings(
        rows=1, columns=2, stained=2, field_rows=1, field_columns=2, frames=1, cells=24,
        height=160, width=200,
    )  # fmt: skip
    simulate_plate(place / "p", settings=settings, seed=3, execution=Execution(workers=1))
    for path in sorted((place / "p/images").iterdir()):
        client.put(data, path.name, path.read_bytes(), ["plate"])
    return data


@pytest.mark.slow
def test_the_fields_of_a_plate_are_stitched(client, plate):
    result, page = done(client, plate, "stitch", rows="1", columns="2")
    assert "2 wells done" in page
    assert client.get(f"{result}/files/positions.csv").status == 200


@pytest.mark.slow
def test_two_stains_become_labels(client, plate):
    form = client.get(f"/data/{plate}/ask/stain-labels", **HTML).text
    assert '<option value="DAPI">' in form
    answer = client.post(f"/data/{plate}/ask/stain-labels", nuclei="DAPI", dead="Cy5")
    assert answer.status == 400  # which is bright field has to be said, too
    asked = {"nuclei": "DAPI", "dead": "Cy5", "bright_field": "BF", "outlines": "peaks"}
    result, _ = done(client, plate, "stain-labels", **asked)
    assert "labels/" in client.get(result, **HTML).text


@pytest.mark.slow
def test_stained_nuclei_of_a_plate_are_outlined_well_by_well(client, plate):
    form = client.get(f"/data/{plate}/ask/nuclei", **HTML).text
    assert form.index('name="channel"') < form.index("More settings")
    assert '<option value="DAPI">' in form
    assert client.post(f"/data/{plate}/ask/nuclei").status == 400  # which stain shows nuclei?
    result, page = done(client, plate, "nuclei", channel="DAPI", diameter_px="12")
    rows = client.get(f"{result}/files/images.csv").text.splitlines()[1:]
    assert len(rows) == 4  # two wells of two fields, and no other channel
    assert [row.partition(",")[0].rpartition("_w")[2] for row in rows] == ["2"] * 4
    assert [row.partition("_s")[0][-3:] for row in rows] == ["A01", "A01", "A02", "A02"]
    assert "--channel" not in page.partition("The same without the app")[2]


def test_the_help_names_the_port_that_is_used(client):
    assert f"ssh -L {client.port}:localhost:{client.port} " in client.get("/help", **HTML).text


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("a.tif", "a.tif"),
        ("C:/a b/c.tif", '"C:/a b/c.tif"'),
        ("100%.tif", '"100%.tif"'),
        ("a&b.tif", '"a&b.tif"'),
        ("it's.tif", '"it\'s.tif"'),
        ("(1).tif", '"(1).tif"'),
    ],
)
def test_a_line_for_windows_is_quoted_as_its_shells_want_it(word, line):
    assert shell_line(["fatescope", word], for_windows=True) == f"fatescope {line}"


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.name)
def test_the_python_of_a_question_gives_the_function_what_it_needs(question, tmp_path):
    values = {n: "x" for n, role in question.roles.items() if role.required}
    code = as_python(question, [tmp_path], out="results", values=values)
    call = ast.parse(code).body[-1].value
    taken = inspect.signature(resolved(question.run)).parameters
    named = {k.arg for k in call.keywords}
    assert named <= set(taken)
    positional = list(taken)[: len(call.args)]
    missing = {n for n, p in taken.items() if p.default is p.empty} - named - set(positional)
    assert missing == set()
