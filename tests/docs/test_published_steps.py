"""Every command of the published steps runs with the words that are printed, on rendered files.

What a row needs is rendered, or made by the commands of other rows, under the name that stands in
the row. What would take long is asked for in little: by flags behind it, by smaller numbers in the
place of those that the row gives to the flags of `LITTLE` (epochs, batch, trials), or by a
shortened recipe. That the printed numbers end well in full is not shown here.
"""

import csv
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
import scipy.io
from benchmarks import evidence_pages
from tests.docs.test_pages import ROOT

from fatescope.acquire import read_image
from fatescope.acquire.lineages import write_lineage
from fatescope.prepare.store import write_image_file
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.train.recipe import read_recipe_values
from fatescope.train.recipe_text import recipe_text

NEEDED = ("torch", "albumentations", "segmentation_models_pytorch", "optuna", "h5py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(map(find_spec, NEEDED)), reason="needs the extras of training"),
]
ROWS = [(d["name"], row) for d in evidence_pages.documents() for row in d["row"]]
ELSEWHERE = {"fatescope app": "tests/app/test_process.py"}
"""Commands that do not end by themselves, and the test that starts them."""
LITTLE = {
    "reproduce nuclei-2020": "--epochs 1 --batches 1 --batch 2 --size-px 64 --steps 2 --folds 2 "
    "--workers 1",
    "reproduce lineage-names-2020": "--epochs 1 --later-epochs 1 --corrected-epochs 1 "
    "--rows-per-class 10",
    "reproduce movies-2020": "--epochs 1 --more-epochs 1 --later-epochs 1 --batches 1 --batch 2 "
    "--every 10 --movies 3 --length 40 --side-px 64 --workers 1",
    "reproduce membranes-2021": "--epochs 1 --batch 8 --size-px 32 --arm-steps 2 --trials 1 "
    "--corrected-steps 2 --guard-frames 0 --workers 1",
    "reproduce live-dead-2024": "--epochs 1 --batch 4 --tiles 24 --channels 4 --plates 1 "
    "--frames 2 --height 176 --width 192 --size-px 64 --stride-px 32 --weights-tiles 8 "
    "--weights-epochs 1 --workers 1",
    "tune": "--trials 2 --epochs 1",
    "simulate movie": "--frames 60 --height 96 --width 128",
    "simulate plate": "--frames 2",
    "prepare slices": "--guard-frames 0 --validation 0.2 --test 0.2",
}
"""What is put behind a command, by its first words, or in the place of the value of the row; a
second process would spend more on its imports than on such a training."""
SHELL = f'set -euo pipefail\nfatescope() {{ "{sys.executable}" -m fatescope "$@"; }}\n'
MOVIE = "fatescope simulate movie --frames 80 --height 96 --width 128 --seed 3"
PREPARED = {
    "nuclei-2020": """
fatescope simulate nuclei --frames 3 --height 128 --width 128 --seed 1 --out nuclei
fatescope simulate sections --count 4 --height 160 --width 192 --seed 1 --out sections
""",
    "lineage-names-2020": f"""
{MOVIE} --out film
cp -r film/movies film/tables .
""",
    "movies-2020": f"""
{MOVIE} --faults black --out film
{MOVIE} --count 5 --out films
cp film/movies/*.mp4 movie.mp4
cp film/tables/*.csv CDmovie.csv
cp -r films/movies films/tables .
fatescope prepare pairs --movies movies --tables tables --out pairs
mkdir FOLDER
cp movie.mp4 FOLDER/embryo_timelapse.mov
cp CDmovie.csv FOLDER
""",
    "membranes-2021": """
fatescope simulate embryo --cells 4,5,6,7,8 --channels membrane --height 72 --width 96 \\
  --planes 12 --voxel-um 0.86,0.36,0.36 --seed 1 --out stages
fatescope simulate fields --count 5 --height 128 --width 128 --seed 1 --out fields
fatescope prepare pairs fields --guard-frames 0 --validation 0.2 --test 0.2 --out pairs
fatescope simulate movie --frames 30 --height 96 --width 128 --seed 3 --out film
cp film/movies/*.mp4 movie.mp4
cp stages/images/embryo_000_t0001.tif embryo.tif
""",
    "live-dead-2024": """
fatescope simulate plate --rows 2 --columns 3 --stained 6 --field-rows 1 --field-columns 1 \\
  --frames 2 --cells 20 --height 176 --width 192 --seed 1 --out plate
cp plate/images/*_A01_*_w1.tif well.tif
""",
}
"""By document: what its rows read, besides what the functions below lay down."""
MADE = ("labels", "crops", "slices", "my-membrane")
"""Made by the first row that writes them, for the rows that read them."""


def run(text, folder):
    words = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    words.pop("FATESCOPE_DATA", None)
    done = subprocess.run(
        ["bash", "-c", SHELL + text],
        cwd=folder,
        env=words,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stderr[-3000:]}"


def in_little(line, folder):
    """Return the command with what makes it short; what else is printed stays."""
    words = shlex.split(line)[1:]
    for start, more in LITTLE.items():
        if words[: len(start.split())] == start.split():
            for flag, value in re.findall(r"(--[\w-]+) (\S+)", more):
                line = re.sub(rf" {flag} \S+", "", line) + f" {flag} {value}"
    if words[0] in ("train", "tune"):
        shorten(words[1], folder / f"{words[1]}.toml")
        line = line.replace(f" {words[1]} ", f" {words[1]}.toml ", 1)
    if "NAME" in words:  # any image of the set
        line = line.replace("NAME", "section_0001")
    if "SUM" in words:
        digest = hashlib.sha256((folder / "resnet18.pth").read_bytes()).hexdigest()
        line = line.replace("SUM", digest)
    return line


