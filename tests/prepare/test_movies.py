"""Movies and their tables: hand-made ones, nuclei that walk along and are bright where they are."""

import csv
import itertools

import numpy as np
import pytest

from fatescope.acquire.movies import write_frames
from fatescope.base import InputError
from fatescope.prepare import PairSettings, SplitSettings, read_samples
from fatescope.prepare.movies import check_pair, movie_samples, pair_movies
from fatescope.systems.training.train import prepare_pairs

FRAMES, SHAPE = 40, (64, 96)
NAMES = ("ABa", "ABp", "EMS", "P2")


def places(frame):
    """Where four nuclei are: they move several pixels a frame, so that a frame off is seen."""
    turn = np.array([0.0, 0.9, 2.5, 4.0]) + 0.3 * frame
    away = np.array([22.0, 14.0, 27.0, 18.0])
    return np.stack([32 + away * np.sin(turn), 48 + away * np.cos(turn)], axis=1)


def draw(frame):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    green = np.zeros(SHAPE)
    for cy, cx in places(frame):
        green += 200 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 12)
    pixels = np.zeros((*SHAPE, 3), dtype=np.uint8)
    pixels[..., 1] = np.minimum(green, 255)
    return pixels


def write_pair(folder, name, *, shift=0, mirrored=False, frames=FRAMES):
    for part in ("movies", "tables"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    write_frames(
        folder / "movies" / f"{name}.mp4",
        (draw(k) for k in range(frames)),
        frames_per_second=7,
        codec="mpeg4",
        kbit_s=500,
    )
    with (folder / "tables" / f"CD{name}.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["cellTime", "cell", "time", "blot", "z", "x", "y", "size"])
        for k in range(8, frames - 8):
            time = k + 1 - shift  # frame = time - 1, where nothing is shifted
            for cell, (y, x) in zip(NAMES, places(k), strict=True):
                x = SHAPE[1] - 1 - x if mirrored else x
                writer.writerow(
                    [f"{cell}:{time}", cell, time, 0, 10.0, round(x) + 1, round(y) + 1, 8]
                )


def test_a_table_belongs_to_the_movie_of_its_name_and_frame_is_time_less_one(tmp_path):
    write_pair(tmp_path, "a")
    pair = check_pair(tmp_path / "movies/a.mp4", tmp_path / "tables/CDa.csv")
    assert pair.offset == 0
    assert pair.scores[0] > 1.5 * pair.scores[3]


@pytest.mark.parametrize("shift", [-3, 2])
def test_a_table_that_is_some_frames_off_is_found_and_set_right(tmp_path, shift):
    write_pair(tmp_path, "a", shift=shift)
    pairs, findings = pair_movies(tmp_path / "movies", tmp_path / "tables")
    assert [p.offset for p in pairs] == [shift]
    assert [f.rule for f in findings] == ["offset"]
    samples = movie_samples(pairs, movies=tmp_path / "movies", settings=SplitSettings())
    assert [s.frame for s in samples] == list(range(8, FRAMES - 8))


def test_what_a_table_says_that_was_not_read_is_a_finding_of_the_pair(tmp_path):
    write_pair(tmp_path, "a")
    table = tmp_path / "tables" / "CDa.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([f"{lines[0]},mother ref", *(f"{x},P0" for x in lines[1:])]) + "\n")
    pairs, findings = pair_movies(tmp_path / "movies", tmp_path / "tables")
    assert len(pairs) == 1
    assert [(f.file, f.rule) for f in findings] == [(str(table), "links-not-read")]


def test_a_mirrored_table_is_no_pair(tmp_path):
    write_pair(tmp_path, "good")
    write_pair(tmp_path, "bad", mirrored=True)
    pairs, findings = pair_movies(tmp_path / "movies", tmp_path / "tables")
    assert [p.movie.stem for p in pairs] == ["good"]
    assert [(f.rule, f.severity) for f in findings] == [("not-its-table", "warning")]


def test_what_has_no_partner_is_named(tmp_path):
    write_pair(tmp_path, "a")
    write_pair(tmp_path, "b")
    (tmp_path / "movies/b.mp4").rename(tmp_path / "movies/c.mp4")
    _, findings = pair_movies(tmp_path / "movies", tmp_path / "tables")
    assert sorted(f.rule for f in findings) == ["no-movie", "no-table"]


def test_nothing_that_fits_is_one_sentence(tmp_path):
    write_pair(tmp_path, "a", mirrored=True)
    with pytest.raises(InputError, match=r"no movie of .* fits a table .* belongs to a table"):
        pair_movies(tmp_path / "movies", tmp_path / "tables")


def test_movies_are_divided_by_movie_and_a_single_one_by_time(tmp_path):
    for name in "abcd":
        write_pair(tmp_path / "four", name)
    write_pair(tmp_path / "one", "e", frames=60)
    settings = PairSettings(
        movies=f"{tmp_path / 'four/movies'},{tmp_path / 'one/movies'}",
        tables=f"{tmp_path / 'four/tables'},{tmp_path / 'one/tables'}",
        validation=0.25,
        test=0.25,
    )
    out = tmp_path / "pairs"
    assert prepare_pairs([], out=out, settings=settings).exit_code == 0
    samples = read_samples(out, splits=["train", "validation", "test", "unused"])
    sides = {}
    for s in samples:
        sides.setdefault(s.unit, []).append(s.split)
    assert sorted(len(set(sides[u])) for u in "abcd") == [1, 1, 1, 1]
    assert {s for u in "abcd" for s in sides[u]} == {"train", "validation", "test"}
    blocks = [side for side, _ in itertools.groupby(sides["e"])]
    assert blocks == ["train", "unused", "validation", "unused", "test"]
    assert {s.role for s in samples} == {"lineage"}


def test_a_folder_may_say_more_of_its_movies(tmp_path):
    for name in "ab":
        write_pair(tmp_path, name)
    said = "movie,kind,split,neighbour\na,rendered,train,1\nb,rendered,test,0\n"
    (tmp_path / "movies.csv").write_text(said)
    pairs, _ = pair_movies(tmp_path / "movies", tmp_path / "tables")
    samples = movie_samples(pairs, movies=tmp_path / "movies", settings=SplitSettings())
    found = {(s.unit, s.kind, s.split, s.neighbour) for s in samples}
    assert found == {("a", "rendered", "train", True), ("b", "rendered", "test", False)}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"tables": ""}, "belong together"),
        ({"movies": "nowhere"}, "no such folder"),
        ({"images": "*.png"}, "nothing else"),
    ],
)
def test_wrong_folders_are_one_sentence(tmp_path, more, words):
    write_pair(tmp_path, "a")
    given = {"movies": str(tmp_path / "movies"), "tables": str(tmp_path / "tables")}
    with pytest.raises(InputError, match=words):
        prepare_pairs([], out=tmp_path / "out", settings=PairSettings(**{**given, **more}))
