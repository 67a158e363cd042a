import json

import pytest
from tests.hand_built import disc_network, disc_package
from typer.testing import CliRunner

from fatescope.base import ModelError
from fatescope.cli.groups import app
from fatescope.cli.main import load_commands
from fatescope.models import (
    check_model,
    export_model,
    import_model,
    read_package,
    write_package,
    zip_package,
)

load_commands()


@pytest.fixture
def package(tmp_path):
    return disc_package(tmp_path / "discs")


def run(*words: object):
    return CliRunner().invoke(app, ["models", *(str(w) for w in words)])


def test_out_as_zip_and_in_again_is_the_same_package(package, tmp_path):
    exported = export_model(package.source, tmp_path / "a.zip")
    imported = import_model(tmp_path / "a.zip", tmp_path / "again")
    assert exported.sha256 == imported.sha256 == package.sha256
    assert (tmp_path / "again" / "rdf.yaml").is_file()
    with pytest.raises(ModelError, match="exists"):
        export_model(package.source, tmp_path / "a.zip")
    with pytest.raises(ModelError, match="not empty"):
        import_model(tmp_path / "a.zip", tmp_path / "again")


def test_an_onnx_file_with_a_sidecar_becomes_a_package(tmp_path):
    (tmp_path / "net.onnx").write_bytes(disc_network())
    (tmp_path / "net.toml").write_text(
        'name = "mine"\nsummary = "Discs."\ndiameter_px = 20\ntile_px = 256\n'
        'modality = "fluorescence"\n[thresholds]\ncore = 0.4\n'
    )
    package = import_model(tmp_path / "net.onnx", tmp_path / "mine")
    assert package.description.image.diameter_px == 20
    assert package.description.instances.thresholds.core == 0.4
    assert check_model(package.source).passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"net\.onnx: the sidecar of net\.onnx is missing. Write net\.toml"),
        ("name = ", "sidecar"),
        ('name = "a"\n', "summary must be given"),
        ('name = "a"\nsummary = "b"\nsize = 3\n', "size is not a setting"),
        ('name = "a"\nsummary = "b"\noutputs = ["foreground"]\n', r"not 1 maps \(foreground\)"),
    ],
)
def test_a_sidecar_that_does_not_do_is_a_sentence(tmp_path, text, message):
    (tmp_path / "net.onnx").write_bytes(disc_network())
    if text is not None:
        (tmp_path / "net.toml").write_text(text)
    with pytest.raises(ModelError, match=message):
        import_model(tmp_path / "net.onnx", tmp_path / "mine")


def test_a_file_that_is_no_network_is_a_sentence(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"hello")
    (tmp_path / "net.toml").write_text('name = "a"\nsummary = "b"\n')
    with pytest.raises(ModelError, match="no readable network"):
        import_model(tmp_path / "net.onnx", tmp_path / "mine")


def test_the_commands_answer_in_json_with_the_keys_of_the_contract(package, tmp_path):
    listed = run("list", "--json")
    assert listed.exit_code == 0
    answer = json.loads(listed.stdout)
    assert "classical" in {m["name"] for m in answer["models"]}
    assert {"command", "out", "units_done", "units_failed", "findings"} <= set(answer)
    shown = json.loads(run("show", package.source, "--json").stdout)
    assert shown["models"][0]["input"]["diameter_px"] == 22
    out = tmp_path / "x.zip"
    exported = json.loads(run("export", package.source, "--out", out, "--json").stdout)
    assert exported["models"][0]["sha256"] == package.sha256
    assert run("import", out, "--out", tmp_path / "y").exit_code == 0


@pytest.mark.slow
def test_check_ends_with_1_where_one_of_two_fails_and_2_where_all_do(package, tmp_path):
    wrong = write_package(
        tmp_path / "wrong",
        description=package.description,
        files={"model.onnx": disc_network(radius=2)},
        test_input=package.tensor("test_input.npy"),
        test_output=package.tensor("test_output.npy"),
        card="",
    )
    assert run("check", package.source).exit_code == 0
    both = run("check", package.source, wrong.source)
    assert both.exit_code == 1
    assert "differs" in both.stderr
    assert run("check", wrong.source).exit_code == 2


def test_a_damaged_package_is_one_line_and_exit_code_2(package, tmp_path):
    path = zip_package(read_package(package.source), tmp_path / "m.zip")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    result = run("show", path)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.strip().splitlines()) == 1
