"""Films as programs, telephones and broken disks leave them: the right frames, or a sentence."""

import csv
from fractions import Fraction

import av
import numpy as np
import pytest
from tests.acquire.test_movie_images import film_of
from tests.systems.test_pixel_findings import discs
from typer.testing import CliRunner

import fatescope as fs
from fatescope.acquire import check_image, read_image
from fatescope.acquire.movies import read_frames
from fatescope.base import FileFormatError
from fatescope.cli.main import load_commands

CORNER = np.zeros((64, 96, 3), np.uint8)
CORNER[:20, :30] = (200, 0, 0)
CORNER[40:, :30] = (0, 200, 0)
CORNER[40:, 70:] = (0, 0, 200)


def encode(path, frames, *, codec="ffv1", pixels="bgr0", rate=10, times=None, films=1, **ways):
    """Write frames of red, green, blue, in as many films of one file."""
    with av.open(str(path), "w") as film:
        streams = [film.add_stream(codec, rate=rate) for _ in range(films)]
        for stream in streams:
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = pixels
            if "turn" in ways:
                stream.set_display_rotation(ways["turn"])
            if "matrix" in ways:
                stream.set_display_matrix(ways["matrix"])
            if "wide" in ways:
                stream.sample_aspect_ratio = Fraction(ways["wide"])
            stream.codec_context.flags |= ways.get("flags", 0)
        for number, pixels_of in enumerate(frames):
            for stream in streams:
                picture = av.VideoFrame.from_ndarray(pixels_of, format="rgb24")
                if times:
                    picture.pts, picture.time_base = times[number], Fraction(1, rate)
                film.mux(stream.encode(picture.reformat(format=pixels)))
        for stream in streams:
            film.mux(stream.encode())
    return path


