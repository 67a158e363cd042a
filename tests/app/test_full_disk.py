"""A disk that fills up under the running app: a sentence, nothing lost, and on it goes.

The system itself refuses to write: files of the server may not grow beyond a limit for a while.
"""

import signal

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("resource")
import resource
import time

import psutil
from tests.app.served import tree, until
from tests.app.test_answers import nuclei_tiff, start_app
from tests.app.test_lineages import checked, do, step
from tests.app.test_review import labels_of, outlined, send

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs Linux")
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


class Disk:
    """What the files of a process, and of those that it started, may hold."""

    def __init__(self, process):
        self.process = process

    def fill(self, n_bytes):
        self._limit((n_bytes, resource.RLIM_INFINITY))

    def clear(self):
        self._limit(NO_LIMIT)

    def _limit(self, limits):
        every = [self.process.pid]
        every += [p.pid for p in psutil.Process(self.process.pid).children(recursive=True)]
        for pid in every:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    place = tmp_path_factory.mktemp("app")
    process, client = start_app(place / "files", place)
    yield place / "files", client, Disk(process)
    process.send_signal(signal.SIGINT)
    process.wait(60)


@pytest.fixture
def client(running):
    return running[1]


@pytest.fixture
def disk(running):
    yield running[2]
    running[2].clear()


def journal_size(running, address):
    (path,) = (running[0] / "people/owner" / address[1:]).rglob("*.jsonl")
    return path.stat().st_size


def test_an_upload_for_which_there_is_no_room_is_refused_and_leaves_nothing(running, client, disk):
    data = client.add_data("a")
    assert client.put(data, "small.bin", b"x" * 1000).status == 201
    before = tree(running[0])
    disk.fill(3_000_000)
    answer = client.put(data, "large.bin", b"x" * 9_000_000)
    assert answer.status == 400
    assert "large.bin" in answer.json["problem"]
    assert tree(running[0]) == before
    disk.clear()
    assert client.put(data, "large.bin", b"x" * 9_000_000).status == 201


def test_an_edit_of_labels_that_cannot_be_saved_is_not_done(running, client, disk, tmp_path):
    result = outlined(client, tmp_path)
    one, two, *_ = labels_of(client, result)
    assert send(client, result, "edit", do="remove", label=one).status == 200
    before = labels_of(client, result)
    disk.fill(journal_size(running, result) + 20)
    for answer in (
        send(client, result, "edit", do="remove", label=two),
        send(client, result, "undo"),
    ):
        assert answer.status == 400
        assert "nothing was changed" in answer.json["problem"]
    assert labels_of(client, result) == before
    disk.clear()
    assert send(client, result, "edit", do="remove", label=two).status == 200
    assert client.get(f"{result}/images/0/review").json["edits"] == 2


def test_an_edit_of_a_lineage_that_cannot_be_saved_is_not_done(running, client, disk, tmp_path):
    lineage = checked(client, tmp_path)
    assert do(client, lineage, "swap ABa ABp").status == 200
    before = client.get(f"{lineage}/cells").json
    disk.fill(journal_size(running, lineage.partition("/lineages")[0]) + 20)
    for answer in (do(client, lineage, "remove #3"), step(client, lineage, "undo")):
        assert answer.status == 400
        assert "nothing was changed" in answer.json["problem"]
    assert client.get(f"{lineage}/cells").json == before
    disk.clear()
    assert step(client, lineage, "undo").json["redo"] == "swap ABa ABp"


@pytest.mark.slow
def test_a_question_for_which_there_is_no_room_is_refused_and_the_queue_goes_on(
    client, disk, tmp_path
):
    data = client.add_data("many")
    image = nuclei_tiff(tmp_path / "a.tif", size=128)
    for n in range(3):
        client.put(data, f"{n}.tif", image)
    result = client.run(data, "nuclei", model="classical", diameter_px="20")
    client.wait(result)
    disk.fill(2000)  # less than any label image, or the app's own list
    answer = client.post(f"/data/{data}/ask/nuclei", model="classical", diameter_px="22")
    assert answer.status == 400
    assert "Free some space on the disk" in answer.text
    assert "bug" not in answer.text
    assert client.get("/", Accept="text/html").status == 200  # what is there can be looked at
    assert client.get(result, Accept="text/html").status == 200
    disk.clear()
    again = client.run(data, "nuclei", model="classical", diameter_px="22")
    assert client.wait(again)["state"] == "done"
    assert client.get(f"{again}/files/images.csv").text.count("done") == 3


@pytest.mark.slow
def test_a_job_that_fills_the_disk_ends_with_a_sentence_and_continues_later(
    running, client, disk, tmp_path
):
    data = client.add_data("many")
    body = nuclei_tiff(tmp_path / "a.tif", size=512)
    for n in range(6):
        client.put(data, f"{n}.tif", body)
    result = client.run(data, "nuclei", diameter_px="20")
    while client.get(f"{result}/state").json["done"] < 1:
        assert client.get(f"{result}/state").json["state"] in ("waiting", "running")
        time.sleep(0.02)
    disk.fill(2000)
    until(lambda: client.get(f"{result}/state").json["trouble"])  # the end cannot be noted
    assert "Free some space on the disk" in client.get(f"{result}/state").json["trouble"]
    disk.clear()
    now = client.wait(result)
    assert now["state"] in ("failed", "done")
    assert "Traceback" not in now["message"]
    assert "bug" not in now["message"]
    if now["state"] == "failed":
        assert client.post(f"{result}/again").status == 303
        assert client.wait(result)["state"] == "done"
    assert client.get(f"{result}/files/images.csv").text.count("done") == 6
