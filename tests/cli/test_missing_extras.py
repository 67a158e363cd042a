"""The light installation: where an extra is missing, one sentence says what to install."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.acquire.image_files import plain_tiff, ramp
from tests.acquire.lineage_cases import TWO_DIVISIONS

from fatescope.acquire.lineages import write_lineage
from fatescope.base.extras import EXTRA_OF, installing

ROOT = Path(__file__).resolve().parents[2]
LIGHT = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(EXTRA_OF)!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Absent())
"""


def run_light(code, *words, cwd):
    """Run Python where no extra is installed, in its worker processes neither."""
    (cwd / "light").mkdir()
    (cwd / "light" / "sitecustomize.py").write_text(LIGHT)
    paths = os.pathsep.join([str(cwd / "light"), os.environ["PYTHONPATH"]])
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": paths},
        timeout=120,
    )


COMMAND = "from fatescope.cli import main; main()"


@pytest.fixture
def folder(tmp_path):
    """An image and a lineage, as a new user has them."""
    (tmp_path / "images").mkdir()
    plain_tiff(tmp_path / "images" / "a.tif", ramp(64, 64))
    write_lineage(TWO_DIVISIONS, tmp_path / "embryo.csv", format="csv")
    (tmp_path / "labels").mkdir()
    for number in range(4):
        plain_tiff(tmp_path / "images" / f"e{number}.tif", ramp(64, 64) + number)
        plain_tiff(tmp_path / "labels" / f"e{number}.tif", ramp(64, 64) // 2000)
    return tmp_path


PAIRS = "prepare pairs --images images/e*.tif --labels labels/e*.tif --unit {unit} --out out"


NEEDS = {
    "train nuclei --data . --out out": "train",
    "reproduce nuclei-2020 --quick --out out": "train",
    "reproduce lineage-names-2020 --quick --out out": "train",
    f"{PAIRS} --preview": "train",
    f"{PAIRS} --preview-of e0 --test 0 --validation 0": "train",
    "lineage convert embryo.csv --to geff --out out": "lineage",
    "app --no-browser": "app",
    "predict nuclei images --model classical --cluster tcp://localhost:1 --out out": "cluster",
}


@pytest.mark.slow
@pytest.mark.parametrize(("words", "extra"), NEEDS.items(), ids=NEEDS)
def test_a_command_without_its_extra_says_what_to_install(folder, words, extra):
    done = run_light(COMMAND, *words.split(), cwd=folder)
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert lines
    for line in lines:  # one for each unit
        assert f"the extra '{extra}' brings" in line
        assert re.search(rf"pip install .*\[{extra}\]", line)


def test_pairs_without_a_preview_need_no_extra(folder):
    done = run_light(COMMAND, *PAIRS.split(), cwd=folder)
    assert done.returncode == 0
    assert (folder / "out" / "samples.csv").is_file()


def test_a_preview_that_cannot_be_drawn_leaves_nothing_behind(folder):
    run_light(COMMAND, *PAIRS.split(), "--preview", cwd=folder)
    assert not (folder / "out").exists()


def test_the_default_of_convert_needs_no_extra(folder):
    done = run_light(COMMAND, "lineage", "convert", "embryo.csv", "--out", "out", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / "out" / "embryo.csv").is_file()


@pytest.mark.slow
def test_every_optional_module_is_known_with_its_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    spelled = {"sklearn": "scikit-learn", "imblearn": "imbalanced-learn", "cv2": "albumentations"}
    for module, extra in EXTRA_OF.items():
        wanted = spelled.get(module, module).replace("_", "-")
        listed = project["optional-dependencies"][extra]
        assert any(wanted in requirement for requirement in listed), (module, extra)
    core = {re.split(r"[<>=\[]", d)[0].replace("-", "_") for d in project["dependencies"]}
    core |= {"cc3d", "skimage", "yaml", "markupsafe", "PIL", "click"} | set(sys.stdlib_module_names)
    allowed = core | set(EXTRA_OF) | {"fatescope", "pandas", "msvcrt"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            assert {n.partition(".")[0] for n in names} <= allowed, path


class Installed:
    def __init__(self, text):
        self.text = text

    def read_text(self, _):
        return self.text


CASES = {
    "a clone": (
        '{"url": "file:///home/me/my%20code", "dir_info": {"editable": true}}',
        '-m pip install -e "/home/me/my code[train]"',
    ),
    "a wheel": (
        '{"url": "file:///tmp/fatescope-1-py3-none-any.whl", "archive_info": {}}',
        '-m pip install "fatescope[train] @ file:///tmp/fatescope-1-py3-none-any.whl"',
    ),
    "an index": (None, '-m pip install "fatescope[train]"'),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_command_is_right_for_a_clone_and_for_a_wheel(monkeypatch, case):
    text, command = case
    monkeypatch.setattr("importlib.metadata.distribution", lambda _: Installed(text))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    assert installing("train").endswith(command)


def test_public_names_of_train_say_it_too(folder):
    done = run_light("from fatescope.train import build_network", cwd=folder)
    assert "MissingExtraError: this needs the package torch" in done.stderr
