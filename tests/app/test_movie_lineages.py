"""A lineage on its movie, below the level of a browser: the page, and what changed."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
from tests.app.served import served
from tests.app.test_lineages import table
from tests.lineage.embryo_cases import embryo

from fatescope.app.movie_rows import changed_rows, every_row
from fatescope.lineage.editing import History, Step, editable, parse_command

LINES = (
    "relink #26 none",
    "rename #3- Nuc1",
    "remove #5",
    "add Nuc2@30 z=1 y=2 x=3 from #20; relink #31 #178",
    "swap ABal ABar",
    "remove ABp; move #1 x=3",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running


def movie(frames=4, planes=3, side=32):
    """A movie in which each plane is brightest somewhere."""
    pixels = np.zeros((frames, planes, side, side), np.uint8)
    for z in range(planes):
        pixels[:, z, 4 * z : 4 * z + 4, :] = 50 * (z + 1)
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, imagej=True, metadata={"axes": "TZYX"})
    return file.getvalue()


def with_movie(client, folder):
    """Check a table that was dropped with its movie; return where the lineage is."""
    data = client.add_data("an embryo")
    assert client.put(data, "movie.tif", movie()).status == 201
    assert client.put(data, "embryo.csv", table(folder)).status == 201
    result = client.run(data, "lint", spacing_um="1,1,1", interval_min="1.5")
    assert client.wait(result)["state"] == "done"
    return f"{result}/lineages/0"


def taken(rows, said):
    """Do to columns what the page does with an answer."""
    if "cut" not in said:
        for name, column in rows.items():
            for place, value in zip(said["at"], said["rows"][name], strict=True):
                column[place] = value
        return rows
    first, last = said["cut"]
    cut = {n: c[:first] + said["rows"][n] + c[last:] for n, c in rows.items()}
    return {**cut, "parent": said["parent"]}


def test_what_changed_makes_the_rows_before_those_after():
    history = History(editable(embryo(generations=3, life=12)))
    for number, line in enumerate(LINES, start=1):
        after = history.do(Step(number, parse_command(line, history.lineage)))
        for old, new in ((history, after), (after, after.undo())):
            said = changed_rows(old.lineage, new.lineage)
            got = taken(every_row(old.lineage)["rows"], said)
            assert got == every_row(new.lineage)["rows"], line
            assert len(said["rows"]["frame"]) < len(new.lineage), line  # not all of it
        history = after


def test_a_table_with_its_movie_is_shown_on_it_and_edited_there(app, tmp_path):
    client = app.client()
    lineage = with_movie(client, tmp_path)
    result = client.get(lineage.rpartition("/lineages")[0], Accept="text/html").text
    assert f'href="{lineage}/movie"' in result
    page = client.get(f"{lineage}/movie", Accept="text/html").text
    assert 'data-job="/data/' in page
    assert "movie.tif" in page
    rows = client.get(f"{lineage}/rows").json["rows"]
    first = rows["name"].index("ABa")
    line = f"split #{rows['parent'].index(first)}"
    said = client.post(f"{lineage}/edits/do", line=line, seen=0, answer="rows").json
    assert said["undo"] == line
    assert said["rows"]["parent"] == [-1]
    assert client.get(f"{lineage}/rows").json["rows"] == taken(rows, said)


def test_a_table_without_a_movie_has_no_such_page(app, tmp_path):
    client = app.client()
    data = client.add_data("a lineage")
    assert client.put(data, "embryo.csv", table(tmp_path)).status == 201
    result = client.run(data, "lint", spacing_um="1,1,1", interval_min="1.5")
    assert client.wait(result)["state"] == "done"
    assert "/movie" not in client.get(result, Accept="text/html").text
    answer = client.get(f"{result}/lineages/0/movie")
    assert (answer.status, answer.json["problem"]) == (
        404,
        "There is no movie beside this lineage.",
    )


def test_all_planes_at_once_show_the_brightest_pixel_of_each_place(app, tmp_path):
    client = app.client()
    page = client.get(f"{with_movie(client, tmp_path)}/movie", Accept="text/html").text
    data = page.partition('data-job="')[2].partition('"')[0]
    shown = page.partition('<option value="')[2].partition('"')[0]
    level = client.get(f"{data}/images/{shown}").json["levels"]
    tile = f"{data}/images/{shown}/grey/0/1/{level}/0/0.png?low=0&high=255&c=0"
    one, all_planes = (
        imagecodecs.png_decode(client.get(tile + more).body) for more in ("", "&brightest=1")
    )
    assert one.max(axis=1)[:12].tolist() == [0] * 4 + [100] * 4 + [0] * 4
    assert all_planes.max(axis=1)[:12].tolist() == [50] * 4 + [100] * 4 + [150] * 4
