"""What is promised of any input is said by every command that reads pixels."""

import csv
import logging

import numpy as np
import pytest
import tifffile
from tests.acquire.image_files import plain_tiff
from typer.testing import CliRunner

import fatescope as fs
from fatescope.acquire import check_pixels, gauged
from fatescope.base import FatescopeError, Image
from fatescope.cli.main import load_commands

PIXELS = {
    "saturated": lambda a: np.where(a > 500, 65535, a).astype(np.uint16),
    "not-finite": lambda a: np.where(np.arange(a.shape[1]) == 3, np.nan, a).astype(np.float32),
    "empty": np.zeros_like,
    "constant": lambda a: np.full_like(a, 7),
}
SYSTEMS = {
    "nuclei": ("--model", "classical", "--diameter-px", 18),
    "nuclei-em": ("--diameter-px", 18),
    "phase-cells": ("--diameter-px", 18),
    "live-dead": ("--diameter-px", 18),
    "viability": ("--diameter-px", 18),
    "membrane": ("--model", "classical", "--spacing-um", 0.5),
}


def discs(shape=(96, 96)):
    """Return round things of 1000 on a ground of 100 with grain, and their labels."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.uint8)
    for number, (y, x) in enumerate(np.ndindex(3, 3), start=1):
        labels[np.hypot(rows - 16 - 32 * y, columns - 16 - 32 * x) < 9] = number
    grain = np.random.default_rng(0).integers(0, 9, shape)
    return (100 + grain + 900 * (labels > 0)).astype(np.uint16), labels


def rules_of(out, file="findings.csv"):
    with (out / file).open(encoding="utf-8", newline="") as stream:
        return [row["rule"] for row in csv.DictReader(stream)]


def run(*arguments):
    return CliRunner().invoke(load_commands(), [str(a) for a in arguments]).exit_code


@pytest.mark.parametrize("rule", PIXELS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_predict_says_what_is_odd_about_pixels(tmp_path, system, rule):
    plain_tiff(tmp_path / "a.tif", PIXELS[rule](discs()[0]))
    said = run("predict", system, tmp_path / "a.tif", "--out", tmp_path / "o", *SYSTEMS[system])
    assert said == 0
    assert rules_of(tmp_path / "o").count(rule) == 1


@pytest.mark.parametrize("rule", PIXELS)
def test_measure_says_what_is_odd_about_pixels(tmp_path, rule, caplog):
    pixels, labels = discs()
    plain_tiff(tmp_path / "a.tif", PIXELS[rule](pixels))
    plain_tiff(tmp_path / "l.tif", labels)
    assert run("measure", tmp_path / "a.tif", tmp_path / "l.tif", "--out", tmp_path / "o") == 0
    assert rules_of(tmp_path / "o").count(rule) == 1
    logger = logging.getLogger(
        "fatescope.systems.labels.in_memory"
    )  # commands keep theirs from others
    logger.addHandler(caplog.handler)
    with caplog.at_level(logging.WARNING, logger=logger.name):
        fs.measure(PIXELS[rule](pixels), labels)
    logger.removeHandler(caplog.handler)
    assert rule in caplog.text


@pytest.mark.parametrize("rule", PIXELS)
def test_clean_says_it_once_for_a_movie(tmp_path, rule):
    pixels = PIXELS[rule](discs()[0])
    movie = np.stack([np.roll(pixels, t, axis=0) for t in range(9)])
    plain_tiff(tmp_path / "a.tif", movie)
    run("clean", tmp_path / "a.tif", "--out", tmp_path / "o", "--apply")
    said = [f for f in fs.clean_movie(Image(pixels=movie, axes="TYX")) if f.rule == rule]
    assert [f.frame for f in said if f.reason.startswith("In 9 of 9 frames")] == [None]


def test_stitched_fields_say_what_is_odd_about_pixels(tmp_path):
    grain = np.random.default_rng(0).integers(100, 500, (96, 160)).astype(np.uint16)
    grain[20:40, 30:60] = grain[60:70, 80:130] = 65535
    (tmp_path / "p").mkdir()
    for field in (1, 2):
        part = grain[:, 64 * (field - 1) :][:, :96]
        tifffile.imwrite(tmp_path / f"p/exp_B02_s{field}_w1.tif", part)
    out, grid = tmp_path / "o", ("--rows", 1, "--columns", 2)
    assert run("plate", "stitch", tmp_path / "p", "--out", out, *grid) == 0
    assert rules_of(out).count("saturated") == 2


@pytest.mark.slow
@pytest.mark.parametrize("segment", [fs.segment_nuclei, fs.segment_phase_cells, fs.find_live_dead])
def test_functions_on_arrays_say_the_same_as_the_commands(segment):
    pixels = PIXELS["saturated"](discs()[0])
    assert "saturated" in {f.rule for f in segment(pixels).findings}


def test_a_mean_is_that_of_the_pixels_that_are_finite():
    pixels, labels = discs()
    hurt = pixels.astype(np.float32)
    hurt[16, 16], hurt[16, 48] = np.nan, np.inf
    hurt[labels == 3] = np.nan
    mean = fs.measure(hurt, labels)["mean_0"]
    for number in (1, 2, 4):
        inside = hurt[labels == number]
        assert mean[number - 1] == pytest.approx(inside[np.isfinite(inside)].mean(), rel=1e-6)
    assert np.isnan(mean[2])


def test_pixels_are_looked_at_once_however_often_and_in_whatever_parts_they_are_read():
    pixels = np.full((2, 3, 40, 30), 255, np.uint8)
    pixels[..., ::2] = 3
    image = gauged(Image(pixels=pixels, axes="CZYX", channels=("red", "green"), name="a.tif"))
    image.read(C=1, Z=1, X=slice(0, 5))  # a tile
    for _ in range(2):
        for first in range(0, 40, 16):
            image.read(Z=slice(0, 3), Y=slice(first, first + 20))  # rows in common
    said = check_pixels(image)
    assert [(f.rule, f.object, f.value) for f in said] == [
        ("saturated", "channel red", 0.5),
        ("saturated", "channel green", 0.5),
    ]
    np.testing.assert_array_equal(np.asarray(image.pixels), pixels)


ENDS = {
    "8 bits": (np.uint8, 255, True),
    "12 bits in 16": (np.uint16, 4095, True),
    "signed": (np.int16, 32767, True),
    "whole numbers as float": (np.float32, 65535, True),
    "no end": (np.uint16, 4000, False),
    "1": (np.float32, 1, False),
}


@pytest.mark.parametrize("case", ENDS.values(), ids=ENDS.keys())
def test_saturation_is_known_by_the_end_of_a_range(case):
    dtype, highest, saturated = case
    pixels = np.zeros((20, 20), dtype)
    pixels[:5] = highest
    image = gauged(Image(pixels=pixels, axes="YX"))
    image.read()
    assert ["saturated"] * saturated == [f.rule for f in check_pixels(image)]


def test_an_empty_colour_beside_the_one_that_is_analysed_is_no_finding():
    pixels = np.stack([np.zeros((96, 96), np.uint16), discs()[0]])
    image = Image(pixels=pixels, axes="CYX", channels=("red", "green"))
    settings = fs.NucleiSettings(model="classical", diameter_px=18, channel="green")
    rules = {f.rule for f in fs.segment_nuclei(image, settings=settings).findings}
    assert "empty" not in rules
    settings = settings.replace(channel="red")
    assert "empty" in {f.rule for f in fs.segment_nuclei(image, settings=settings).findings}


@pytest.mark.slow
def test_what_a_file_holds_beside_its_image_is_said_by_commands_and_functions(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(discs()[0], metadata=None)
        writer.write(np.zeros((9, 30), np.uint8), metadata=None)
    settings = fs.NucleiSettings(model="classical", diameter_px=18)
    found = fs.segment_nuclei(tmp_path / "a.tif", settings=settings)
    assert "left-out" in {f.rule for f in found.findings}
    plain_tiff(tmp_path / "l.tif", discs()[1])
    assert run("measure", tmp_path / "a.tif", tmp_path / "l.tif", "--out", tmp_path / "o") == 0
    assert "left-out" in rules_of(tmp_path / "o")


def test_a_mask_given_as_labels_is_said_to_be_one_object(tmp_path):
    pixels, labels = discs()
    plain_tiff(tmp_path / "a.tif", pixels)
    plain_tiff(tmp_path / "m.tif", (labels > 0) * np.uint8(255))
    assert run("measure", tmp_path / "a.tif", tmp_path / "m.tif", "--out", tmp_path / "o") == 0
    assert "label-image" in rules_of(tmp_path / "o")


def test_label_images_given_as_images_are_said(tmp_path):
    plain_tiff(tmp_path / "l.tif", discs()[1])
    run("predict", "nuclei", tmp_path / "l.tif", "--out", tmp_path / "o", *SYSTEMS["nuclei"])
    assert "label-image" in rules_of(tmp_path / "o")


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_channel_that_was_analysed_is_named_in_the_list_of_images(tmp_path, system):
    bright = discs()[0]
    names = {"axes": "CYX", "Channel": {"Name": ["GFP", "DAPI"]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.stack([bright // 3, bright]), metadata=names)
    out, how = tmp_path / "o", ("--channel", "DAPI", *SYSTEMS[system])
    assert run("predict", system, tmp_path / "a.ome.tif", "--out", out, *how) == 0
    with (out / "images.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["channel"] for row in csv.DictReader(stream)] == ["1 DAPI"]


def test_blank_planes_between_others_are_said(tmp_path):
    plane = discs()[0]
    stack = np.stack([np.zeros_like(plane), *[plane] * 4, np.zeros_like(plane)])
    lost = stack.copy()
    lost[3] = 7
    for name, planes in (("padded", stack), ("lost", lost)):
        image = gauged(Image(pixels=planes, axes="ZYX", name=name))
        image.read()
        said = [f.rule for f in check_pixels(image)]
        assert said == (["empty"] if name == "lost" else [])
    tifffile.imwrite(tmp_path / "a.tif", lost, imagej=True, metadata={"axes": "ZYX"})
    nuclei = ("nuclei", *SYSTEMS["nuclei"])
    assert run("predict", *nuclei, tmp_path / "a.tif", "--out", tmp_path / "o") == 0
    assert rules_of(tmp_path / "o").count("empty") == 1


@pytest.mark.parametrize("given", ["300", "1000,0.2,0.2", "0.2,400,0.2"])
def test_a_size_that_no_microscope_has_is_refused_where_it_is_given(tmp_path, given):
    stack = np.stack([discs()[0]] * 3)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    good = given == "1000,0.2,0.2"  # sections of a millimetre are not absurd
    wanted = ("nuclei", *SYSTEMS["nuclei"], "--plan", "--spacing-um", given)
    said = run("predict", *wanted, tmp_path / "a.tif", "--out", tmp_path / "o")
    assert said == (0 if good else 2)
    steps = [float(x) for x in given.split(",")]
    if not good:
        with pytest.raises(FatescopeError, match="no microscope"):
            fs.segment_nuclei(stack, axes="ZYX", spacing_um=steps)
