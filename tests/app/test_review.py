"""Corrections through the app: saved before they are answered, kept when the server is killed."""

import io
import json
import os
import signal
import threading
import zipfile

import numpy as np
import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from tests.app.served import served
from tests.app.test_answers import nuclei_tiff, start_app

from fatescope import read_image
from fatescope.prepare import read_samples


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


@pytest.fixture(scope="module")
def client(app):
    return app.client()


def outlined(client, folder, n=1, size=128):
    """Ask for the nuclei of some images, by a threshold, and return the address of the answer."""
    data = client.add_data("to correct")
    for k in range(n):
        body = nuclei_tiff(folder / "one.tif", seed=k + 1, size=size)
        assert client.put(data, f"{k}.tif", body).status == 201
    result = client.run(data, "nuclei", model="classical", spacing_um="0.3")
    assert client.wait(result)["state"] == "done"
    return result


@pytest.fixture(scope="module")
def result(client, tmp_path_factory):
    return outlined(client, tmp_path_factory.mktemp("images"))


def send(client, result, what, image=0, **said):
    return client.ask("POST", f"{result}/images/{image}/review/{what}", json.dumps(said).encode())


def labels_of(client, result, image=0):
    rows = client.get(f"{result}/images/{image}/objects").json["rows"]
    return [row[0] for row in rows]


def test_an_edit_changes_tiles_table_and_what_is_pointed_at(client, result):
    first, *_ = before = labels_of(client, result)
    row = client.get(f"{result}/images/0/at?label={first}").json["row"]
    y, x = round(row["y"]), round(row["x"])
    meta = client.get(f"{result}/images/0").json
    tile = f"{result}/images/0/labels/0/0/{meta['levels']}/0/0.png?style=filled"
    pixels = client.get(f"{tile}&r=0").body
    said = send(client, result, "edit", do="remove", label=first).json
    assert (said["undo"], said["edits"], said["revisions"]) == (f"remove {first}", 1, {"0": 1})
    assert client.get(f"{tile}&r=1").body != pixels
    assert client.get(f"{result}/images/0/at?y={y}&x={x}").json == {"label": 0}
    assert labels_of(client, result) == before[1:]
    new = send(client, result, "edit", do="paint", points=[[y, x]], radius_px=3).json["label"]
    found = client.get(f"{result}/images/0/at?y={y}&x={x}").json
    assert found["label"] == new
    assert found["row"]["area_px"] == 29
    assert found["row"]["area_um2"] == pytest.approx(29 * 0.09)
    send(client, result, "undo")
    assert send(client, result, "undo").json["revisions"] == {"0": 4}
    assert client.get(f"{tile}&r=4").body == pixels
    assert labels_of(client, result) == before
    assert send(client, result, "redo").json["undo"] == f"remove {first}"
    send(client, result, "undo")


WRONG = {
    "no such tool": {"do": "explode"},
    "no such object": {"do": "remove", "label": 99999},
    "no such frame": {"do": "remove", "label": 1, "frame": 7},
    "a text": {"do": "paint", "points": "everywhere"},
    "not finite": {"do": "paint", "points": [[1e999, 1]]},
    "too many points": {"do": "paint", "points": [[1, 1]] * 20_001},
    "a brush like a house": {"do": "paint", "points": [[1, 1]], "radius_px": 1e9},
    "more than was asked": {"do": "remove", "label": 1, "path": "/etc/passwd"},
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG)
def test_an_edit_that_makes_no_sense_is_a_sentence_and_changes_nothing(client, result, said):
    before = labels_of(client, result)
    answer = send(client, result, "edit", **said)
    assert answer.status == 400
    assert answer.json["problem"].endswith(".")
    assert labels_of(client, result) == before


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b"[" * 100_000])
def test_what_is_no_edit_is_refused(client, result, body):
    assert client.ask("POST", f"{result}/images/0/review/edit", body).status == 400


def test_nobody_else_sees_or_corrects_a_result(app, result):
    other = app.client("somebody else")
    for answer in (
        other.get(f"{result}/images/0/review"),
        other.get(f"{result}/images/0/review/history"),
        send(other, result, "edit", do="remove", label=1),
        other.post(f"{result}/findings", row="0", status="accepted"),
        other.post(f"{result}/pairs"),
        other.get(f"{result}/images/0/export/labels"),
    ):
        assert answer.status == 404


@pytest.mark.slow
def test_corrected_files_are_given_and_those_of_the_run_stay(app, client, tmp_path):
    result = outlined(client, tmp_path)
    out = app.store.folder_of("owner", "results", result.rpartition("/")[2])
    run = {n: (out / n).read_bytes() for n in ("labels/0.tif", "objects.csv", "objects.parquet")}
    assert client.get(f"{result}/images/0/export/labels").body == run["labels/0.tif"]
    assert client.get(f"{result}/images/0/export/objects").body == run["objects.csv"]
    assert client.get(f"{result}/images/0/export/secrets").status == 404
    first = labels_of(client, result)[0]
    send(client, result, "edit", do="remove", label=first)
    given = client.get(f"{result}/images/0/export/labels")
    (tmp_path / "given.tif").write_bytes(given.body)
    assert "0_corrected.tif" in given.headers["content-disposition"]
    labels = read_image(tmp_path / "given.tif")
    assert first not in labels.read()
    assert labels.spacing.um("YX") == (0.3, 0.3)
    table = client.get(f"{result}/images/0/export/objects").text.splitlines()
    assert len(table) == len(run["objects.csv"].splitlines()) - 1
    rois = client.get(f"{result}/images/0/export/rois").body
    with zipfile.ZipFile(io.BytesIO(rois)) as archive:
        assert len(archive.namelist()) == len(table) - 1
    assert {n: (out / n).read_bytes() for n in run} == run
    send(client, result, "undo")
    again = client.get(f"{result}/images/0/export/labels").body
    assert again == run["labels/0.tif"]
    listed = client.get(f"{result}/images/0/review/history").json
    assert [(e["text"], e["who"], e["holds"]) for e in listed] == [
        (f"remove {first}", "owner", False),
        (f"undo remove {first}", "owner", False),
    ]


