"""The one reader of a result: names stay names, unknown stays unknown."""

import json

import numpy as np
import pytest

from fatescope.acquire import write_table
from fatescope.base import RunError, Table
from fatescope.pages.answer import read_answer
from fatescope.pages.page import Page, Section, write_page
from fatescope.pages.result import ResultFolder

NAMES = ["1", "007", "1e5", "2024-03-01", 'a, "b"', "wt nuclei 3", "nan", "None"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_names_of_files_that_look_like_numbers_or_dates_stay_names(tmp_path, ending):
    written = Table({"image": np.array(NAMES, dtype=object), "frame": np.arange(len(NAMES))})
    write_table(written, tmp_path / f"objects.{ending}")
    read = ResultFolder(tmp_path).table("objects")
    assert read["image"].tolist() == NAMES
    assert read["frame"].dtype == np.int64


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_unknown_is_nan_or_none_and_never_zero(tmp_path, ending):
    nothing = np.array([None, None], dtype=object)
    columns = dict.fromkeys(("area_um2", "label", "p_dead", "state", "track_id", "mean_0"), nothing)
    write_table(Table({"image": np.array(["a", "b"], dtype=object), **columns}),
                tmp_path / f"objects.{ending}")  # fmt: skip
    read = ResultFolder(tmp_path).table("objects")
    assert read["state"].tolist() == [None, None]
    for column in ("area_um2", "label", "p_dead", "track_id", "mean_0"):
        assert np.isnan(read[column]).all(), column


def test_a_state_written_in_digits_is_text_and_a_column_of_a_users_own_is_what_it_holds(tmp_path):
    (tmp_path / "cells.csv").write_text("well,field,state,by_hand\nB02,1,0,3.5\nB02,01,1,4\n")
    read = ResultFolder(tmp_path).table("cells")
    assert read["field"].tolist() == ["1", "01"]
    assert read["state"].tolist() == ["0", "1"]
    assert read["by_hand"].tolist() == [3.5, 4.0]


def test_a_cell_is_a_number_in_fates_and_a_name_in_lineages(tmp_path):
    (tmp_path / "fates.csv").write_text("well,cell\nB02,1\nB02,\n")
    (tmp_path / "differences.csv").write_text("cell,n\nABala,3\nP4,2\n")
    assert ResultFolder(tmp_path).table("differences")["cell"].tolist() == ["ABala", "P4"]
    np.testing.assert_array_equal(ResultFolder(tmp_path).table("fates")["cell"], [1, np.nan])


def test_a_table_that_is_not_there_is_named_or_empty(tmp_path):
    result = ResultFolder(tmp_path)
    with pytest.raises(RunError, match=r"contacts\.parquet: is missing"):
        result.table("contacts")
    assert len(result.table("contacts", may_be_absent=True)) == 0
    assert not result.has("contacts")


def test_inputs_that_failed_take_no_place(tmp_path):
    inputs = [{"image": "good", "state": "done"}, {"image": "bad", "state": "failed"}]
    (tmp_path / "run.json").write_text(json.dumps({"inputs": inputs}))
    result = ResultFolder(tmp_path)
    assert [said["image"] for said in result.done] == ["good"]
    assert list(result.inputs) == ["good", "bad"]


def test_a_share_is_that_of_the_last_frame_of_each_movie(tmp_path):
    movie = {"image": "m", "state": "done", "axes": "TYX", "shape": [3, 8, 8]}
    (tmp_path / "run.json").write_text(json.dumps({"inputs": [movie]}))
    objects = Table({"image": np.array(["m"] * 4, dtype=object), "frame": np.array([0, 1, 2, 2])})
    ends, where = ResultFolder(tmp_path).at_the_end(objects)
    assert ends["frame"].tolist() == [2, 2]
    assert where == "the last frame of the movie"


def test_the_answer_is_that_of_the_page_and_nothing_where_there_is_none(tmp_path):
    assert ResultFolder(tmp_path).answer == ""
    said = '9 of 18 "cells" are <dead> & 1.tif'
    page = Page(title="t", lead=said, sections=[Section(title="s", blocks=())])
    assert read_answer(write_page(tmp_path / "report.html", page)) == said
    assert ResultFolder(tmp_path).answer == said
