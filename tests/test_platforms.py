"""What other systems do otherwise, by its rule: names, lengths of paths, code pages, processes."""

import ast
import errno
import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import fatescope
from fatescope.base.messages import explain_os_error
from fatescope.storage import write_beside
from fatescope.systems.nuclei.find import predict_nuclei
from fatescope.systems.nuclei.settings import NucleiSettings

SOURCE = Path(fatescope.__file__).parent
SETTINGS = NucleiSettings(model="classical", diameter_px=18)
RUN = """
import sys, warnings
warnings.filterwarnings("error", category=EncodingWarning, module=r"fatescope(\\.|$)")
from fatescope.cli import main
main()
"""


def disc(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[:64, :64]
    tifffile.imwrite(path, (np.hypot(y - 30, x - 30) < 9).astype(np.uint8) * 200)
    return path


def fatescope_in(folder, *words, **environment):
    """Run the command line in a process of its own, in which a guessed code page is an error."""
    return subprocess.run(
        [sys.executable, "-X", "warn_default_encoding", "-c", RUN, *words],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=300,
    )


ASCII = {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
PREDICT = ("predict", "nuclei", ".", "--model", "classical", "--diameter-px", "18", "--out", "out")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
@pytest.mark.parametrize("environment", [{}, ASCII], ids=["UTF-8", "ASCII"])
def test_no_code_page_of_the_system_decides_what_is_read_or_written(tmp_path, environment):
    disc(tmp_path / "cell.tif")
    done = fatescope_in(tmp_path, *PREDICT, **environment)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "µ" in text
    assert fatescope_in(tmp_path, "query", "out", **environment).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("page", ["cp1252", "ascii", "cp437"])
def test_a_terminal_of_another_code_page_is_printed_to(tmp_path, page):
    disc(tmp_path / "cell.tif")
    done = fatescope_in(tmp_path, *PREDICT, PYTHONIOENCODING=page)
    assert done.returncode == 0, done.stderr
    said = done.stdout.decode(page)
    assert ("px²" if page != "ascii" else r"px\xb2") in said


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_a_name_that_is_no_text_is_one_image_with_results(tmp_path):
    path = tmp_path / os.fsdecode(b"bad\xff.tif")
    disc(tmp_path / "a.tif").rename(path)
    summary = predict_nuclei([tmp_path], out=tmp_path / "out", settings=SETTINGS)
    assert (summary.units_done, summary.errors) == (1, ())
    assert (tmp_path / "out" / "labels" / "bad\ufffd.tif").is_file()
    assert "bad\ufffd.tif" in (tmp_path / "out" / "images.csv").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_a_name_that_the_system_cannot_write_is_a_sentence(tmp_path):
    disc(tmp_path / "Zelle µ.tif")
    done = fatescope_in(tmp_path, *PREDICT, **ASCII)
    assert done.returncode == 2
    assert b"where names of files are ascii. Set PYTHONUTF8=1" in done.stderr


def test_paths_longer_than_260_letters_are_read_and_written(tmp_path):
    """The limit of Windows, unless its long paths are switched on; Linux has 4,096."""
    deep = tmp_path.joinpath(*["a folder of forty letters, as people make"] * 8)
    image = disc(deep / f"{'x' * 120}.tif")
    assert len(str(image)) > 450
    summary = predict_nuclei([image], out=deep / "results", settings=SETTINGS)
    assert (summary.units_done, summary.errors) == (1, ())
    assert (deep / "results" / "labels" / f"{'x' * 120}.tif").is_file()


def test_a_path_that_the_system_takes_for_too_long_is_called_that(tmp_path, monkeypatch):
    """Windows says that a path of 260 letters or more is not there, or a name is invalid."""
    long = "C:\\" + "x" * 260
    for number, windows in ((errno.ENOENT, 3), (errno.EINVAL, 206)):
        error = OSError(number, "The system cannot find the path", long)
        error.winerror = windows
        assert "260 letters" in explain_os_error(error)
    usual = FileNotFoundError(errno.ENOENT, "No such file", "C:\\short")
    usual.winerror = 3
    assert explain_os_error(usual) == "there is no such file or folder. Check the spelling."


def test_a_name_beside_which_nothing_fits_is_a_sentence(tmp_path):
    """255 bytes are the most for a name; the file that is written first has a short one."""
    with write_beside(tmp_path / ("x" * 251 + ".csv")) as part:
        part.write_text("a")
    with (
        pytest.raises(fatescope.base.RunError, match="the name is too long"),
        write_beside(tmp_path / ("x" * 300)) as part,
    ):
        part.write_text("a")


@functools.cache
def calls():
    """Every call in the program, with the name of its file."""
    return [
        (path.relative_to(SOURCE).as_posix(), node)
        for path in sorted(SOURCE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]


def name_of(call):
    function = call.func
    return getattr(function, "attr", getattr(function, "id", ""))


def in_text(call):
    modes = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return not any("b" in mode for mode in modes)


def test_every_text_that_is_read_or_written_names_its_encoding():
    least = {"read_text": 1, "write_text": 2}
    found = []
    for name, call in calls():
        given = [k.arg for k in call.keywords]
        if name_of(call) in least:
            named = "encoding" in given or len(call.args) >= least[name_of(call)]
        elif isinstance(call.func, ast.Name) and call.func.id == "open":
            named = "encoding" in given or not in_text(call)
        else:
            continue
        if not named:
            found.append(f"{name}:{call.lineno}")
    assert found == []


def test_what_a_program_of_others_reads_by_the_code_page_is_plain_letters():
    """lazy_loader reads the stubs so."""
    for path in SOURCE.rglob("*.pyi"):
        assert path.read_bytes().isascii(), path.name


def test_processes_are_started_afresh_as_windows_and_macos_do():
    contexts, others = set(), []
    for name, call in calls():
        if name_of(call) in ("get_context", "set_start_method"):
            contexts.add(ast.unparse(call.args[0]))
        if name_of(call) in ("Process", "Pool"):
            holder = getattr(call.func, "value", None)
            others += [] if getattr(holder, "id", "") in ("context", "psutil") else [name]
        if name_of(call) in ("fork", "forkpty", "ProcessPoolExecutor"):
            others.append(name)
    assert (contexts, others) == ({"'spawn'"}, [])