@pytest.mark.slow
def test_twenty_clients_at_once_lose_no_edit(app, client, tmp_path):
    result = outlined(client, tmp_path, size=160)
    taken = send(client, result, "edit", do="erase", points=[[80, -9], [80, 169]], radius_px=120)
    assert taken.status == 200
    answered = []

    def one(n):
        own = app.client()
        for k in range(5):
            place = [3 + 30 * k, 4 + 8 * n]
            said = send(own, result, "edit", do="paint", points=[place], radius_px=2)
            if said.status == 200:
                answered.append((said.json["label"], place))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answered) == 100
    assert len({label for label, _ in answered}) == 100
    for label, (y, x) in answered[::7]:
        assert client.get(f"{result}/images/0/at?y={y}&x={x}").json["label"] == label
    assert len(labels_of(client, result)) == 100


@pytest.mark.slow
def test_a_server_killed_while_somebody_corrects_loses_nothing_that_was_answered(tmp_path):
    folder = tmp_path / "files"
    process, client = start_app(folder, tmp_path)
    try:
        result = outlined(client, tmp_path)
        before = labels_of(client, result)
        answered, begun = [], threading.Event()

        def correct():
            for n in range(1000):
                try:
                    place = [2 * (n % 60), 2 * (n // 60)]
                    said = send(client, result, "edit", do="paint", points=[place], radius_px=0.5)
                except OSError:
                    return
                if said.status == 200:
                    answered.append((said.json["label"], place))
                if n == 10:
                    begun.set()

        thread = threading.Thread(target=correct)
        thread.start()
        assert begun.wait(60)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        thread.join(60)
        process, client = start_app(folder, tmp_path)
        assert len(answered) >= 5
        for label, (y, x) in answered:
            assert client.get(f"{result}/images/0/at?y={y}&x={x}").json["label"] == label
        for _ in range(client.get(f"{result}/images/0/review").json["edits"]):
            assert send(client, result, "undo").status == 200
        assert labels_of(client, result) == before
    finally:
        process.send_signal(signal.SIGINT)  # does nothing to one that has ended
        process.wait(60)


def test_findings_are_decided_and_stay_decided(app, client, tmp_path):
    from tifffile import imwrite

    data = client.add_data("dark")
    imwrite(tmp_path / "dark.tif", np.zeros((64, 64), np.uint8))
    client.put(data, "dark.tif", (tmp_path / "dark.tif").read_bytes())
    result = client.run(data, "nuclei", model="classical")
    client.wait(result)
    table = f"{result}/files/findings.csv"
    before = client.get(table).text
    rule = before.splitlines()[1].split(",")[3]
    said = client.post(f"{result}/findings", row="0", rule=rule, status="rejected")
    assert said.json == {"row": 0, "status": "rejected"}
    assert client.get(table).text.count("rejected") == 1
    page = client.get(result, Accept="text/html").text
    assert 'data-status="rejected"' in page
    for wrong in (
        {"row": "0", "status": "perhaps"},
        {"row": "99", "status": "open"},
        {"row": "-1", "status": "open"},
        {"row": "0", "status": "open", "rule": "other"},
        {},
    ):
        assert client.post(f"{result}/findings", **wrong).status == 400
    client.post(f"{result}/findings", row="0", rule=rule, status="open")
    assert client.get(table).text == before


@pytest.mark.slow
def test_corrections_become_pairs_and_the_form_to_adapt(app, client, tmp_path):
    result = outlined(client, tmp_path, n=3)
    answer = client.post(f"{result}/pairs")
    assert answer.status == 400
    assert "two images are needed" in answer.json["problem"].lower()
    for n in range(2):
        label = (
            labels_of(client, result, n)[0]
            if n == 0
            else client.get(f"{result}/images/{n}/objects").json["rows"][0][0]
        )
        assert send(client, result, "edit", image=n, do="remove", label=label).status == 200
    assert send(client, result, "check", image=2, frame=0, plane=0, yes=True).status == 200
    assert "3 are ready" in client.get(result, Accept="text/html").text
    answer = client.post(f"{result}/pairs")
    assert answer.status == 303
    assert answer.headers["location"].endswith("/ask/adapt")
    data = answer.headers["location"].split("/")[2]
    folder = app.store.folder_of("owner", "data", data)
    samples = read_samples(folder / "pairs", splits=["train", "validation", "test"])
    assert sorted(s.split for s in samples) == ["test", "train", "validation"]
    page = client.get(f"/data/{data}", Accept="text/html").text
    assert "1 to learn from, 1 to choose by, 1 to test with" in page
    said = client.post(f"/data/{data}/ask/adapt/estimate").json
    assert said["command"].startswith("fatescope train adapt --data ")
    assert said["command"].endswith("--from nuclei")
    assert "1 training: about" in said["estimate"]


def test_pairs_that_name_images_of_somebody_else_are_not_taken(client):
    data = client.add_data("trick")
    head = "image,labels,unit,frame,split,role"
    row = "../../../other/data/x/a.tif,../../../other/data/x/a.tif,u,,train,instances"
    client.put(data, "samples.csv", f"{head}\n{row}\n".encode())
    page = client.get(f"/data/{data}", Accept="text/html").text
    assert "images outside of these files" in page
    assert client.post(f"/data/{data}/ask/adapt").status == 400
