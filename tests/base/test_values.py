import numpy as np
import pytest

from fatescope.base import (
    Execution,
    Finding,
    Image,
    InputError,
    Length,
    Lineage,
    Settings,
    SettingsError,
    Spacing,
    Table,
    check_axes,
    check_label_image,
    check_spacing,
    parse_axes,
    parse_bytes,
    setting,
)


@pytest.mark.parametrize(("text", "axes"), [("yx", "YX"), (" TZCYX", "TZCYX"), ("YXS", "YXC")])
def test_axes_are_read_as_a_user_writes_them(text, axes):
    assert parse_axes(text) == axes


@pytest.mark.parametrize(
    ("text", "message"),
    [("QYX", "contain Q"), ("YYX", "twice"), ("TX", "lack Y or X")],
)
def test_impossible_axes_are_refused_with_the_reason(text, message):
    with pytest.raises(InputError, match=message):
        parse_axes(text)


def test_axes_must_be_sorted_and_fit_the_shape():
    check_axes("TYX", (3, 4, 5))
    with pytest.raises(InputError, match="not in the order"):
        check_axes("ZTYX", (1, 2, 3, 4))
    with pytest.raises(InputError, match="name 2 axes"):
        check_axes("YX", (1, 2, 3))


def test_an_unknown_step_stays_unknown():
    spacing = Spacing.of(source="file", Y=0.2, X=0.2, T=None)
    assert spacing.um("YX") == (0.2, 0.2)
    assert spacing.um("ZYX") is None
    assert spacing.interval_min is None


def test_what_the_user_says_replaces_what_the_file_says():
    both = Spacing.of(source="file", Y=1.0, X=1.0, T=2.0).replaced_by(
        Spacing.of(source="user", Y=0.5, X=0.5)
    )
    assert both.as_record()["X"] == {"value": 0.5, "unit": "µm", "source": "user"}
    assert both.interval_min == 2.0


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_step_must_be_positive(value):
    with pytest.raises(InputError, match="positive"):
        Length(value, "user")


class Watched:
    """Pixels that remember what was read."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.keys = array, array.shape, array.dtype, []

    def __getitem__(self, key):
        self.keys.append(key)
        return self.array[key]


def test_an_image_reads_what_is_sliced_and_nothing_else():
    pixels = Watched(np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5))
    image = Image(pixels=pixels, axes="TCYX", channels=("a", "b", "c"))
    assert pixels.keys == []
    part = image.read(T=1, C=2, Y=slice(0, 2), Z=0)
    np.testing.assert_array_equal(part, pixels.array[1, 2, :2])
    assert part.dtype == np.uint16
    assert len(pixels.keys) == 1


def test_an_image_names_what_it_cannot_read():
    image = Image(pixels=np.zeros((2, 4, 5)), axes="TYX", name="a.tif")
    with pytest.raises(InputError, match=r"a\.tif.*no Z = 3"):
        image.read(Z=3)
    with pytest.raises(InputError, match="2 along T; 2 is outside"):
        image.read(T=2)
    with pytest.raises(InputError, match="channel names"):
        Image(pixels=np.zeros((2, 4, 5)), axes="CYX", channels=("one",))


def test_a_finding_speaks_the_vocabulary():
    finding = Finding(file="a.tif", rule="empty", reason="No pixels.", severity="error")
    assert list(finding.as_row()) == [
        *("file", "frame", "object", "rule", "value", "limit", "severity", "status", "reason")
    ]
    with pytest.raises(InputError, match="not a rule"):
        Finding(file="a.tif", rule="ugly", reason="", severity="info")


class Threshold(Settings):
    """Two settings for these tests."""

    level: float = setting(0.5, "limit", unit="px", gt=0, lt=1)
    name: str = setting("otsu", "method")


def test_settings_name_every_fault_at_once():
    with pytest.raises(SettingsError, match=r"level = 3.*less than 1; nmae is not a setting"):
        Threshold.from_values({"level": 3, "nmae": "x"})


def test_settings_are_frozen_and_show_only_what_is_unusual():
    settings = Threshold(level=0.25)
    assert repr(settings) == "Threshold(level=0.25)"
    assert settings.replace(name="mean").level == 0.25
    with pytest.raises(ValueError, match="frozen"):
        settings.level = 0.3
    with pytest.raises(SettingsError, match="greater than 0"):
        settings.replace(level=-1)


@pytest.mark.parametrize(
    ("text", "size"), [("2GB", 2e9), ("500 MB", 5e8), ("1.5g", 1.5e9), ("10", 10)]
)
def test_memory_is_read_with_its_unit(text, size):
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "much", "-1GB", "0"])
def test_memory_that_is_no_size_is_refused(text):
    with pytest.raises(SettingsError, match="not a size"):
        Execution.from_values({"memory": text})


def test_a_table_keeps_its_columns_together():
    table = Table({"label": np.array([1, 2]), "area_px": np.array([3, 4])})
    assert table.rows(np.array([False, True]))["area_px"].tolist() == [4]
    assert len(Table.concatenate([table, Table(), table])) == 4
    with pytest.raises(InputError, match="no column 'x'"):
        table["x"]
    with pytest.raises(InputError, match="one length"):
        Table({"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(InputError, match="cannot be stacked"):
        Table.concatenate([table, Table({"label": np.array([1])})])


def lineage(**changes):
    values = {
        "frame": np.array([0, 1, 1]),
        "position": np.zeros((3, 3)),
        "parent": np.array([-1, 0, 0]),
        "name": np.array(["P0", "AB", "P1"], dtype=object),
        "radius_px": np.full(3, np.nan),
    }
    return Lineage(**{**values, **changes})


def test_a_lineage_has_no_cycles():
    assert len(lineage()) == 3
    with pytest.raises(InputError, match="cycles are not lineages"):
        lineage(parent=np.array([1, 0, 0]))
    with pytest.raises(InputError, match="outside its rows"):
        lineage(parent=np.array([-1, 0, 7]))
    with pytest.raises(InputError, match=r"`position`.*\(3, 3\)"):
        lineage(position=np.zeros((3, 2)))


def test_positions_in_um_need_a_spacing():
    with pytest.raises(InputError, match="--spacing-um"):
        lineage().position_um()
    known = lineage(
        position=np.ones((3, 3)), spacing=Spacing.of(source="user", Z=1.0, Y=0.5, X=0.1)
    )
    np.testing.assert_allclose(known.position_um()[0], [1.0, 0.5, 0.1])


def test_label_images_hold_whole_numbers():
    check_label_image(np.zeros((2, 2), np.uint8), name="labels")
    with pytest.raises(InputError, match="whole numbers"):
        check_label_image(np.zeros((2, 2)), name="labels")
    with pytest.raises(InputError, match="negative"):
        check_label_image(np.array([[-1, 0]]), name="labels")
    with pytest.raises(InputError, match=r"spacing_um.*2 positive"):
        check_spacing((1.0,), shape=(3, 3), name="spacing_um")


def test_an_error_is_one_line_whatever_it_quotes():
    said = str(InputError("column 't\x0bme' of 'a\nb', naïve µm"))
    assert said == r"column 't\x0bme' of 'a\nb', naïve µm"
