"""``fatescope plate show``: the document, the lines, the errors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from tests.acquire import plate_cases as cases

from fatescope.acquire.plates import PlateReading
from fatescope.systems.plates.show import show_plate

PROMISED = (
    "format wells fields channels frames planes images missing spacing_um "
    "command out units_done units_failed findings seconds peak_memory_mb"
)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fatescope", "plate", "show", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_document_has_the_promised_keys(tmp_path):
    plate = cases.write_yokogawa(tmp_path / "plate")
    (tmp_path / "map.csv").write_text("well,treatment,dose,dose_unit\nD08,drug,2,uM\n")
    done = run(plate, "--map", tmp_path / "map.csv", "--json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert set(PROMISED.split()) <= set(document)
    assert document["fields"] == {"D08": 2}
    assert document["spacing_um"] == [1.5, 0.325, 0.325]
    assert (document["images"], document["missing"]) == (10, 1)
    assert document["treatments"] == {"drug 2 uM": 1}


def test_a_person_reads_what_is_missing(tmp_path):
    lines = show_plate(cases.write_exported(tmp_path / "plate"), reading=PlateReading()).as_lines()
    assert "  wells     2: B02-B03" in lines
    assert "  missing   9" in lines
    assert any(line.startswith("warning: 9 images that the metadata promise") for line in lines)


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_an_error_is_one_line_and_code_2(tmp_path, flags):
    done = run(tmp_path, *flags)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_plates_are_listed_without_the_libraries_of_training(tmp_path):
    cases.write_live(tmp_path)
    code = (
        "import sys; from pathlib import Path; from fatescope.acquire.plates import PlateReading; "
        "from fatescope.systems.plates.show import show_plate; "
        f"show_plate(Path({str(tmp_path)!r}), reading=PlateReading()); "
        "assert not {'torch', 'pandas', 'zarr', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
