"""What is said of files before anything is asked of them, and what becomes of bad ones."""

import csv
import io

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from tests.app.served import served
from tests.app.test_answers import nuclei_tiff

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with served(tmp_path_factory.mktemp("app") / "files") as running:
        yield running.client()


@pytest.mark.slow
@pytest.mark.parametrize("n_good", [1, 21])  # above 20, the command is given the folder
def test_a_file_that_cannot_be_read_is_a_failed_row_as_on_the_command_line(
    client, tmp_path, n_good
):
    data = client.add_data()
    good = nuclei_tiff(tmp_path / "a.tif", size=64)
    for n in range(n_good):
        client.put(data, f"good {n}.tif", good)
    client.put(data, "broken.tif", good[: len(good) // 3])
    page = client.get(f"/data/{data}", **HTML).text
    assert "broken.tif" in page
    assert "more images" not in page  # each of them was opened
    result = client.run(data, "nuclei", model="classical", diameter_px="20")
    assert client.wait(result)["state"] == "done"
    rows = csv.DictReader(io.StringIO(client.get(f"{result}/files/images.csv").text))
    states = {row["image"].rpartition("/")[2]: row["state"] for row in rows}
    assert states.pop("broken") == "failed"
    assert set(states.values()) == {"done"}
    assert len(states) == n_good
    shown = client.get(result, **HTML).text
    assert f"{n_good} file{'s' if n_good > 1 else ''} done, 1 not" in shown
    assert "broken.tif: " in shown  # what is wrong with it, and its first letter as it is
    assert str(tmp_path) not in shown.partition("The same without the app")[0]


@pytest.mark.slow
def test_a_table_that_cannot_be_read_is_a_failed_row_too(client):
    data = client.add_data()
    head = "cell,time,x,y,z,size,gweight\n"
    client.put(
        data, "good.csv", (head + "".join(f"P0,{t},9,9,2,9,1\n" for t in (1, 2, 3))).encode()
    )
    client.put(data, "CDbad.csv", (head + "P0,one,9,9,2,9,1\n").encode())
    result = client.run(data, "lint")
    client.wait(result)
    assert "1 file done, 1 not" in client.get(result, **HTML).text


def test_what_is_wrong_with_pairs_names_no_folder_of_the_server(client):
    data = client.add_data()
    client.put(data, "samples.csv", b"image,labels,unit,frame,split,role\na.tif,b.tif,1,0,best,x\n")
    page = client.get(f"/data/{data}", **HTML).text
    assert "samples.csv, row 2: split " in page
    assert "/people/" not in page


def test_files_that_are_all_unreadable_are_asked_nothing(client):
    data = client.add_data()
    client.put(data, "a.tif", b"II*\0 and no more")
    page = client.get(f"/data/{data}", **HTML).text
    assert "can be asked anything yet" in page
    assert "ask/nuclei" not in page
