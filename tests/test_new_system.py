"""A system written in this file alone: settings, what it finds, its page, and a description.

It has its command, its two functions in Python, its form in the app, plan, continuation, watch,
replay, page and rows in the documentation; no other file knows of it.
"""

from __future__ import annotations

import json
import sys
from functools import partial

import numpy as np
import pytest
import tifffile
from benchmarks.settings_page import commands_of_settings
from typer.main import get_command

import fatescope as fs
from fatescope.acquire import read_labels, read_table
from fatescope.app.commands import as_command, as_python
from fatescope.app.form import form_for
from fatescope.app.looking import Look
from fatescope.base import InputError
from fatescope.base.settings import setting
from fatescope.cli.main import load_commands
from fatescope.engine import read_record
from fatescope.engine.found import Found
from fatescope.engine.in_memory import as_image, find_in_image
from fatescope.engine.plan import Cost
from fatescope.engine.predict import System, predict_images
from fatescope.measurement import measure_objects
from fatescope.pages.page import Page, write_page
from fatescope.predict import PredictSettings
from fatescope.systems import registry
from fatescope.systems.description import Description, Predicts
from fatescope.systems.question import Question

ALONE = fs.Execution(workers=1)


class SpotSettings(PredictSettings):
    """What a user may choose."""

    model: str = setting("classical", "here nothing is asked of it")
    least: int = setting(100, "brighter pixels are spots", unit="grey levels", ge=0)


def find_spots(image, settings, *, predictor, scratch, decided):
    """Find what is bright; one spot in each frame."""
    frames = [image.read(T=t) for t in range(image.size("T"))]
    labels = [(frame >= settings.least).astype(np.uint8) for frame in frames]
    tables = [measure_objects(f, frame=t) for t, f in enumerate(labels)]
    return Found(tables={"objects": fs.Table.concatenate(tables)}, rasters={"labels": labels})


def write_spots_page(out):
    n = len(read_table(out / "objects.parquet"))
    page = Page(title="Spots", kind="spots", lead=f"{n} spots.", sections=[])
    write_page(out / "report.html", page)
    return ("report.html",)


SPOTS = System(
    command="predict spots",
    settings=SpotSettings,
    cost=Cost(cpu_seconds=1.0, memory_mb=10.0, output_mb=1.0),
    find=find_spots,
    write_pages=write_spots_page,
)
predict_spots = partial(predict_images, SPOTS)


def segment_spots(image, settings=None):
    return find_in_image(SPOTS, as_image(image), settings)


DESCRIPTION = Description(
    predicts=Predicts(
        name="spots",
        help="Find what is bright.\n\nWrites labels and a table.",
        example="fatescope predict spots sky.tif --out results",
        system=f"{__name__}:SPOTS",
        settings=f"{__name__}:SpotSettings",
    ),
    questions=(
        Question(
            name="spots",
            title="Find spots",
            text="What is bright.",
            takes=frozenset(("image",)),
            command="predict spots",
            run=f"{__name__}:predict_spots",
            plan=f"{__name__}:SPOTS.plan",
            settings={"settings": f"{__name__}:SpotSettings"},
            first=("least",),
            views=("labels", "objects", "report"),
        ),
    ),
    python={
        "predict_spots": f"{__name__}:predict_spots",
        "segment_spots": f"{__name__}:segment_spots",
    },
    page="spots.md",
)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    """What a folder ``systems/spots`` with this file in it, and its name in the list, would do."""
    monkeypatch.setitem(sys.modules, "fatescope.systems.spots.description", sys.modules[__name__])
    monkeypatch.setattr(registry, "FOLDERS", [*registry.FOLDERS, "spots"])


@pytest.fixture
def sky(tmp_path):
    folder = tmp_path / "sky"
    folder.mkdir()
    for n, bright in enumerate((120, 240)):
        pixels = np.zeros((40, 40), np.uint8)
        pixels[5:15, 5:15] = bright
        tifffile.imwrite(folder / f"{n}.tif", pixels)
    return folder


@pytest.fixture
def command():
    """Run the command line as a person does, with the commands of the registry as it is now."""
    line = get_command(load_commands(None))

    def run(*words):
        return line(list(map(str, words)), standalone_mode=False)

    yield run
    from fatescope.cli.groups import GROUPS

    for group in (GROUPS["predict"], GROUPS["watch"]):
        group.registered_commands[:] = [c for c in group.registered_commands if c.name != "spots"]


def test_it_has_a_command_with_help_plan_and_continuation(command, sky, tmp_path, capsys):
    assert command("predict", "spots", "--help") == 0
    said = capsys.readouterr().out
    assert "Find what is bright." in said
    assert "--least" in said
    assert "grey levels" in said
    out = tmp_path / "out"
    assert command("predict", "spots", sky, "--plan", "--json", "--out", out) == 0
    assert json.loads(capsys.readouterr().out)["units"] == 2
    assert not out.exists()
    assert command("predict", "spots", sky / "0.tif", "--out", out) == 0
    first = (out / "labels/0.tif").stat().st_mtime_ns
    assert command("predict", "spots", sky, "--out", out) == 0
    assert (out / "labels/0.tif").stat().st_mtime_ns == first
    assert len(read_table(out / "objects.csv")) == 2
    assert read_record(out)["command"] == "predict spots"
    assert "2 spots." in (out / "report.html").read_text()
    with pytest.raises(InputError, match="spots"):
        registry.system_named("spot")


def test_it_has_two_functions_in_python_that_agree(sky, tmp_path):
    fs.predict_spots(sky, out=tmp_path / "out", execution=ALONE)
    found = fs.segment_spots(sky / "1.tif", SpotSettings(least=200))
    assert len(found.objects) == 1
    assert np.array_equal(found.labels, read_labels(tmp_path / "out/labels/1.tif").read())
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = fs.no_such_thing


@pytest.mark.slow
def test_it_is_watched_and_replayed(command, sky, tmp_path):
    seen, again = tmp_path / "seen", tmp_path / "again"
    watching = ("--still-s", "0.2", "--until-idle", "0.01")
    assert command("watch", "spots", sky, "--out", seen, "--least", "200", *watching) == 0
    assert len(read_table(seen / "objects.csv")) == 1
    tifffile.imwrite(sky / "2.tif", np.full((9, 9), 255, np.uint8))  # came later, is not replayed
    assert command("replay", seen, "--out", again) == 0
    assert len(read_table(again / "objects.csv")) == 1


@pytest.mark.slow
def test_it_has_a_button_and_a_form_in_the_app(sky, tmp_path):
    question = registry.question_named("spots")
    look = Look(folder=sky, seen=(), n_images=2, tables=())
    assert [field.name for field in form_for(question, look).first] == ["least"]
    done = question.answer([sky], out=tmp_path / "out", values={"least": 200})
    assert done.units_done == 2
    assert question.estimate([sky], {}).units == 2
    given = {"inputs": [sky], "out": tmp_path / "out", "values": {"least": 7}}
    assert as_command(question, **given).startswith("fatescope predict spots")
    assert "--least 7" in as_command(question, **given)
    assert "predict_spots(" in as_python(question, **given)


def test_its_settings_have_rows_in_the_documentation(command):
    used = commands_of_settings()
    assert used[SpotSettings] == ["predict spots", "watch spots"]
