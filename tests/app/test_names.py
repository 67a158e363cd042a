"""Names of uploads are never paths: tricks at the level of the protocol, and what stays on disk."""

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.app.served import served, tree

from fatescope.app.names import check_name, check_parts
from fatescope.base import InputError

TRICKS = [
    *("", ".", "..", "...", " ", "/", "\\", "~", "~root", ".hidden", ".ssh", "a.", "a ", " a.tif"),
    *("../a.tif", "../../a.tif", "..\\a.tif", "..\\..\\a.tif", "a/../../b.tif", "a/b.tif"),
    *("/etc/passwd", "//etc/passwd", "\\\\server\\share\\a.tif", "C:\\a.tif", "C:a.tif", "c:/a"),
    *("a.tif:stream", "file:///etc/passwd", "http://evil.example/a.tif", "....//a.tif"),
    *("%2e%2e%2fa.tif/", "..%2fa/", "a\0.tif", "a.tif\0", "\0", "a\nb.tif", "a\rb.tif", "a\tb.tif"),
    *("a\x1b[2J.tif", "a\x7f.tif", "a\u202egpj.tif", "a\u200b/b", "\ufeff.tif", "a\u2028b.tif"),
    *("con", "CON.tif", "nul", "NUL.txt", "aux.tif", "com1", "COM9.tif", "lpt1.csv", "prn "),
    *("con .tif", "COM¹.tif", "CONOUT$"),
    *("a" * 181, "é" * 91, "x" * 5000, "a*.tif", "a?.tif", "<img src=x onerror=alert(1)>.tif"),
    *('a".tif', "a|b.tif", "x.fatescope-part", "../app.sqlite", "..;/a", "a/./b", "./a.tif"),
]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


@pytest.fixture(scope="module")
def place(app):
    """A client, its files and the folder around the app's, in which nothing may appear."""
    client = app.client()
    data = client.add_data()
    assert client.put(data, "kept.csv", b"kept").status == 201
    return client, data, app.store.folder.parent


def test_there_are_at_least_fifty_tricks():
    assert len(set(TRICKS)) >= 50


@pytest.mark.parametrize("name", TRICKS, ids=ascii)
def test_a_name_that_is_no_ordinary_name_is_refused_with_a_sentence(place, name):
    client, data, around = place
    before = tree(around)
    answer = client.put(data, name, b"theirs")
    assert answer.status == 400, answer.text
    assert answer.json["problem"].endswith(".")
    assert tree(around) == before


@pytest.mark.parametrize("name", TRICKS, ids=ascii)
def test_a_folder_that_is_no_ordinary_name_is_refused(place, name):
    client, data, around = place
    before = tree(around)
    assert client.put(data, "a.tif", b"theirs", folders=["good", name]).status == 400
    assert tree(around) == before


@pytest.mark.parametrize("name", TRICKS, ids=ascii)
def test_ids_in_addresses_are_never_paths_either(place, name):
    from urllib.parse import quote

    client, _, around = place
    before = tree(around)
    at = quote(name, safe="")
    for path in (f"/data/{at}", f"/results/{at}", f"/data/{at}/ask/lint", f"/examples/{at}"):
        assert client.get(path).status in (200, 303, 307, 400, 404, 405), path
    assert client.ask("PUT", f"/data/{at}/files?name=a.tif", b"theirs").status in (400, 404, 405)
    assert tree(around) == before


DOWNLOADS = [
    *("../../../../app.sqlite", "..%2f..%2fapp.sqlite", "%2e%2e/%2e%2e/app.sqlite", "/etc/passwd"),
    *("//etc/passwd", "..\\..\\app.sqlite", "report.html/../../x", "labels/../../../data", "."),
    *("ledger.sqlite", ".lock", "..", "%00", "report.html%00.png"),
]


@pytest.mark.slow
@pytest.mark.parametrize("name", DOWNLOADS)
def test_only_what_a_result_lists_is_given_out(app, name):
    client = app.client()
    job = app.store.add_job("owner", data="x", question="lint", inputs=[], settings={})
    client.wait(f"/results/{job.id}")
    out = app.store.folder_of("owner", "results", job.id)
    out.mkdir(parents=True, exist_ok=True)
    (out / "report.html").write_text("shown")
    (out / "ledger.sqlite").write_text("hidden")
    assert client.get(f"/results/{job.id}/files/report.html").text == "shown"
    answer = client.get(f"/results/{job.id}/files/{name}")
    assert answer.status in (400, 404)
    assert b"hidden" not in answer.body


@pytest.mark.parametrize(
    "path", ["../server.py", "%2e%2e/server.py", "..%2fserver.py", "/etc/passwd"]
)
def test_the_static_folder_ends_at_its_edge(app, path):
    answer = app.client().get(f"/static/{path}")
    assert answer.status == 404
    assert b"import" not in answer.body


GOOD = [
    "a.tif",
    "embryo 3.tif",
    "Fötus_é.ome.tif",
    "胚胎.tif",
    "a-b (1).csv",
    "x.zarr",
    ".zattrs",
    "c,d;e&f='#.tif",
]


@pytest.mark.parametrize("name", GOOD)
def test_ordinary_names_are_kept_as_they_are(place, name):
    client, data, _ = place
    assert client.put(data, name, b"mine", folders=["plate 1"]).json["name"] == f"plate 1/{name}"


def test_names_are_composed_so_that_one_name_is_one_file():
    assert check_name("e\u0301.tif") == "\u00e9.tif"


def test_folders_end_somewhere():
    with pytest.raises(InputError, match="25 folders deep"):
        check_parts(["a"] * 25)


def test_a_folder_does_not_become_a_file(place):
    client, data, _ = place
    assert client.put(data, "b.tif", b"x", folders=["deep"]).status == 201
    answer = client.put(data, "deep", b"x")
    assert answer.status == 400
    assert "taken by a folder" in answer.text
    answer = client.put(data, "c.tif", b"x", folders=["deep", "b.tif"])
    assert answer.status == 400
