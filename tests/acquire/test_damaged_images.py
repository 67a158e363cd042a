"""Damaged images are read or refused in a sentence, and never in more memory than they deserve.

FATESCOPE_MUTATIONS is the number of damaged copies of each format; FATESCOPE_SEED another seed.
"""

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from tests.acquire import microscope_files
from tests.acquire.damage import WHOLE
from tests.acquire.image_files import imagej_tiff, plain_tiff, png_bytes, ramp

from fatescope.acquire import read_image
from fatescope.acquire.images.single import list_scenes
from fatescope.base import FileFormatError, InputError

BUDGET = int(os.environ.get("FATESCOPE_MUTATIONS", "20"))
SEED = int(os.environ.get("FATESCOPE_SEED", "19"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
@pytest.mark.parametrize("suffix", sorted({Path(name).suffix for name in WHOLE}))
def test_no_damage_ends_as_a_bug_a_log_line_or_a_large_allocation(suffix):
    names = [name for name in WHOLE if name.endswith(suffix)]
    asked = {"names": names, "seed": SEED, "first": 0, "n": BUDGET}
    script = Path(__file__).with_name("damage.py")
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(asked)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
    assert done.stderr == ""


def patched_tag(path: Path, code: int, value: int) -> None:
    """Overwrite the value of a tag of the first page."""
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages[0].tags[code]
        at, size = tag.valueoffset, {3: 2, 4: 4}[tag.dtype]
    content = bytearray(path.read_bytes())
    content[at : at + size] = value.to_bytes(size, "little")
    path.write_bytes(content)


def test_a_tile_without_width_is_refused(tmp_path):
    path = plain_tiff(tmp_path / "a.tif", ramp(60, 70), tile=(32, 32), compression="zlib")
    patched_tag(path, 322, 0)
    with pytest.raises(FileFormatError, match=r"a\.tif: stores strips or tiles of 0 x 70"):
        read_image(path).read()


@pytest.mark.parametrize("code", [256, 257], ids=["width", "height"])
def test_more_tiles_than_the_table_lists_are_refused(tmp_path, code):
    path = plain_tiff(tmp_path / "a.tif", ramp(60, 70), tile=(32, 32), compression="zlib")
    patched_tag(path, code, 7000)
    with pytest.raises(FileFormatError, match=r"tables hold 6 places and 6 sizes"):
        read_image(path)


@pytest.mark.parametrize("compression", [None, "lzw", "zlib", "zstd"])
def test_a_strip_that_cannot_be_in_its_bytes_is_not_allocated(tmp_path, compression):
    path = plain_tiff(tmp_path / "a.tif", ramp(60, 70), compression=compression)
    patched_tag(path, 256, 2**31 - 1)
    with pytest.raises(FileFormatError, match=r"a\.tif: .*announce"):
        read_image(path).read()


def png_of(width: int, height: int, content: bytes) -> bytes:
    """Put another size into a PNG, with a right checksum."""
    head = content[12:16] + struct.pack(">II", width, height) + content[24:29]
    return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]


@pytest.mark.parametrize("size", [(4 * 10**9, 60), (70, 2 * 10**9), (10**6, 10**6)])
def test_a_png_header_that_announces_gigabytes_is_refused(tmp_path, size):
    path = tmp_path / "a.png"
    path.write_bytes(png_of(*size, png_bytes(ramp(60, 70, dtype="uint8"))))
    with pytest.raises(FileFormatError, match=r"a\.png: announces .* GB .* cannot hold"):
        read_image(path)


def test_a_png_whose_checksum_of_pixels_is_wrong_is_refused(tmp_path):
    content = bytearray(png_bytes(ramp(60, 70, dtype="uint8")))
    at = content.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", content[at - 8 : at - 4])
    content[at + length - 1] ^= 1
    content[at + length : at + length + 4] = struct.pack(
        ">I", zlib.crc32(bytes(content[at - 4 : at + length]))
    )
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.png: is not a complete PNG file"):
        read_image(tmp_path / "a.png").read()


def test_a_jpeg_header_that_announces_gigabytes_is_refused(tmp_path):
    WHOLE["grey.jpg"](tmp_path / "a.jpg")
    content = bytearray((tmp_path / "a.jpg").read_bytes())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.jpg: announces 4\.29 GB"):
        read_image(tmp_path / "a.jpg")


def test_imagej_frames_that_are_not_there_are_refused(tmp_path):
    path = imagej_tiff(tmp_path / "a.tif", ramp(4, 40, 50), "TYX")
    content = path.read_bytes().replace(b"images=4\nframes=4", b"images=9\nframes=9")
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"a\.tif: "):
        read_image(path).read()


CHUNKS = [
    # shape, chunks, what the sentence says
    ([3, 10**9, 10**9], [1, 10**9, 10**9], r"announces 2e\+09 GB"),
    ([10**12, 60, 70], [1, 32, 32], "announces 1000000000000 x 60 x 70"),
    ([3, 20000, 20000], [1, 20000, 20000], "chunk 0/0/0: announces 0.8 GB"),
    ([3, 60, 70], [1, 0, 32], r"chunks of shape \(1, 0, 32\)"),
]


