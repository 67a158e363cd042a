"""Lineages edited through the app: saved before they are answered, kept in any crash."""

import csv
import io
import os
import signal
import threading

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from tests.app.served import served
from tests.app.test_answers import start_app
from tests.lineage.embryo_cases import embryo

from fatescope.acquire.lineages import read_lineage, write_lineage
from fatescope.systems.lineages.edit import edit_lineage


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


@pytest.fixture(scope="module")
def client(app):
    return app.client()


def table(folder, **changed):
    path = write_lineage(embryo(generations=3, life=12, **changed), folder / "embryo.csv")
    return path.read_bytes()


def checked(client, folder, name="embryo.csv", body=None):
    """Check a lineage table and return the address at which it is edited."""
    data = client.add_data("a lineage")
    assert client.put(data, name, body or table(folder)).status == 201
    result = client.run(data, "lint", spacing_um="1,1,1", interval_min="1.5")
    assert client.wait(result)["state"] == "done"
    return f"{result}/lineages/0"


@pytest.fixture
def lineage(client, tmp_path):
    return checked(client, tmp_path)


def do(client, lineage, line, seen=None, why=""):
    at = client.get(f"{lineage}/cells").json["revision"] if seen is None else seen
    return client.post(f"{lineage}/edits/do", line=line, seen=at, why=why)


def step(client, lineage, what):
    return client.post(
        f"{lineage}/edits/{what}", seen=client.get(f"{lineage}/cells").json["revision"]
    )


def names(client, lineage):
    return [c["name"] for c in client.get(f"{lineage}/cells").json["cells"]]


def first_frame(client, lineage, name):
    cells = client.get(f"{lineage}/cells").json["cells"]
    return next(c["first"] for c in cells if c["name"] == name)


def test_a_result_of_a_lineage_leads_to_its_cells(client, lineage):
    result = client.get(lineage.rpartition("/lineages")[0], Accept="text/html").text
    assert f'href="{lineage}"' in result
    assert client.get(lineage, Accept="text/html").status == 200
    address = lineage.rpartition("/lineages")[0]
    assert "edits and undos" not in client.get(address, Accept="text/html").text  # only looked at
    said = client.get(f"{lineage}/cells").json
    assert said["total"] == len(said["cells"]) > 8
    assert (said["revision"], said["undo"], said["redo"]) == (0, "", "")


def test_edits_are_done_undone_listed_and_the_table_is_that_of_the_command(
    app, client, lineage, tmp_path
):
    assert do(client, lineage, "swap ABa ABp", why="seen in plane 12").status == 200
    said = do(client, lineage, "rename AB@5- ABx").json
    assert "ABx" in [c["name"] for c in said["cells"]]
    assert said["undo"] == "rename AB@5- ABx"
    assert step(client, lineage, "undo").json["redo"] == "rename AB@5- ABx"
    assert "ABx" not in names(client, lineage)
    result = client.get(lineage.rpartition("/lineages")[0], Accept="text/html").text
    assert "3 edits and undos" in result
    listed = client.get(f"{lineage}/history").json
    assert [(e["kind"], e["action"], e["why"], e["holds"]) for e in listed] == [
        ("do", "swap ABa ABp", "seen in plane 12", 1),
        ("do", "rename AB@5- ABx", "", 0),
        ("undo", "rename AB@5- ABx", "", 0),
    ]
    given = client.get(f"{lineage}/table.csv")
    assert "embryo_edited.csv" in given.headers["content-disposition"]
    assert client.get(f"{lineage}/edits.txt").text == "swap ABa ABp\n"
    (tmp_path / "edits.txt").write_text(client.get(f"{lineage}/edits.txt").text)
    ours = edit_lineage(
        tmp_path / "embryo.csv", out=tmp_path / "out", script=tmp_path / "edits.txt"
    )
    assert given.body == ours.table.read_bytes()


def test_a_check_after_an_edit_shows_what_the_edit_did(client, lineage):
    def found():
        said = client.get(f"{lineage}/check").json
        return said["revision"], [(f["rule"], f["cells"]) for f in said["findings"]]

    _, before = found()
    do(client, lineage, f"remove ABa@{first_frame(client, lineage, 'ABa') + 4}")
    revision, after = found()
    assert revision == 1
    assert ("hole", ["ABa"]) in after
    assert ("hole", ["ABa"]) not in before
    step(client, lineage, "undo")
    assert found()[1] == before