def shorten(name, path):
    """Write a shipped recipe with few steps of a small network; variants differ as they do."""
    values = {k: v for k, v in read_recipe_values(name).items() if k != "then"}
    values["fit"] = {**values.get("fit", {}), "steps": 4, "steps_per_epoch": 2, "batch": 2}
    small = {"widths": [8, 8, 8, 8]} | ({"n_outputs": 3} if "task" not in values else {})
    values["network"] = small
    path.write_text(recipe_text(values), encoding="utf-8")


def lay_nuclei(here):
    import torch

    from fatescope.train._torchvision import ensure_torchvision

    ensure_torchvision()
    from segmentation_models_pytorch.encoders import get_encoder

    (image,) = here.glob("nuclei/*.tif")
    for kind, path in (("images", image), ("labels", here / "nuclei/truth/labels" / image.name)):
        (here / kind).mkdir()
        for frame, plane in enumerate(read_image(path).read()):
            write_image_file(here / kind / f"e{frame}.png", plane.astype(np.uint16))
    shutil.copytree(here / "images", here / "folder")
    shutil.copytree(here / "sections/images", here / "data/images")
    shutil.copytree(here / "sections/truth/labels", here / "data/labels")
    shutil.copy(here / "sections/index.csv", here / "data")
    for kind in ("images", "labels"):
        (here / "FOLDER" / kind).mkdir(parents=True)
        for path in (here / "data" / kind).iterdir():
            pixels = read_image(path).read().astype(np.uint16)
            write_image_file(here / "FOLDER" / kind / f"{path.stem}.png", pixels)
    shutil.copy(here / "FOLDER/images/section_0000.png", here / "section.png")
    torch.save(get_encoder("resnet18", weights=None).state_dict(), here / "resnet18.pth")


def lay_tables(here):
    (here / "TABLES").mkdir()
    for seed in range(8):
        path = here / "TABLES" / f"CD{seed}.csv"
        write_lineage(simulate_lineage(LineagePlan(minutes=180), seed=seed), path, format="epic")
    shutil.copy(here / "TABLES/CD0.csv", here / "table.csv")


def lay_counts(here):
    n = len(read_image(here / "movie.mp4").read())
    with (here / "FOLDER/published_counts.csv").open("w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["filenames", *"AEMPCDZ"])
        write.writerows([f"{frame}.png", *[1] * 7] for frame in range(n))


def lay_volumes(here):
    for part in ("raw", "labels"):
        (here / "membrane_3dmms" / part).mkdir(parents=True)
    for path in sorted(here.glob("stages/images/*.tif")):
        frame = int(path.stem[-4:]) + 1
        raw = read_image(path).read().transpose(1, 2, 0)
        labels = read_image(here / "stages/truth/labels/membrane" / path.name).read()
        folder = here / "membrane_3dmms"
        scipy.io.savemat(folder / "raw" / f"membt{frame:03d}.mat", {"embryo": raw})
        name = folder / "labels" / f"T{frame:03d}_membSeg.mat"
        scipy.io.savemat(name, {"membSeg": labels.transpose(1, 2, 0)})
    shutil.copy(here / "membrane_3dmms/raw/membt001.mat", here / "volume.mat")
    shutil.copytree(here / "membrane_3dmms", here / "FOLDER")


LAY = {
    "nuclei-2020": lay_nuclei,
    "lineage-names-2020": lay_tables,
    "movies-2020": lay_counts,
    "membranes-2021": lay_volumes,
    "live-dead-2024": lambda here: None,
}


@pytest.fixture(scope="module")
def ran():
    """Commands that several rows show: one run does for all of them."""
    return set()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Give the folder with what the rows of a document read, made when it is first asked for."""

    @cache
    def folder_of(document):
        here = tmp_path_factory.mktemp(document)
        run(PREPARED[document], here)
        LAY[document](here)
        lines = [c for name, row in ROWS if name == document for c in row["commands"]]
        for made in MADE:
            line = next((c for c in lines if f"--out {made}" in c), None)
            if line and not (here / made).exists():
                run(in_little(line, here), here)
        return here

    return folder_of


@pytest.mark.parametrize(
    ("document", "row"), ROWS, ids=[f"{name}-{row['step'][:40]}" for name, row in ROWS]
)
def test_the_commands_of_a_row_run(document, row, prepared, ran, tmp_path):
    lines = [c for c in row["commands"] if c not in ELSEWHERE]
    written = set(re.findall(r"--out (\S+)", " ".join(lines)))
    for path in prepared(document).iterdir():
        if path.name not in written:
            (tmp_path / path.name).symlink_to(path)
    for n, line in enumerate(lines):
        out = re.search(r"--out (\S+)", line)
        read_later = out is not None and any(out[1] in later for later in lines[n + 1 :])
        if (document, line) not in ran or read_later:
            run(in_little(line, tmp_path), tmp_path)
            ran.add((document, line))


def test_commands_left_to_other_tests_stand_there():
    for command, path in ELSEWHERE.items():
        assert any(command in row["commands"] for _, row in ROWS)
        assert command.removeprefix("fatescope ") in (ROOT / path).read_text(encoding="utf-8")
