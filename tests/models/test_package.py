import io
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.hand_built import disc_network, disc_package, run_reference

from fatescope.base import ModelError
from fatescope.models import (
    ModelDescription,
    check_model,
    load_model,
    read_package,
    write_package,
    zip_package,
)


@pytest.fixture
def package(tmp_path):
    return disc_package(tmp_path / "discs")


def test_a_package_reads_back_what_was_written(package):
    again = read_package(package.source)
    assert again.description == package.description
    assert again.sha256 == package.sha256
    assert again.description.name == "discs"
    assert again.tensor("test_input.npy").shape == (1, 1, 64, 64)


def test_folder_and_zip_have_one_content_hash_and_the_zip_is_reproducible(package, tmp_path):
    one = zip_package(package, tmp_path / "a.zip")
    two = zip_package(package, tmp_path / "b.zip")
    assert one.read_bytes() == two.read_bytes()
    assert read_package(one).sha256 == package.sha256


def test_the_content_hash_is_that_of_the_sorted_lines(package):
    import hashlib

    lines = sorted(
        (p.name, hashlib.sha256(p.read_bytes()).hexdigest())
        for p in package.source.iterdir()
        if p.name != "SHA256SUMS"
    )
    text = "".join(f"{digest}  {name}\n" for name, digest in lines)
    assert hashlib.sha256(text.encode()).hexdigest() == package.sha256


def test_another_threshold_is_another_hash(package, tmp_path):
    other = disc_package(tmp_path / "other", thresholds={"core": 0.3})
    assert other.sha256 != package.sha256


def test_the_runtime_agrees_with_onnx_and_does_not_depend_on_batch_or_threads(package):
    rng = np.random.default_rng(3)
    batch = rng.random((3, 1, 64, 96), dtype=np.float32)
    maps = load_model(package.source).run(batch)
    np.testing.assert_allclose(maps, run_reference(disc_network(), batch), atol=1e-4)
    one_by_one = np.concatenate([load_model(package.source).run(b[None]) for b in batch])
    assert (maps == one_by_one).all()
    assert (maps == load_model(package.source, threads=2).run(batch)).all()
    model = load_model(package.source)
    model.run(rng.random((1, 1, 128, 32), dtype=np.float32))  # nor on what it saw before
    assert (maps == model.run(batch)).all()


def test_threads_that_share_a_model_get_their_own_answers():
    rng = np.random.default_rng(4)
    batches = [rng.random((1, 5, 64 + 16 * k, 96), dtype=np.float32) for k in range(8)] * 4
    model = load_model("membrane", precision="fp32")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(model.run, batches))
    for batch, maps in zip(batches, found, strict=True):
        np.testing.assert_array_equal(maps, model.run(batch))


def test_the_check_passes_and_notices_a_wrong_network(package, tmp_path):
    assert check_model(package.source).passed
    wrong = write_package(
        tmp_path / "wrong",
        description=package.description,
        files={"model.onnx": disc_network(radius=2)},
        test_input=package.tensor("test_input.npy"),
        test_output=package.tensor("test_output.npy"),
        card="# wrong\n",
    )
    assert not check_model(wrong.source).passed


@pytest.mark.parametrize("file", ["rdf.yaml", "model.onnx", "card.md", "SHA256SUMS"])
def test_a_changed_file_is_named(package, file):
    path = package.source / file
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ModelError, match=rf"wrong hash of {file}.*get it again"):
        load_model(package.source)


def test_the_hash_that_a_caller_expects_is_compared(package):
    assert load_model(package.source, sha256=package.sha256).sha256 == package.sha256
    with pytest.raises(ModelError, match=r"content hash .* was expected"):
        load_model(package.source, sha256="0" * 64)


def test_missing_and_extra_files_are_refused(package):
    (package.source / "setup.py").write_text("print('hello')\n")
    with pytest.raises(ModelError, match=r"'setup.py' may not be in a package"):
        read_package(package.source)
    (package.source / "setup.py").unlink()
    (package.source / "card.md").unlink()
    with pytest.raises(ModelError, match=r"card\.md missing"):
        read_package(package.source)


