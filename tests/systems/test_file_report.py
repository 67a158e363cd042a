"""``doctor FILE`` and ``--plan``: what is understood of files is said, and what is not."""

import json

import pytest
import tifffile
from tests.acquire import microscope_files as made
from tests.acquire.microscope_files import numbers
from typer.testing import CliRunner

from fatescope.cli.groups import app
from fatescope.cli.main import load_commands
from fatescope.systems.file_report import report_files


def main(words):
    load_commands(words[0])
    return CliRunner().invoke(app, words)


@pytest.fixture
def folder(tmp_path):
    made.czi(tmp_path / "a.czi", numbers(1, 2, 1, 40, 50), scenes=2)
    made.lif(tmp_path / "b.lif", {"x": (numbers(3, 1, 30, 40, dtype="uint8"), (0, 60, 240))})
    (tmp_path / "c.oir").write_bytes(bytes(99))
    return tmp_path


def test_a_table_says_what_was_understood_and_what_is_in_doubt(folder):
    reports = report_files([folder])
    assert [r.image for r in reports.reports] == ["a_S1", "a_S2", "b", "c"]
    czi, _, lif, oir = (dict(r.rows) for r in reports.reports)
    assert czi["format"] == "a Zeiss CZI file"
    assert czi["axes"] == "CYX: 2 channels, 40 rows, 50 columns"
    assert czi["pixel width"] == "0.2 µm"
    assert czi["channels"] == "red, green"
    assert lif["frames taken at"] == "0, 1, 4 min"
    assert "1 to 3 min apart" in reports.reports[2].doubts[0]
    assert oir == {}
    assert reports.reports[3].error.startswith("is an Olympus OIR file")
    assert reports.exit_code == 1
    lines = reports.as_lines()
    assert lines[0].startswith("**a_S1** (")
    assert sum(line.startswith("| cannot be read | is an Olympus OIR") for line in lines) == 1


def test_the_name_of_the_one_channel_is_said(tmp_path):
    about = {"axes": "YX", "Channel": {"Name": ["DAPI"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", numbers(40, 50), metadata=about)
    (report,) = report_files([tmp_path]).reports
    assert dict(report.rows)["axes"] == "YX: 40 rows, 50 columns"
    assert dict(report.rows)["channels"] == "DAPI"


def test_the_command_prints_one_document(folder):
    done = main(["doctor", str(folder / "a.czi"), "--json"])
    answer = json.loads(done.stdout)
    assert done.exit_code == 0
    assert [i["image"] for i in answer["images"]] == ["a_S1", "a_S2"]
    assert answer["images"][0]["understood"]["type"] == "uint16"


def test_a_plan_counts_what_can_be_read_and_names_the_rest(folder):
    given = ["predict", "nuclei", str(folder), "--out", str(folder / "out"), "--plan", "--json"]
    done = main(given)
    assert done.exit_code == 1
    assert json.loads(done.stdout)["units"] == 3
    assert "c.oir: is an Olympus OIR file" in done.stderr
    assert not (folder / "out").exists()


def test_each_scene_has_its_labels_and_a_run_continues(folder):
    out = folder / "out"
    given = ["predict", "nuclei", str(folder / "a.czi"), "--out", str(out), "--channel", "red"]
    given += ["--model", "classical", "--json", "--workers", "1"]
    assert json.loads(main(given).stdout)["units_done"] == 2
    assert sorted(p.name for p in (out / "labels").iterdir()) == ["a_S1.tif", "a_S2.tif"]
    record = json.loads((out / "run.json").read_text())
    assert [i["scene"] for i in record["inputs"]] == ["S1", "S2"]
    again = main(given)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["units_done"] == 2
