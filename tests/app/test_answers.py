"""From a form to a result: the same bytes as the command line and Python, stopped, continued."""

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.acquire.image_files import plain_tiff
from tests.acquire.lineage_cases import TWO_DIVISIONS
from tests.app.served import Client, served

from fatescope.acquire.lineages import write_lineage
from fatescope.app import as_command, as_python
from fatescope.app.form import form_for, values_from
from fatescope.app.looking import Look
from fatescope.app.store import NotHereError, Store
from fatescope.base import Execution, InputError, RunError, Settings, SettingsError
from fatescope.simulate import NucleiMovieSettings, simulate_nuclei
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.systems.place import resolved
from fatescope.systems.registry import question_named, questions
from fatescope.systems.simulation.movies import write_embryo_movies
from fatescope.systems.simulation.plates import simulate_plate

RESULTS = ("objects.csv", "objects.parquet", "images.csv", "labels/a.tif")


def nuclei_tiff(path, seed=1, size=128):
    settings = NucleiMovieSettings(frames=1, height=size, width=size)
    plain_tiff(path, simulate_nuclei(settings, seed=seed).pixels[0])
    return path.read_bytes()


def bright_field(folder):
    """Render one field of a plate of living and dead cells."""
    one = {"rows": 1, "columns": 1, "stained": 0, "field_rows": 1, "field_columns": 1}
    small = {"frames": 1, "cells": 24, "height": 224, "width": 224}
    settings = PlateSettings.from_values(one | small)
    simulate_plate(folder, settings=settings, seed=1, execution=Execution(workers=1))
    (image,) = (folder / "images").glob("*.tif")
    return image.read_bytes()


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


@pytest.fixture(scope="module")
def client(app):
    return app.client()


@pytest.fixture(scope="module")
def nuclei(app, client, tmp_path_factory):
    """Files with one image of nuclei, and the result of a question asked of them."""
    data = client.add_data("nuclei")
    image = nuclei_tiff(tmp_path_factory.mktemp("image") / "a.tif")
    assert client.put(data, "a.tif", image).status == 201
    result = client.run(data, "nuclei", spacing_um="0.3", diameter_um="6", model="classical")
    assert client.wait(result)["state"] == "done"
    return data, result


def test_what_makes_all_numbers_doubtful_stands_before_them(client, tmp_path):
    data = client.add_data("a negative")
    nuclei_tiff(tmp_path / "a.tif")
    pixels = tifffile.imread(tmp_path / "a.tif")
    plain_tiff(tmp_path / "b.tif", pixels.max() - pixels)
    client.put(data, "a.tif", (tmp_path / "b.tif").read_bytes())
    result = client.run(data, "nuclei", spacing_um="0.3", diameter_um="6")
    assert client.wait(result)["state"] == "done"
    page = client.get(result, Accept="text/html").text
    caution = "is unlike those that the model nuclei was trained on"
    assert 0 < page.index(caution) < page.index('id="answer"') < page.index('id="counts-done"')


def copied(client, result):
    """Return the command and the Python that a result page offers."""
    import html

    page = client.get(result, Accept="text/html").text
    return [
        html.unescape(page.partition(f'<code id="{n}">')[2].partition("</code>")[0])
        for n in ("command", "python")
    ]


@pytest.mark.parametrize("way", ["command", "python"])
def test_the_copied_command_and_python_give_the_same_bytes(app, client, nuclei, tmp_path, way):
    _, result = nuclei
    command, code = copied(client, result)
    assert "--diameter-um 6" in command
    assert "diameter_um=6.0" in code
    if way == "command":
        words = command.split()
        assert words[0] == "fatescope"
        done = subprocess.run(
            f"{sys.executable} -m {command}", shell=True, cwd=tmp_path, capture_output=True
        )
    else:
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    theirs = app.store.folder_of("owner", "results", result.rpartition("/")[2])
    for name in RESULTS:
        assert (tmp_path / "results" / name).read_bytes() == (theirs / name).read_bytes(), name