@pytest.mark.parametrize("name", ["ome 0.4.zarr", "ome 0.5.zarr"])
@pytest.mark.parametrize(("shape", "chunks", "message"), CHUNKS)
def test_zarr_metadata_that_announce_too_much_are_refused(tmp_path, name, shape, chunks, message):
    path = tmp_path / name
    WHOLE[name](path)
    about = path / "0" / (".zarray" if "0.4" in name else "zarr.json")
    content = json.loads(about.read_text())
    content["shape"] = shape
    if "0.4" in name:
        content["chunks"] = chunks
    else:
        content["chunk_grid"]["configuration"]["chunk_shape"] = chunks
    about.write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match=message):
        read_image(path)


def test_a_chunk_that_is_not_stored_is_read_as_the_fill_value(tmp_path):
    path = tmp_path / "ome 0.5.zarr"
    WHOLE[path.name](path)
    before = read_image(path).read()
    (path / "0" / "c" / "1" / "0" / "1").unlink()
    after = read_image(path).read()
    assert (after[1, :32, 32:64] == 0).all()
    after[1, :32, 32:64] = before[1, :32, 32:64]
    np.testing.assert_array_equal(after, before)


def test_a_blosc_chunk_that_was_cut_is_refused_and_not_given_to_blosc(tmp_path):
    """Blosc reads past the end of such a chunk, which ended the process."""
    path = tmp_path / "ome 0.4.zarr"
    WHOLE[path.name](path)
    chunk = path / "0" / "1.1.1"
    chunk.write_bytes(chunk.read_bytes()[:-40])
    with pytest.raises(FileFormatError, match=r"chunk 1/1/1 is damaged \(it was cut or changed\)"):
        read_image(path).read()


def test_a_part_larger_than_the_memory_is_refused_before_it_is_allocated(tmp_path):
    path = tmp_path / "ome 0.5.zarr"
    WHOLE[path.name](path)
    about = path / "0" / "zarr.json"
    about.write_text(about.read_text().replace("60,", "600000,").replace("70", "700000"))
    image = read_image(path)
    assert image.read(Z=0, Y=slice(0, 9), X=slice(0, 9)).shape == (9, 9)
    with pytest.raises(InputError, match="GB of pixels are asked for at once"):
        image.read(Z=0)


def test_a_directory_of_more_planes_than_the_file_has_room_for_is_refused(tmp_path):
    """Channel numbers near 10^7 were gone through one by one, for more than 5 s."""
    pytest.importorskip("pylibCZIrw")
    path = microscope_files.czi(tmp_path / "a.czi", microscope_files.numbers(2, 1, 2, 40, 50))
    content = bytearray(path.read_bytes())
    at = content.index(b"C\0\0\0", content.rindex(b"ZISRAWDIRECTORY")) + 4
    content[at : at + 4] = struct.pack("<i", 10**7)
    path.write_bytes(content)
    with pytest.raises(
        FileFormatError, match=r"a\.czi: announces 10000001 images along the axis C"
    ):
        list_scenes(path)


def test_a_plane_of_an_oib_file_that_announces_gigabytes_is_not_allocated(tmp_path):
    pytest.importorskip("oiffile")
    path = microscope_files.oib(tmp_path / "a.oib", microscope_files.numbers(2, 3, 40, 50))
    content = bytearray(path.read_bytes())
    places = [i for i in range(len(content) - 4) if content[i : i + 4] == b"II*\0"]
    at = places[-1]  # the last plane; its height is the second entry of its directory
    first = at + struct.unpack_from("<I", content, at + 4)[0]
    entries = range(first + 2, first + 2 + 12 * struct.unpack_from("<H", content, first)[0], 12)
    (height,) = [e for e in entries if struct.unpack_from("<H", content, e)[0] == 257]
    content[height + 2 : height + 12] = struct.pack("<HII", 4, 1, 2**31)
    path.write_bytes(content)
    image = read_image(path)
    with pytest.raises(FileFormatError, match=r"a\.oib: announces"):
        image.read()


@pytest.mark.parametrize(
    ("at", "kind", "value"),
    [(0, "<i", 2**30), (0, "<i", -5), (4, "<i", 2**30), (8, "<q", 2**40), (8, "<q", 100)],
    ids=["metadata", "negative", "attachment", "pixels", "too few"],
)
def test_a_block_of_a_czi_that_cannot_be_is_refused_before_memory_is_asked_for(
    tmp_path, at, kind, value
):
    pytest.importorskip("pylibCZIrw")
    pixels = np.arange(2 * 2 * 30 * 40, dtype=np.uint16).reshape(2, 1, 2, 30, 40)
    path = microscope_files.czi(tmp_path / "a.czi", pixels)
    content = bytearray(path.read_bytes())
    struct.pack_into(kind, content, content.index(b"ZISRAWSUBBLOCK") + 32 + at, value)
    path.write_bytes(content)
    image = read_image(path)
    with pytest.raises(FileFormatError, match=r"a\.czi: plane T 0, C 0, Z 0 is damaged: it claims"):
        image.read()
    np.testing.assert_array_equal(image.read(T=1, Z=1), pixels[1, 0, 1])  # the others are whole
