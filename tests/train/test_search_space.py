"""What can be searched, and what is refused before the first trial."""

import tomllib

import pytest

from fatescope.base import SettingsError
from fatescope.train import (
    Choices,
    Range,
    changed,
    parse_recipe,
    read_recipe,
    read_recipe_values,
    read_space,
    recipe_names,
    recipe_text,
)


def test_ranges_and_choices_are_read_by_the_kind_of_the_setting():
    space = read_space(
        ["fit.learning_rate=0.0005:0.01", "fit.batch=4:64:log", "fit.optimizer=adamw,sgd"], {}
    )
    assert space == {
        "fit.learning_rate": Range(low=0.0005, high=0.01, is_whole=False, is_log=False),
        "fit.batch": Range(low=4, high=64, is_whole=True, is_log=True),
        "fit.optimizer": Choices(values=("adamw", "sgd")),
    }


def test_a_kind_of_schedule_can_be_a_choice():
    space = read_space(["fit.schedule.kind=constant,cosine"], {})
    recipe = parse_recipe(changed({}, {"fit.schedule.kind": "cosine"}))
    assert space["fit.schedule.kind"].values == ("constant", recipe.fit.schedule.kind)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learning_rate=0.1:0.2", r"no such number or choice.*fit\.learning_rate"),
        ("fit.nothing=1:2", r"no such number or choice"),
        ("fit.batch=0:8", r"fit\.batch = 0"),
        ("fit.batch=8:4", r"batch is a whole number, from 1.*lower end first"),
        ("fit.batch=1.5:4", r"batch is a whole number"),
        ("fit.learning_rate=0:1:log", r"above 0"),
        ("fit.learning_rate=1:2:lin", r"LOW:HIGH:log"),
        ("fit.ema_decay=0.9:1", r"fit\.ema_decay = 1"),
        ("fit.optimizer=adamw,best", r"fit\.optimizer = 'best'"),
        ("fit.batch", r"NAME=LOW:HIGH"),
        ("crops.size_px=64:128", r"crops\.size_px = 65"),
        ("crops.gamma=0.5:1.8", r"no such number or choice"),
    ],
)
def test_what_the_recipe_does_not_allow_is_refused_in_a_sentence(text, said):
    with pytest.raises(SettingsError, match=said):
        read_space([text], {})


def test_a_name_twice_and_nothing_at_all_are_refused():
    with pytest.raises(SettingsError, match="each name once"):
        read_space(["fit.batch=4:8", "fit.batch=8:9"], {})
    with pytest.raises(SettingsError, match="nothing to search"):
        read_space([], {})


@pytest.mark.parametrize("name", recipe_names())
def test_a_shipped_recipe_written_as_text_reads_back_as_the_same(name, tmp_path):
    values = read_recipe_values(name)
    assert tomllib.loads(recipe_text(values)) == values
    (tmp_path / "again.toml").write_text(recipe_text(values), encoding="utf-8")
    assert read_recipe(tmp_path / "again.toml") == read_recipe(name)


def test_texts_names_and_lists_of_tables_survive():
    values = {
        "name": 'a "quoted" µm\n',
        "x y": {"a.b": [1, 2.5e-7, [True, False]], "deep": {"er": {}}},
        "then": [{"fit": {"steps": 3}, "seed": 1}, {"seed": 2}],
    }
    assert tomllib.loads(recipe_text(values)) == values


def test_the_published_tuning_is_a_hundred_trials_of_an_epoch_on_a_tenth_by_iou():
    tune = read_recipe("tune_100x1x10").tune
    assert (tune.trials, tune.epochs, tune.share, tune.score) == (100, 1, 0.1, "iou")
    space = read_space(tune.search, {})
    assert space["fit.learning_rate"] == Range(low=0.0005, high=0.01, is_whole=False, is_log=False)
    assert space["fit.batch"] == Range(low=8, high=64, is_whole=True, is_log=False)