@pytest.mark.parametrize("question", ["phase-cells", "live-dead"])
def test_cells_without_a_stain_are_found_as_the_command_finds_them(app, client, tmp_path, question):
    data = client.add_data("cells")
    client.put(data, "a.tif", bright_field(tmp_path / "plate"))
    result = client.run(data, question, diameter_px="22")
    assert client.wait(result)["state"] == "done"
    command, _ = copied(client, result)
    assert f"predict {question}" in command
    done = subprocess.run(
        f"{sys.executable} -m {command}", shell=True, cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    theirs = app.store.folder_of("owner", "results", result.rpartition("/")[2])
    for name in RESULTS:
        assert (tmp_path / "results" / name).read_bytes() == (theirs / name).read_bytes(), name
    page = client.get(result, Accept="text/html").text
    assert re.search(rf"Model {question}, content [0-9a-f]{{12}}, on the processor\.", page)
    said = page.partition('id="answer">')[2].partition("<")[0]
    assert question != "live-dead" or re.search(r"\d+ of \d+ .*dead.*95 %", said), said
    rows = client.get(f"{result}/images/0/objects?t=0&offset=0").json
    assert (rows["total"] > 5) == (question == "live-dead")
    assert ("state" in rows["columns"]) == (question == "live-dead")


def test_of_a_plate_its_own_question_comes_first_and_its_only_map_is_chosen(app, client):
    place = client.post("/examples/plate").headers["location"]
    page = client.get(place, Accept="text/html").text
    assert re.search(r'class="card"[^>]*><strong>(.*?)<', page)[1] == "Follow the cells of a plate"
    assert "plate: imagexpress" in page
    assert str(app.store.folder) not in page
    form = client.get(f"{place}/ask/plate", Accept="text/html").text
    assert re.search(r'<option value="plate/map.csv" selected', form)
    assert re.search(r'<option value="BF"', form)
    estimate = client.post(f"{place}/ask/plate/estimate", map="plate/map.csv").json
    assert re.search(r"--map \S+/plate/map.csv$", estimate["command"])
    assert "--map" not in client.post(f"{place}/ask/plate/estimate", map="").json["command"]


def test_whoever_has_one_channel_is_not_asked_which(client, nuclei):
    data, _ = nuclei
    form = client.get(f"/data/{data}/ask/nuclei", Accept="text/html").text
    assert form.index("More settings") < form.index('name="channel"')
    volume = client.post("/examples/volume").headers["location"]
    form = client.get(f"{volume}/ask/nuclei", Accept="text/html").text
    assert form.index('name="channel"') < form.index("More settings")


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.name)
def test_every_question_names_a_command_and_settings_that_exist(question):
    from typer.main import get_command

    from fatescope.cli.main import load_commands

    command = get_command(load_commands(None))
    for word in question.command.split():
        command = command.commands[word]
    flags = {o for p in command.params for o in p.opts}
    for cls in question.classes().values():
        assert issubclass(cls, Settings)
        assert {question.flags.get(d.name, d.flag) for d in cls.describe()} <= flags
    named = {d.name for cls in question.classes().values() for d in cls.describe()}
    for listed in (question.first, question.hidden, question.channels):
        assert set(listed) <= named
    assert set(question.needs) <= named | set(question.roles)
    assert callable(resolved(question.run))
    assert not question.plan or callable(resolved(question.plan))


OPEN_TEXTS = frozenset(("spacing_um", "channel", "nuclei_channel", "axes", "pattern"))
OPEN_TEXTS |= {"colour", "cells", "expression"}  # columns and names of cells
OPEN_TEXTS |= {"scene"}  # an image inside a file
OPEN_TEXTS |= {"test_name", "reference_name"}  # words of a page


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.name)
def test_no_text_of_a_form_can_name_a_file_of_the_server(question, tmp_path):
    look = Look(folder=tmp_path, seen=(), n_images=0, tables=())
    form = form_for(question, look)
    texts = {f.name for f in (*form.scale, *form.first, *form.more) if f.control == "text"}
    assert texts <= OPEN_TEXTS | set(question.channels)
    for name in ("model", "atlas", "reference", "exclude", "markers", "map"):
        sent = {name: "/etc/passwd", **dict.fromkeys(question.needs, "/etc/passwd")}
        try:
            values = values_from(question, look, sent)
        except InputError:
            continue
        assert name not in values