def test_what_makes_no_sense_is_a_sentence_and_changes_nothing(client, lineage):
    before = names(client, lineage)
    for line in ("", "explode AB", "rename nobody X", "relink AB@0", "rename 'AB", "x" * 3000):
        answer = do(client, lineage, line)
        assert answer.status == 400
        assert len(answer.json["problem"]) > 30
    for path, form in (
        ("edits/do", {"line": "rename AB X"}),
        ("edits/do", {"line": "rename AB X", "seen": "-1"}),
        ("edits/undo", {"seen": "0"}),
    ):
        assert client.post(f"{lineage}/{path}", **form).status == 400
    assert client.post(f"{lineage}/edits/explode", seen=0).status == 404
    for path in ("cell?row=99999", "cell?row=x", "cell"):
        assert client.get(f"{lineage}/{path}").status == 400
    assert client.get(f"{lineage[:-1]}7").status == 404
    assert client.get(f"{lineage[:-1]}x").status == 404
    assert names(client, lineage) == before


def test_two_windows_do_not_overwrite_each_other(client, lineage):
    assert do(client, lineage, "remove #3", seen=0).status == 200
    answer = do(client, lineage, "remove #3", seen=0)
    assert answer.status == 409
    assert "in the meantime" in answer.json["problem"]
    assert client.get(f"{lineage}/cells").json["revision"] == 1


def test_nobody_else_sees_or_edits_a_lineage(app, lineage):
    other = app.client("somebody else")
    for path in ("", "/cells", "/cell?row=0", "/check", "/history", "/table.csv", "/edits.txt"):
        assert other.get(f"{lineage}{path}").status == 404
    assert other.post(f"{lineage}/edits/do", line="rename AB X", seen=0).status == 404


@pytest.mark.slow
def test_an_epic_table_and_a_named_table_are_edited_too(client, tmp_path):
    path = write_lineage(embryo(generations=3, life=12), tmp_path / "CD1.csv", format="epic")
    epic = checked(client, tmp_path, name="CD1.csv", body=path.read_bytes())
    assert do(client, epic, "swap ABa ABp").status == 200
    assert client.get(f"{epic}/check").json["lost"].count("links") == 0
    assert do(client, epic, f"relink ABa@{first_frame(client, epic, 'ABa')} none").status == 200
    assert "1 links do not follow from the names" in client.get(f"{epic}/check").json["lost"]
    rows = list(csv.DictReader(io.StringIO(client.get(f"{epic}/table.csv").text)))
    assert {r["cell"] for r in rows} >= {"ABa", "ABp"}
    (tmp_path / "plain.csv").write_bytes(client.get(f"{epic}/table.csv?format=csv").body)
    again = read_lineage(tmp_path / "plain.csv")
    assert (again.parent < 0).sum() == 2
    data = client.add_data("to be named")
    client.put(data, "embryo.csv", table(tmp_path))
    result = client.run(data, "name", spacing_um="1,1,1", interval_min="1.5")
    assert client.wait(result)["state"] == "done"
    named = f"{result}/lineages/0"
    before = names(client, named)
    assert do(client, named, f"rename {before[0]} Other").status == 200
    assert names(client, named)[0] == "Other"
    given = client.get(f"{named}/table.csv?format=csv").text
    rows = list(csv.DictReader(io.StringIO(given)))
    mine = [r for r in rows if r["name"] == "Other"]
    assert {(r["compact"], r["confidence"], r["abstained"]) for r in mine} == {("Oth", "", "0")}
    assert all(float(r["confidence"]) > 0 for r in rows if r["name"] not in ("Other", ""))


def test_a_result_that_is_removed_closes_its_journals(client, lineage):
    do(client, lineage, "remove #3")
    result = lineage.rpartition("/lineages")[0]
    assert client.post(f"{result}/remove").status == 303
    assert client.get(f"{lineage}/cells").status == 404


@pytest.mark.slow
def test_a_server_killed_while_somebody_edits_loses_nothing_that_was_answered(tmp_path):
    folder = tmp_path / "files"
    process, client = start_app(folder, tmp_path)
    try:
        lineage = checked(client, tmp_path)
        answered, begun = [], threading.Event()

        def edit():
            for n in range(1000):
                try:
                    said = do(client, lineage, f"move #{n % 40} z={n} y=0 x=0", seen=n)
                except OSError:
                    return
                if said.status == 200:
                    answered.append(n)
                if n == 5:
                    begun.set()

        thread = threading.Thread(target=edit)
        thread.start()
        assert begun.wait(120)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        thread.join(60)
        process, client = start_app(folder, tmp_path)
        said = client.get(f"{lineage}/cells").json
        assert len(answered) >= 5
        assert said["revision"] - len(answered) in (0, 1)
        assert [e["action"] for e in client.get(f"{lineage}/history").json][: len(answered)] == [
            f"move #{n % 40} z={n} y=0 x=0" for n in answered
        ]
        for _ in range(said["edits"]):
            assert step(client, lineage, "undo").status == 200
        (tmp_path / "back.csv").write_bytes(client.get(f"{lineage}/table.csv").body)
        back, original = (read_lineage(tmp_path / f"{n}.csv") for n in ("back", "embryo"))
        assert back.position.tolist() == original.position.tolist()
    finally:
        process.send_signal(signal.SIGINT)  # does nothing to one that has ended
        process.wait(60)
