import csv
import io

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fatescope.acquire import read_table, write_table
from fatescope.base import FileFormatError, InputError, Table
from fatescope.storage import stack_parquet

TEXTS = ["plain", 'quote " inside', "comma, inside", "new\nline", "µm", "  spaces  ", None]
TABLE = Table(
    {
        "image": np.array(TEXTS, dtype=object),
        "label": np.arange(7, dtype=np.uint16),
        "area_um2": np.array([0.1, np.nan, 1e-300, 1e300, -0.0, 1 / 3, 5.0]),
        "score": np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, np.nan], dtype=np.float32),
        "frame": np.array([None, 1, 2, None, 4, 5, 6], dtype=object),
        "used": np.arange(7) % 2 == 0,
        "nothing": np.array([None] * 7, dtype=object),
    }
)


def test_csv_has_the_written_form(tmp_path):
    write_table(TABLE.rows(slice(0, 4)), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text("utf-8") == (
        "image,label,area_um2,score,frame,used,nothing\n"
        "plain,0,0.1,0.1,,true,\n"
        '"quote "" inside",1,,0.2,1,false,\n'
        '"comma, inside",2,1e-300,0.3,2,true,\n'
        '"new\nline",3,1e+300,0.4,,false,\n'
    )


def test_the_csv_module_of_python_reads_what_was_written(tmp_path):
    write_table(TABLE, tmp_path / "a.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8"), newline="")))
    assert [r["image"] or None for r in rows] == TEXTS
    assert [float(r["area_um2"] or "nan") for r in rows] == pytest.approx(
        TABLE["area_um2"].tolist(), rel=0, nan_ok=True
    )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_come_back(tmp_path, suffix):
    write_table(TABLE, tmp_path / f"a.{suffix}")
    back = read_table(tmp_path / f"a.{suffix}")
    assert list(back) == list(TABLE)
    assert back["image"].tolist() == TEXTS
    assert back["label"].tolist() == list(range(7))
    np.testing.assert_array_equal(back["area_um2"], TABLE["area_um2"])
    np.testing.assert_array_equal(back["frame"], [np.nan, 1, 2, np.nan, 4, 5, 6])