@pytest.mark.parametrize("question", questions(), ids=lambda q: q.name)
def test_settings_that_were_not_touched_stay_away_from_the_command(question):
    said = as_command(question, [Path("a b.tif")], out="results", values={})
    beyond = {"adapt": ("train adapt --data", " --from nuclei")}  # its model must be named
    words, last = beyond.get(question.name, (question.command, ""))
    inputs = "" if question.names_its_files else " 'a b.tif'"
    out = " --out results" if question.writes else ""
    assert said == f"fatescope {words}{inputs}{out}{last}"
    compile(as_python(question, [Path("a b.tif")], out="results", values={}), "copied", "exec")


def test_a_result_can_be_taken_away_whole(client, nuclei):
    _, result = nuclei
    answer = client.get(f"{result}/all.zip")
    archive = zipfile.ZipFile(BytesIO(answer.body))
    assert archive.testzip() is None
    assert {"report.html", "run.json", *RESULTS} <= set(archive.namelist())
    assert not any(n.startswith("ledger") for n in archive.namelist())
    assert archive.read("objects.csv") == client.get(f"{result}/files/objects.csv").body


def test_a_report_is_shown_as_a_stranger(client, nuclei):
    _, result = nuclei
    shown = client.get(f"{result}/files/report.html?show=1")
    assert shown.headers["content-type"].startswith("text/html")
    assert "sandbox allow-scripts" in shown.headers["content-security-policy"]
    assert "allow-same-origin" not in shown.headers["content-security-policy"]
    taken = client.get(f"{result}/files/report.html")
    assert taken.headers["content-disposition"].startswith("attachment")


def test_the_estimate_and_the_command_follow_the_form(client, nuclei):
    data, _ = nuclei
    said = client.post(f"/data/{data}/ask/nuclei/estimate", diameter_px="22").json
    assert said["estimate"].startswith("1 file: about")
    assert "--diameter-px 22" in said["command"]
    wrong = client.post(f"/data/{data}/ask/nuclei/estimate", diameter_px="22", diameter_um="6").json
    assert "not both" in wrong["problem"]


WRONG = {
    "not a number": {"diameter_um": "large"},
    "out of range": {"diameter_px": "1"},
    "both": {"diameter_px": "20", "diameter_um": "6"},
    "a model by path": {"model": "/etc/passwd"},
    "a table of the machine": {"markers": "/etc/passwd"},
    "far too long": {"pattern": "x" * 500},
}


@pytest.mark.parametrize("sent", WRONG.values(), ids=WRONG)
def test_a_wrong_setting_gives_the_form_again_with_a_sentence(app, client, nuclei, sent):
    data, _ = nuclei
    before = len(app.store.jobs("owner"))
    question = "cells" if "markers" in sent else "nuclei"
    answer = client.post(f"/data/{data}/ask/{question}", _headers={"Accept": "text/html"}, **sent)
    assert answer.status == 400
    assert 'class="problem" role="alert"' in answer.text
    assert len(app.store.jobs("owner")) == before


def test_what_was_typed_is_not_lost_with_an_error(client, nuclei):
    data, _ = nuclei
    answer = client.post(f"/data/{data}/ask/nuclei", diameter_px="1", spacing_um="0.25")
    assert 'value="0.25"' in answer.text


def test_files_that_cannot_be_read_give_a_sentence_and_no_traceback(client):
    data = client.add_data("broken")
    client.put(data, "a.tif", b"II*\0 not a TIFF")
    page = client.get(f"/data/{data}", Accept="text/html").text
    assert "None of these files" in page
    answer = client.post(f"/data/{data}/ask/nuclei")
    assert answer.status == 400
    assert "Traceback" not in answer.text


