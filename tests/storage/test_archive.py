"""A zip comes back whole, within bounds, and is refused where it could leave its folder."""

import stat
import zipfile

import pytest

from fatescope.base import FileFormatError
from fatescope.storage import Bounds, stays_inside, unpack_zip, write_zip

ROOM = Bounds(files=10, bytes=10**6, flat=False, what="data")
FILES = {"b/x.csv": b"a,b\n1,2\n", "a.tif": bytes(5000), "b/.zattrs": b"{}"}


def contents(files):
    return {name: (lambda data=data: iter((data[:3], data[3:]))) for name, data in files.items()}


def test_files_come_back_and_the_same_files_give_the_same_bytes(tmp_path):
    sums = write_zip(tmp_path / "1.zip", contents(FILES))
    write_zip(tmp_path / "2.zip", contents(dict(reversed(FILES.items()))))
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    (tmp_path / "out").mkdir()
    assert unpack_zip(tmp_path / "1.zip", ROOM, tmp_path / "out") == 3
    assert {n: (tmp_path / "out" / n).read_bytes() for n in FILES} == FILES
    assert (tmp_path / "out" / "SHA256SUMS").read_text() == sums
    assert sums.splitlines()[0].endswith("  a.tif")


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/x", "a/../../x", "a\\x", "C:x", "a//x", "..", "a/./x", "a\nx", "a/ . /x"],
)
def test_names_that_leave_their_folder_are_known_and_refused(tmp_path, name):
    assert not stays_inside(name)
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(name, b"x")
        archive.writestr("SHA256SUMS", b"")
    (tmp_path / "out").mkdir()
    with pytest.raises(FileFormatError):
        unpack_zip(tmp_path / "z.zip", ROOM, tmp_path / "out")
    assert [p for p in tmp_path.rglob("*") if p.name not in ("z.zip", "out")] == []


def test_plain_names_stay_inside():
    for name in ("a", "a/b.tif", ".zattrs", "a b/ü.csv", "...x"):
        assert stays_inside(name), name


def hostile(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return path


def test_a_link_a_name_twice_and_too_much_are_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for entries, said in (
        ([(link, b"/etc/passwd")], "is a link"),
        ([("a", b""), ("A", b"")], "there twice"),
        ([("a", bytes(2 * 10**6))], "data is smaller"),
        ([(str(i), b"") for i in range(11)], "more than 10 files"),
    ):
        path = hostile(tmp_path / "z.zip", entries)
        with pytest.raises(FileFormatError, match=said):
            unpack_zip(path, ROOM, None)


def test_a_size_that_is_a_lie_does_not_inflate(tmp_path):
    path = hostile(tmp_path / "z.zip", [("a", bytes(2 * 10**6))])
    data = path.read_bytes()
    size = (2 * 10**6).to_bytes(4, "little")
    path.write_bytes(data.replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(FileFormatError):
        unpack_zip(path, ROOM, None)


@pytest.mark.parametrize("change", ["other", "gone", "more", "no sums"])
def test_another_content_is_a_wrong_hash(tmp_path, change):
    write_zip(tmp_path / "1.zip", contents(FILES))
    with zipfile.ZipFile(tmp_path / "1.zip") as archive:
        entries = {n: archive.read(n) for n in archive.namelist()}
    if change == "other":
        entries["b/x.csv"] = b"a,b\n1,3\n"
    elif change == "more":
        entries["c"] = b""
    else:
        del entries["SHA256SUMS" if change == "no sums" else "a.tif"]
    path = hostile(tmp_path / "2.zip", entries.items())
    with pytest.raises(FileFormatError, match=r"wrong hash of|SHA256SUMS is missing"):
        unpack_zip(path, ROOM, None)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip"])
def test_what_is_no_zip_is_one_sentence(tmp_path, content):
    (tmp_path / "z.zip").write_bytes(content)
    with pytest.raises(FileFormatError, match="not a readable zip file"):
        unpack_zip(tmp_path / "z.zip", ROOM, None)