def hurt(path, out, number, how):
    """Copy a film; the packet of one frame is overwritten, all of it or a part."""
    with av.open(str(path)) as film:
        packets = [p for p in film.demux(film.streams.video[0]) if p.size]
        at, size = packets[number].pos, packets[number].size
    content = bytearray(path.read_bytes())
    if how == "lost":
        content[at : at + size] = bytes(size)
    elif how == "half":
        content[at + size // 2 : at + size] = bytes(size - size // 2)
    else:
        content[at + size // 2] ^= 0xFF
    out.write_bytes(content)
    return out


def said_of(image):
    return {f.rule: f for f in check_image(image)}


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def run(*arguments):
    return CliRunner().invoke(load_commands(), [str(a) for a in arguments])


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_film_that_players_turn_is_turned(tmp_path, turn):
    path = encode(tmp_path / "a.mov", [CORNER] * 3, codec="png", pixels="rgb24", turn=turn)
    image = read_image(path)
    right = np.rot90(CORNER, k=turn // 90)  # the other way round than the clock, as FFmpeg counts
    assert image.shape == (3, 3, *right.shape[:2])
    np.testing.assert_array_equal(np.moveaxis(image.read(T=1), 0, -1), right)
    np.testing.assert_array_equal(next(read_frames(path)), right)


def test_a_film_that_players_turn_by_no_quarter_turn_is_read_as_stored_and_said(tmp_path):
    path = encode(tmp_path / "a.mov", [CORNER] * 3, codec="png", pixels="rgb24", turn=30)
    image = read_image(path)
    np.testing.assert_array_equal(np.moveaxis(image.read(T=1), 0, -1), CORNER)
    assert "left-out" in said_of(image)


CODECS = {"png": ("mov", 1), "mjpeg": ("avi", 1), "mpeg4": ("mp4", 12), "ffv1": ("avi", 12)}


@pytest.fixture(scope="module", params=CODECS)
def whole(request, tmp_path_factory):
    """Return a film of moving discs in one codec, its frames, and each how many are whole."""
    kind, whole_each = CODECS[request.param]
    grey = (discs()[0] // 8).astype(np.uint8)
    frames = [np.roll(grey, 2 * t, axis=1) + np.uint8(t) for t in range(24)]
    pixels = {"mjpeg": "yuvj420p", "mpeg4": "yuv420p"}.get(request.param, "gray")
    path = tmp_path_factory.mktemp("film") / f"{request.param}.{kind}"
    return film_of(path, frames, request.param, pixels), whole_each


@pytest.mark.parametrize("how", ["lost", "half"])
def test_a_damaged_packet_costs_its_frame_and_those_that_build_on_it(tmp_path, whole, how):
    path, whole_each = whole
    right = read_image(path)
    image = read_image(hurt(path, tmp_path / path.name, 7, how))
    assert image.shape == right.shape
    lost = range(7, 8 if whole_each == 1 else 12)
    for t in (*range(24), 12, 3, 13):
        if t in lost:
            with pytest.raises(FileFormatError, match=f"frame {t} of 24 cannot be decoded"):
                image.read(T=t)
        else:
            np.testing.assert_array_equal(image.read(T=t), right.read(T=t))


def test_commands_say_which_frame_is_unknown_and_keep_its_place(tmp_path):
    grey = (discs()[0] // 8).astype(np.uint8)
    frames = [np.roll(grey, 3 * t, axis=1) for t in range(12)]
    film = hurt(
        film_of(tmp_path / "whole.mov", frames, "png", "gray"), tmp_path / "a.mov", 7, "one"
    )
    out = tmp_path / "nuclei"
    how = ("--model", "classical", "--diameter-px", 18)
    assert run("predict", "nuclei", film, "--out", out, *how).exit_code == 0
    said = [f for f in rows_of(out / "findings.csv") if f["rule"] == "unreadable"]
    assert [f["frame"] for f in said] == ["7"]
    seen = {int(row["frame"]) for row in rows_of(out / "objects.csv")}
    assert seen == set(range(12)) - {7}
    labels = read_image(out / "labels/a.tif")
    assert labels.size("T") == 12
    assert [bool(labels.read(T=t).any()) for t in (6, 7, 8)] == [True, False, True]
    run("clean", film, "--out", tmp_path / "clean", "--apply")
    rules = [(f["frame"], f["rule"]) for f in rows_of(tmp_path / "clean/findings.csv")]
    assert ("7", "unreadable") in rules
    assert ("7", "black") not in rules
    true = np.stack([np.roll(discs()[1], 3 * t, axis=1) for t in range(12)])
    table = fs.measure(film, true)
    assert np.isnan(table["mean_0"][table["frame"] == 7]).all()
    assert np.isfinite(table["mean_0"][table["frame"] != 7]).all()


def test_a_film_of_which_most_is_damaged_is_refused(tmp_path):
    frames = [discs()[0].astype(np.uint8)] * 9
    path = film_of(tmp_path / "a.mov", frames, "png", "gray")
    for number in range(6):
        hurt(path, path, number, "lost")
    said = run("predict", "nuclei", path, "--out", tmp_path / "o", "--diameter-px", 18)
    assert said.exit_code == 2
    assert "cannot be decoded" in rows_of(tmp_path / "o/findings.csv")[0]["reason"]


def test_uneven_times_of_a_film_are_said(tmp_path):
    frames = [CORNER + np.uint8(t) for t in range(6)]
    even = encode(tmp_path / "a.mp4", frames, codec="mpeg4", pixels="yuv420p")
    times = [0, 1, 2, 7, 8, 9]
    uneven = encode(tmp_path / "b.mp4", frames, codec="mpeg4", pixels="yuv420p", times=times)
    assert "uneven-times" not in said_of(read_image(even))
    said = said_of(read_image(uneven))["uneven-times"]
    assert said.value == pytest.approx(0.5)
    assert "after frame 2" in said.reason


def test_an_interlaced_film_is_said(tmp_path):
    flags = av.codec.context.Flags.interlaced_dct | av.codec.context.Flags.interlaced_me
    path = encode(tmp_path / "a.mp4", [CORNER] * 3, codec="mpeg4", pixels="yuv420p", flags=flags)
    assert "interlaced" in said_of(read_image(path))["left-out"].reason


def test_a_second_film_in_a_file_is_said(tmp_path):
    path = encode(tmp_path / "a.mp4", [CORNER] * 3, codec="mpeg4", pixels="yuv420p", films=2)
    assert "2 films" in said_of(read_image(path))["left-out"].reason


def test_pixels_that_are_not_square_are_said(tmp_path):
    path = encode(tmp_path / "a.mp4", [CORNER] * 3, codec="mpeg4", pixels="yuv420p", wide="4/3")
    assert "1.33" in said_of(read_image(path))["left-out"].reason


def test_sound_alone_is_refused_in_a_sentence(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as film:
        stream = film.add_stream("aac", rate=44100)
        silence = np.zeros((1, 4096), np.float32)
        sound = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        sound.sample_rate = 44100
        film.mux(stream.encode(sound))
        film.mux(stream.encode())
    with pytest.raises(FileFormatError, match=r"a\.mp4: holds sound and no film"):
        read_image(tmp_path / "a.mp4")


GREY = {
    "red, green, blue": ("avi", "ffv1", "bgr0", 8, 0),
    "yuv, lossless": ("avi", "ffv1", "yuv420p", 8, 1),
    "yuv of a camera": ("avi", "mjpeg", "yuvj422p", 8, 1),
    "yuv, mpeg": ("mp4", "mpeg4", "yuv420p", 8, 4),
    "9 bits": ("avi", "ffv1", "gray9le", 9, 0),
    "10 bits": ("avi", "ffv1", "gray10le", 10, 0),
    "12 bits": ("avi", "ffv1", "gray12le", 12, 0),
    "yuv, 10 bits": ("avi", "ffv1", "yuv420p10le", 10, 2),
    "red, green, blue, 16 bits": ("avi", "ffv1", "gbrp16le", 16, 0),
}


@pytest.mark.parametrize("kind", GREY)
def test_a_grey_film_is_one_channel_however_it_is_stored_and_keeps_its_depth(tmp_path, kind):
    ending, codec, pixels, bits, away = GREY[kind]
    deep = bits > 8
    values = [(20 + 30 * t) << (bits - 8) for t in range(8)]
    stored = pixels if pixels.startswith("gray") else None
    shift = 16 - bits if deep and not stored else 0
    frames = [np.full((64, 96), v << shift) for v in values]
    frames = [f.astype(np.uint16 if deep else np.uint8) for f in frames]
    image = read_image(film_of(tmp_path / f"a.{ending}", frames, codec, pixels, stored))
    assert (image.axes, image.dtype) == ("TYX", np.uint16 if deep else np.uint8)
    for t, value in enumerate(values):
        np.testing.assert_allclose(image.read(T=t), value, atol=away)
    assert "left-out" not in said_of(image)


def test_a_film_that_becomes_coloured_late_is_in_colour(tmp_path):
    frames = [np.full((64, 96, 3), 20 + t, np.uint8) for t in range(30)]
    frames[22] = CORNER
    path = encode(tmp_path / "a.avi", frames)
    image = read_image(path)
    assert image.axes == "TCYX"
    np.testing.assert_array_equal(np.moveaxis(image.read(T=22), 0, -1), CORNER)