def test_what_went_wrong_names_the_file_as_its_owner_does(client, tmp_path):
    from tifffile import imwrite

    data = client.add_data("short")
    imwrite(tmp_path / "short.tif", np.zeros((3, 64, 64), np.uint8), imagej=True)
    client.put(data, "short.tif", (tmp_path / "short.tif").read_bytes())
    result = client.run(data, "nuclei", channel="9")
    now = client.wait(result)
    page = client.get(result, Accept="text/html").text
    assert now["state"] == "failed"
    assert "/people/owner/" not in page.partition('class="ways"')[0]
    assert "/people/" not in now["what"]
    assert "No file could be used." in page


def test_a_name_with_markup_stays_text(client):
    data = client.post("/data", title="<script>alert(1)</script>").json["id"]
    page = client.get(f"/data/{data}", Accept="text/html").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_lineage_table_is_checked(client, tmp_path):
    write_lineage(TWO_DIVISIONS, tmp_path / "embryo.csv", format="csv")
    data = client.add_data("lineage")
    client.put(data, "embryo.csv", (tmp_path / "embryo.csv").read_bytes())
    page = client.get(f"/data/{data}", Accept="text/html").text
    assert "lineage table" in page
    result = client.run(data, "lint")
    assert client.wait(result)["state"] == "done"
    assert "<iframe" in client.get(result, Accept="text/html").text
    assert client.get(f"{result}/files/findings.csv").status == 200


def test_what_was_not_read_of_a_table_is_said_where_files_are_shown(client):
    data = client.add_data("lineage")
    table = b"id,frame,z,y,x,parent\n1,0,1,2,3,\n2,1,1,2,3,77\n"
    client.put(data, "embryo.csv", table)
    page = client.get(f"/data/{data}", Accept="text/html").text
    assert "1 rows name a parent that is in no row before them" in page


@pytest.mark.slow
def test_a_job_that_is_stopped_says_so_and_can_be_continued(client, tmp_path):
    data = client.add_data("many")
    sizes = [64, 64, *[1200] * 10]  # more than can be done before the stop arrives
    images = {size: nuclei_tiff(tmp_path / f"{size}.tif", size=size) for size in set(sizes)}
    for n, size in enumerate(sizes):
        client.put(data, f"{n:02}.tif", images[size])
    result = client.run(data, "nuclei", model="classical")
    while (now := client.get(f"{result}/state").json)["done"] < 2:
        assert now["state"] in ("waiting", "running"), now
        time.sleep(0.02)
    assert client.post(f"{result}/stop").status == 303
    now = client.wait(result)
    assert now["state"] == "stopped"
    assert 2 <= now["done"] < 12
    assert client.post(f"{result}/again").status == 303
    told = []
    while (after := client.get(f"{result}/state").json)["state"] in ("waiting", "running"):
        told.append((after["done"], after["total"]))
        time.sleep(0.02)
    assert after["state"] == "done"
    assert all(now["done"] <= done <= 12 == total for done, total in told)  # it goes on from there
    assert client.get(f"{result}/files/images.csv").text.count("done") == 12


def start_app(folder, tmp_path):
    words = ["app", "--port", "0", "--no-browser", "--folder", str(folder)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "fatescope", *words], stderr=log, start_new_session=True
        )
    while not re.search(r"token=\S+\n", said := (tmp_path / "log").read_text()):
        assert process.poll() is None, said
        time.sleep(0.05)
    port = int(said.partition("127.0.0.1:")[2].partition("/")[0])
    token = said.partition("token=")[2].split()[0]
    client = Client(port)
    try:
        assert client.enter(token).status == 303
    except BaseException:
        process.kill()  # nobody else knows of it
        process.wait()
        raise
    return process, client