def test_a_link_in_a_folder_is_refused(package, tmp_path):
    card = package.source / "card.md"
    card.rename(tmp_path / "card.md")
    card.symlink_to(tmp_path / "card.md")
    with pytest.raises(ModelError, match=r"'card.md' is a link or a folder"):
        read_package(package.source)


def _zip_with(path: Path, package, extra) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in package.files.items():
            archive.writestr(name, data)
        for info, data in extra:
            archive.writestr(info, data)
    return path


@pytest.mark.parametrize("name", ["../evil.md", "/etc/evil.md", "a\\..\\evil.md", "C:evil.md"])
def test_a_zip_that_leaves_its_folder_is_refused(package, tmp_path, name):
    path = _zip_with(tmp_path / "z.zip", package, [(name, b"x")])
    with pytest.raises(ModelError, match="leaves the package's folder"):
        read_package(path)


def test_a_zip_with_a_link_is_refused(package, tmp_path):
    info = zipfile.ZipInfo("more.md")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = _zip_with(tmp_path / "z.zip", package, [(info, b"/etc/passwd")])
    with pytest.raises(ModelError, match="is a link"):
        read_package(path)


def test_a_zip_that_inflates_beyond_bounds_is_refused_before_it_does(tmp_path, monkeypatch):
    monkeypatch.setattr("fatescope.models.package.MAX_BYTES", 10**6)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", b"\0" * 10**7)
    assert path.stat().st_size < 10**5
    with pytest.raises(ModelError, match="a model package is smaller"):
        read_package(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_is_refused(package, tmp_path):
    path = _zip_with(tmp_path / "z.zip", package, [("card.md", b"other")])
    with pytest.raises(ModelError, match="there twice"):
        read_package(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"not a zip"])
def test_a_broken_zip_is_one_sentence(tmp_path, content):
    path = tmp_path / "m.zip"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a readable zip file"):
        read_package(path)


def test_a_truncated_zip_is_one_sentence(package, tmp_path):
    path = zip_package(package, tmp_path / "m.zip")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError, match="not a readable zip file"):
        read_package(path)


def test_a_pickled_array_is_not_read(package, tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    package.files["test_input.npy"] = stream.getvalue()
    with pytest.raises(ModelError, match="no array"):
        package.tensor("test_input.npy")


def test_a_network_that_points_outside_is_refused(package, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(disc_network())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../secret"
    bad = write_package(
        tmp_path / "bad",
        description=package.description,
        files={"model.onnx": model.SerializeToString()},
        test_input=package.tensor("test_input.npy"),
        test_output=package.tensor("test_output.npy"),
        card="# bad\n",
    )
    with pytest.raises(ModelError, match="points to data outside"):
        load_model(bad.source)


def test_an_unknown_name_lists_what_there_is(tmp_path):
    with pytest.raises(ModelError, match=r"there is no model 'nothing'.*shipped names"):
        load_model("nothing")


def test_a_description_of_a_later_version_is_refused():
    from fatescope.models.description import description_from_rdf

    rdf = {"type": "model", "format_version": "0.5.4", "config": {"fatescope": {}}}
    rdf["config"]["fatescope"] = {"schema_version": 99}
    with pytest.raises(ModelError, match="Update fatescope"):
        description_from_rdf(rdf)
    rdf["config"]["fatescope"] = {"name": "a", "summary": "b", "divisor": -1}
    with pytest.raises(ModelError, match=r"input\.image\.tiling = .* multiple of divisor"):
        description_from_rdf(rdf)


def test_a_failed_write_leaves_nothing_at_the_target(tmp_path):
    description = ModelDescription(name="a", summary="b")
    with pytest.raises(ModelError, match=r"'run.sh' may not be in a package"):
        write_package(
            tmp_path / "p",
            description=description,
            files={"model.onnx": b"", "run.sh": b""},
            test_input=np.zeros((1, 1, 64, 64), np.float32),
            test_output=np.zeros((1, 3, 64, 64), np.float32),
            card="",
        )
    assert list(tmp_path.iterdir()) == []
