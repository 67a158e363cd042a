import tomllib

from fatescope.pages.settings import channel_sentence, settings_toml


def test_the_settings_of_a_run_are_toml_whatever_they_hold():
    given = {
        "model": 'a "quoted" µ\\model\x7f',
        "dead_from": 0.5,
        "link": False,
        "spacing_um": [1.0, 0.5],
        "channel": None,
        "size": {"diameter_px": 12},
        "excluded": ["('a', 1)"],
    }
    text = settings_toml({"settings": given})
    read = tomllib.loads(text)
    known = {k: given[k] for k in ("model", "dead_from", "link", "spacing_um")}
    assert read == {**known, "diameter_px": 12}
    assert "# channel is not set" in text.splitlines()


def test_a_run_in_which_nothing_was_set_has_settings_to_copy_too():
    text = settings_toml({"settings": {"axes": None, "spacing_um": None}})
    assert text.splitlines() == ["# axes is not set", "# spacing_um is not set"]
    assert tomllib.loads(text) == {}
    assert settings_toml({"settings": {}}) == settings_toml({}) == ""


def test_the_channel_of_several_is_named_by_number_and_name():
    one = {"state": "done", "axes": "CYX", "shape": [3, 8, 8], "channels": ["BF", "GFP", "DAPI"]}
    record = {"inputs": [{**one, "channel": 2}, {**one, "channels": [], "channel": 1}]}
    assert "channel 2 (DAPI) or channel 1 was" in channel_sentence(record)


def test_nothing_is_said_of_a_channel_where_there_is_only_one():
    grey = {"state": "done", "axes": "YX", "shape": [8, 8], "channels": [], "channel": 0}
    failed = {"state": "failed", "image": "b"}
    assert channel_sentence({"inputs": [grey, failed]}) == ""