@pytest.mark.slow
def test_an_app_that_is_killed_continues_its_queue_at_the_next_start(tmp_path):
    folder = tmp_path / "files"
    process, client = start_app(folder, tmp_path)
    data = client.add_data("many")
    image = nuclei_tiff(tmp_path / "a.tif", size=160)
    for n in range(10):
        client.put(data, f"{n}.tif", image)
    result, second = (
        client.run(data, "nuclei", model="classical", diameter_px=size) for size in ("20", "22")
    )
    while (now := client.get(f"{result}/state").json)["done"] < 2:
        assert now["state"] in ("waiting", "running"), now
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process, client = start_app(folder, tmp_path)
    try:
        assert client.wait(result)["state"] == "done"
        assert client.wait(second)["state"] == "done"
        assert client.get(f"{result}/files/images.csv").text.count("done") == 10
    finally:
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(300) == 0


def test_a_job_whose_begin_cannot_be_stored_waits_and_is_done_later(tmp_path, monkeypatch):
    refused = []
    run = Store._run

    def full_disk(store, sql, *values):
        if sql.startswith("UPDATE jobs SET") and "begun" in sql and not refused:
            refused.append(sql)
            raise RunError("the disk is full.")
        return run(store, sql, *values)

    with served(tmp_path / "files") as app:
        client = app.client()
        data = client.add_data()
        client.put(data, "a.tif", nuclei_tiff(tmp_path / "a.tif", size=64))
        monkeypatch.setattr(Store, "_run", full_disk)
        assert client.wait(client.run(data, "nuclei"))["state"] == "done"
    assert len(refused) == 1


def test_a_job_that_cannot_be_followed_fails_and_the_next_one_is_done(tmp_path, monkeypatch):
    change, refused = Store.change_job, []

    def broken(store, name, **values):
        if "what" in values and not refused:
            refused.append(name)
            raise LookupError("broken")
        change(store, name, **values)

    with served(tmp_path / "files") as app:
        client = app.client()
        data = client.add_data()
        client.put(data, "a.tif", nuclei_tiff(tmp_path / "a.tif", size=64))
        monkeypatch.setattr(Store, "change_job", broken)
        first = client.run(data, "nuclei")
        assert client.wait(first)["state"] == "failed"
        assert client.wait(client.run(data, "nuclei"))["state"] == "done"
    assert len(refused) == 1


def test_people_are_served_by_turns(tmp_path):
    store = Store(tmp_path / "files")
    ask = {"data": "x", "question": "lint", "inputs": [], "settings": {}}
    mine = [store.add_job("a", **ask) for _ in range(3)]
    theirs = store.add_job("b", **ask)
    order = []
    for n in range(4):
        job = store.next_job()
        store.move_job(job.id, before=("waiting",), now="done")
        store.change_job(job.id, begun=float(n + 1))
        order.append(job.id)
    assert order == [mine[0].id, theirs.id, mine[1].id, mine[2].id]
    store.close()


def test_a_folder_of_somebody_else_is_not_taken(tmp_path):
    (tmp_path / "thesis.docx").write_text("precious")
    with pytest.raises(Exception, match="Choose a new or empty folder"):
        Store(tmp_path)


def test_settings_are_checked_by_the_classes_of_the_command_line():
    with pytest.raises(SettingsError, match="diameter_px"):
        question_named("nuclei").settings_from({"diameter_px": -1})
    with pytest.raises(InputError, match="no question"):
        question_named("weather")


def test_a_result_says_how_many_nuclei_there_are(client, nuclei):
    _, result = nuclei
    objects = client.get(f"{result}/images/0/objects").json
    assert objects["total"] == len(objects["rows"]) > 3
    first = objects["rows"][0][0]
    picked = client.get(f"{result}/images/0/at?label={first}").json
    y, x = round(picked["row"]["y"]), round(picked["row"]["x"])
    assert client.get(f"{result}/images/0/at?y={y}&x={x}").json["label"] == first
    assert picked["path"].startswith("m")
    assert client.get(f"{result}/images/0/at?y=999999&x=0").json == {"label": 0}
    assert client.get(f"{result}/images/9").status == 404
    assert client.get(f"{result}/images/0/at?y=-1&x=0").status == 400