def test_parquet_keeps_types_and_writes_missing_as_null(tmp_path):
    write_table(TABLE, tmp_path / "a.parquet")
    with duckdb.connect() as db:
        source = f"'{tmp_path / 'a.parquet'}'"
        types = {n: t for n, t, *_ in db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        missing = db.execute(f"SELECT count(*) FROM {source} WHERE area_um2 IS NULL").fetchall()
    assert types["score"] == "FLOAT"
    assert types["frame"] == types["label"].removeprefix("U") == "BIGINT"
    assert missing == [(1,)]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_same_table_gives_the_same_bytes(tmp_path, suffix):
    rows = np.arange(150_000)
    table = Table({"label": rows, "x": np.sin(rows), "image": (rows // 1000).astype(str)})
    write_table(table, tmp_path / f"a.{suffix}")
    write_table(table, tmp_path / f"b.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
            st.floats(allow_infinity=True),
            st.integers(-(2**62), 2**62),
        ),
        min_size=1,
    )
)
@settings(max_examples=15)
def test_any_text_and_number_comes_back_from_parquet(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "a.parquet"
    texts, floats, whole = zip(*rows, strict=True)
    table = Table(
        {"s": np.array(texts, object), "f": np.array(floats), "i": np.array(whole, np.int64)}
    )
    write_table(table, path)
    back = read_table(path)
    assert back["s"].tolist() == list(texts)
    np.testing.assert_array_equal(back["f"], floats)
    assert back["i"].tolist() == list(whole)


def test_a_table_without_rows_keeps_its_columns(tmp_path):
    table = Table({"label": np.array([], int), "x": np.array([]), "s": np.array([], object)})
    for suffix in ("csv", "parquet"):
        write_table(table, tmp_path / f"a.{suffix}")
        back = read_table(tmp_path / f"a.{suffix}")
        assert (list(back), len(back)) == (["label", "x", "s"], 0)


def test_parts_are_stacked_in_the_given_order(tmp_path):
    parts = []
    for i in (2, 0, 1):
        columns = {"unit": np.full(3, i), "x": np.arange(3) / 2}
        if i == 0:
            columns["area_um2"] = np.array([1.5, np.nan, 2.5])
        parts.append(tmp_path / f"{i}.parquet")
        write_table(Table(columns), parts[-1])
    stack_parquet(parts, tmp_path / "all.parquet", kind="parquet")
    back = read_table(tmp_path / "all.parquet")
    assert back["unit"].tolist() == [2, 2, 2, 0, 0, 0, 1, 1, 1]
    assert list(back) == ["unit", "x", "area_um2"]
    np.testing.assert_array_equal(back["area_um2"][[0, 3, 4]], [np.nan, 1.5, np.nan])


def test_many_parts_are_stacked_by_groups_with_the_same_result(tmp_path, monkeypatch):
    parts = []
    for i in range(11):
        columns = {"unit": np.full(2, i), "text": np.array([None, None], object)}
        if i % 4 == 3:
            columns |= {"text": np.array(["a", None], object), "late": np.array([i / 2, np.nan])}
        parts.append(tmp_path / f"{i}.parquet")
        write_table(Table(columns), parts[-1])
    stack_parquet(parts, tmp_path / "at once.parquet", kind="parquet")
    monkeypatch.setattr("fatescope.storage.columns._AT_ONCE", 3)
    stack_parquet(parts, tmp_path / "by groups.parquet", kind="parquet")
    at_once, groups = (read_table(tmp_path / f"{n}.parquet") for n in ("at once", "by groups"))
    assert list(at_once) == list(groups) == ["unit", "text", "late"]
    for name in at_once:
        np.testing.assert_array_equal(at_once[name], groups[name])
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name[0].isdigit()) == (
        ["at once.parquet", "by groups.parquet"]
    )


READ = {
    # bytes, what the columns become
    "bom": ("\ufeffa,b\n1,x\n".encode(), {"a": [1], "b": ["x"]}),
    "utf-16": ("a,b\n1,µ\n".encode("utf-16"), {"a": [1], "b": ["µ"]}),
    "semicolon": (b"a;b\n1;2,5\n", {"a": [1], "b": ["2,5"]}),
    "tab": (b"a\tb\n1\t2.5\n", {"a": [1], "b": [2.5]}),
    "windows lines": (b"a,b\r\n1,2\r\n", {"a": [1], "b": [2]}),
    "leading zeros are text": (b"well,n\n01,1\n02,2\n", {"well": ["01", "02"], "n": [1, 2]}),
    "0.5 is a number": (b"a\n0.5\n-0.25\n0\n", {"a": [0.5, -0.25, 0.0]}),
    "missing": (b"a,b\n1,\n,x\n", {"a": [1.0, None], "b": [None, "x"]}),
    "last line open": (b"a\n1", {"a": [1]}),
    "only a header": (b"a,b\n", {"a": [], "b": []}),
}


@pytest.mark.parametrize("case", READ.values(), ids=READ.keys())
def test_csv_of_many_kinds_is_read(tmp_path, case):
    data, wanted = case
    (tmp_path / "a.csv").write_bytes(data)
    back = read_table(tmp_path / "a.csv")
    got = {n: [None if v != v else v for v in c.tolist()] for n, c in back.columns.items()}
    assert got == wanted


UNREADABLE = {
    "empty": (b"", r"a\.csv: is empty"),
    "latin-1": ("a\nµ\n".encode("latin-1"), r"a\.csv: is not UTF-8 text \(byte 2\)"),
    "long row": (b"a,b\n1,2\n1,2,3\n", r"row 3 has 3 values.*2 columns"),
    "same name twice": (b"a,b,a\n1,2,3\n", r"two columns named 'a'"),
    "a column without name": (b"a,\n1,2\n", r"a column without a name"),
}


@pytest.mark.parametrize("case", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_csv_that_cannot_be_read_is_explained(tmp_path, case):
    data, message = case
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(FileFormatError, match=message):
        read_table(tmp_path / "a.csv")


def test_other_faults_are_sentences(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(FileFormatError, match=r"a\.parquet: is a damaged Parquet"):
        read_table(tmp_path / "a.parquet")
    with pytest.raises(FileFormatError, match=r"no such file"):
        read_table(tmp_path / "gone.csv")
    with pytest.raises(InputError, match=r"ends in \.csv or \.parquet"):
        write_table(TABLE, tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="without columns"):
        write_table(Table(), tmp_path / "a.csv")
    with pytest.raises(InputError, match="'z' has type complex128"):
        write_table(Table({"z": np.array([1j])}), tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["1", "1e3", "2024", "nan", "1.50", "-7"])
def test_an_image_called_like_a_number_keeps_its_name(tmp_path, name):
    (tmp_path / "t.csv").write_text(f"image,frame,well\n{name},0,{name}\n", encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    assert table["image"].tolist() == [name] == table["well"].tolist()
    assert table["frame"].tolist() == [0]
