import json

import numpy as np
import pytest
from tests.clean.recording import FRAMES, recording
from tests.populations_cases import SMALL, scene, truth_of, write_pair

import fatescope as fs
from fatescope.acquire import read_exclusions, read_table
from fatescope.acquire.movies import write_frames
from fatescope.base import Image, InputError, Table
from fatescope.systems.cleaning.clean import clean_files, find_clean_files, plan_clean
from fatescope.systems.cleaning.cliffs import count_at_cliffs
from fatescope.systems.cleaning.page import one_of_each
from fatescope.systems.lineages.lint import read_findings

SECOND = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a film of which a frame is black, and its counts, one of them wrong."""
    folder = tmp_path_factory.mktemp("movie")
    frames = recording().copy()
    frames[SECOND : SECOND + 2] = 0
    write_frames(folder / "embryo.mp4", frames, frames_per_second=7, codec="lossless", kbit_s=0)
    rows = ["frame,A,E,M,P,C,D,Z,total"]
    for t in range(FRAMES + 5):
        count = 20 + t // 4 + (15 if t == 40 else 0)
        rows.append(f"{t},{count},1,1,1,1,0,0,{count + 4}")
    (folder / "embryo.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def cleaned(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("clean") / "out"
    return clean_files([folder], out=out, apply=True, execution=fs.Execution(workers=1)), out


def test_of_a_folder_that_simulate_wrote_the_truth_is_not_read(folder, tmp_path):
    spots = "id,frame,z,y,x,radius_um,parent,name\n1,0,1,5,5,2,,AB\n"
    counts = (folder / "embryo.csv").read_text()
    for name, text in (
        ("run.json", "{}"),
        ("counts/embryo.csv", counts),
        ("truth/spots.csv", spots),
        ("truth/populations.csv", counts),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [f.key for f in find_clean_files([tmp_path])] == ["embryo.csv"]
    named = find_clean_files([tmp_path / "truth"])
    assert {f.table.name for f in named if f.table} == {"spots.csv", "populations.csv"}


def test_what_was_not_read_of_a_table_is_a_finding(tmp_path):
    table = tmp_path / "spots.csv"
    table.write_text("id,frame,z,y,x,parent,name\n1,0,1,2,3,,AB\n2,1,1,2,3,77,AB\n")
    clean_files([table], out=tmp_path / "out", execution=fs.Execution(workers=1))
    found = read_table(tmp_path / "out" / "findings.csv")
    assert (str(table), "unknown-parent") in set(zip(found["file"], found["rule"], strict=True))


def test_findings_name_the_file_the_frame_and_the_rule(cleaned):
    _, out = cleaned
    table = read_table(out / "findings.csv")
    got = {
        (str(f).rpartition("/")[2], int(t), r)
        for f, t, r in zip(table["file"], table["frame"], table["rule"], strict=True)
    }
    assert got == {
        ("embryo.mp4", SECOND, "black"),
        ("embryo.mp4", SECOND + 1, "black"),
        ("embryo.csv", 40, "rise"),
        ("embryo.csv", FRAMES, "after-end"),
    }


def test_the_folder_holds_record_images_page_and_thumbnails(cleaned):
    _, out = cleaned
    assert json.loads((out / "run.json").read_text())["command"] == "clean"
    assert len(read_table(out / "images.csv")) == 2
    assert (out / "thumbnails" / "embryo" / f"{SECOND:06d}.png").exists()
    page = (out / "report.html").read_text()
    assert "black" in page
    assert "data:image/png" in page


def test_a_frame_of_each_fault_stands_beside_those_of_others(cleaned):
    findings = read_findings(cleaned[1] / "findings.csv")
    viewer = one_of_each(cleaned[1], findings, ("black",))
    (frame,) = viewer.views[0].frames
    assert [pane.title for pane in frame.panes] == [f"black, frames {SECOND} to {SECOND + 1}"]
    assert one_of_each(cleaned[1], findings, ("black", "torn")) is None


def test_apply_writes_an_exclusion_that_joins_frames_in_a_row(cleaned):
    _, out = cleaned
    ranges = {(e.first_frame, e.last_frame, e.rule) for e in read_exclusions(out / "exclusion.csv")}
    assert ranges == {
        (SECOND, SECOND + 1, "black"),
        (40, 40, "rise"),
        (FRAMES, None, "after-end"),
    }
    page = (out / "report.html").read_text()
    assert "exclusion.csv lists these frames" in page
    assert "With --apply" not in page, "what was written is not promised"


def test_the_same_command_again_does_nothing_twice(cleaned, folder):
    summary, out = cleaned
    before = (out / "thumbnails" / "embryo" / f"{SECOND:06d}.png").stat().st_mtime_ns
    again = clean_files([folder], out=out, execution=fs.Execution(workers=1))
    assert again.units_done == summary.units_done
    assert (out / "thumbnails" / "embryo" / f"{SECOND:06d}.png").stat().st_mtime_ns == before


def test_arrays_are_checked_in_memory():
    frames = np.moveaxis(recording()[:60], -1, 1).copy()
    frames[30] = frames[29]
    found = fs.clean_movie(frames, axes="TCYX")
    assert [(f.frame, f.rule) for f in found] == [(30, "duplicate")]


def test_a_single_image_is_no_movie():
    with pytest.raises(InputError, match="TYX or TCYX"):
        fs.clean_movie(np.zeros((20, 20), np.uint8), axes="YX")


def test_a_plan_counts_files_and_writes_nothing(folder):
    assert plan_clean([folder]).units == 2


def test_nothing_to_check_is_said(tmp_path):
    with pytest.raises(InputError, match="no movie and no table"):
        find_clean_files([tmp_path])


@pytest.mark.slow
def test_tables_are_drawn_with_their_cliffs_and_the_frames_where_they_fall(folder, tmp_path):
    both = tmp_path / "both"
    both.mkdir()
    (both / "embryo.mp4").write_bytes((folder / "embryo.mp4").read_bytes())
    for name, end in (("whole", 10**6), ("embryo", 70)):
        rows = ["frame,A,E,M,P,C,D,Z,total"]
        for t in range(FRAMES):
            count = 20 + t // 4 if t < end else 3
            rows.append(f"{t},{count},1,1,1,1,0,0,{count + 4}")
        (both / f"{name}.csv").write_text("\n".join(rows) + "\n")
    clean_files([both], out=tmp_path / "out", execution=fs.Execution(workers=1))
    counts = read_table(tmp_path / "out" / "counts.csv")
    assert len(counts) == 2 * FRAMES
    assert (tmp_path / "out" / "thumbnails" / "embryo.csv" / "000070.png").exists()
    page = (tmp_path / "out" / "report.html").read_text()
    for title in ("All tables (2)", "Tables with a cliff (1)", "Tables without one (1)"):
        assert title in page


def test_one_table_without_a_cliff_is_not_drawn(cleaned):
    assert "All tables" not in (cleaned[1] / "report.html").read_text()


@pytest.mark.slow
def test_beside_a_cliff_the_page_has_the_cells_that_the_model_counts(tmp_path):
    """A table from which most rows are gone after a frame; its movie shows them all."""
    embryo = scene(11, minutes=130, interval_min=2.0, settings=SMALL.replace(neighbour=0.0))
    movie = write_pair(tmp_path / "in", "a", embryo)
    table = tmp_path / "in" / "tables" / "CDa.csv"
    header, *rows = table.read_text().splitlines()
    time = header.split(",").index("time")
    kept = [r for i, r in enumerate(rows) if int(r.split(",")[time]) <= 51 or i % 4 == 0]
    table.write_text("\n".join([header, *kept]) + "\n")
    out = tmp_path / "out"
    clean_files([movie, table], out=out, execution=fs.Execution(workers=1))
    (row,) = read_table(out / "cliffs.csv").to_pandas().to_dict("records")
    true = int(truth_of(embryo)[row["frame"], 0])
    assert row["frame"] == 51
    assert row["before"] > 2 * row["at"]
    assert abs(row["counted"] - true) < 0.25 * true
    assert row["counted"] > 2 * row["at"]
    said = f"The table says {row['at']} cells here; the model counts {row['counted']} in this frame"
    assert said in (out / "report.html").read_text()


def test_a_movie_that_cannot_be_counted_leaves_a_cliff_as_it_is():
    series = Table({"file": ["t.csv"] * 20, "frame": np.arange(20), "total": np.full(20, 9.0)})
    for pixels in (np.zeros((20, 64, 64), np.uint8), np.zeros((4, 64, 64), np.uint8)):
        movie = Image(pixels=pixels, axes="TYX", name="a")
        assert count_at_cliffs(movie, [3], series) is None