def test_tiles_show_the_image_and_its_labels(app, client, nuclei):
    import imagecodecs

    from fatescope import read_image

    _, result = nuclei
    meta = client.get(f"{result}/images/0").json
    out = app.store.folder_of("owner", "results", result.rpartition("/")[2])
    labels = read_image(out / "labels/a.tif").read()
    tile = client.get(f"{result}/images/0/labels/0/0/{meta['levels']}/0/0.png?style=filled")
    assert tile.headers["content-type"] == "image/png"
    pixels = imagecodecs.png_decode(tile.body)
    np.testing.assert_array_equal(pixels[..., 3] > 0, labels > 0)
    grey = client.get(f"{result}/images/0/grey/0/0/{meta['levels']}/0/0.png?low=0&high=65535")
    assert imagecodecs.png_decode(grey.body).shape == labels.shape
    for wrong in ("99/0/0", f"{meta['levels']}/9/0", "0/1/0"):
        assert client.get(f"{result}/images/0/grey/0/0/{wrong}.png").status == 404


def test_an_image_in_zarr_arrives_with_its_hidden_files_and_is_read(client, tmp_path):
    import zarr

    store = tmp_path / "old.zarr"
    array = zarr.create_array(
        str(store), shape=(64, 48), chunks=(32, 48), dtype="uint16", zarr_format=2
    )
    array[:] = np.arange(64 * 48).reshape(64, 48)
    data = client.add_data("zarr")
    for path in sorted(p for p in store.rglob("*") if p.is_file()):
        folders = ["old.zarr", *path.relative_to(store).parts[:-1]]
        assert client.put(data, path.name, path.read_bytes(), folders=folders).status == 201
    page = client.get(f"/data/{data}", Accept="text/html").text
    assert "old.zarr" in page
    assert "48 × 64 px, 16 bit" in page


def test_words_of_an_error_do_not_decide_what_a_browser_is_told(tmp_path):
    from starlette.requests import Request

    from fatescope.app.server import _known

    context = SimpleNamespace(store=SimpleNamespace(folder=tmp_path))
    app = SimpleNamespace(state=SimpleNamespace(context=context))
    request = Request({"type": "http", "headers": [], "method": "GET", "path": "/", "app": app})
    assert _known(request, InputError("a.tif has no such channel")).status_code == 400
    assert _known(request, NotHereError("nothing lies at this address")).status_code == 404


@pytest.mark.parametrize("question", [q for q in questions() if q.presets], ids=lambda q: q.name)
def test_the_plain_choices_that_are_usual_are_the_defaults_of_the_command(question, tmp_path):
    look = Look(folder=tmp_path, seen=(), n_images=0, tables=())
    form = form_for(question, look)
    sent = {f.name: f.value for f in (*form.scale, *form.first, *form.more)}
    values = values_from(question, look, sent)
    assert question.settings_from(values) == question.settings_from({})
    for name, preset in question.presets.items():
        for choice in list(preset.choices)[1:]:
            other = values_from(question, look, {**sent, name: choice})
            assert question.settings_from(other) != question.settings_from({})


@pytest.mark.slow
def test_movies_without_a_fault_have_no_findings_in_the_app(client, tmp_path):
    movie = MovieSettings(count=2, frames=80, height=256, width=356, voxel_um=(1.0, 0.18, 0.18))
    alone = Execution(workers=1)
    write_embryo_movies(tmp_path / "m", movie, LineageSettings(), seed=1, execution=alone)
    data = client.add_data()
    for path in (tmp_path / "m" / "movies").glob("*.mp4"):
        assert client.put(data, path.name, path.read_bytes()).status == 201
    result = client.run(data, "clean")
    assert client.wait(result)["state"] == "done"
    archive = zipfile.ZipFile(BytesIO(client.get(f"{result}/all.zip").body))
    (name,) = (n for n in archive.namelist() if n.endswith("findings.csv"))
    assert len(archive.read(name).decode().splitlines()) == 1, "a head, and no row"
