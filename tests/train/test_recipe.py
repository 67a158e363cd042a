"""Recipes with variants, and recipes that take over what a package is for."""

import pytest

from fatescope.base import SettingsError
from fatescope.models import OFFSET_MAPS, ImageInput, InstanceMaps, ModelDescription
from fatescope.train import InstanceRecipe, inherited, read_recipe, recipe_variant

RECIPE = InstanceRecipe.from_values(
    {
        "name": "r",
        "fit": {"steps": 70, "schedule": {"kind": "one-cycle"}},
        "variants": {
            "long": {"fit": {"steps": 900}},
            "kicks": {"fit": {"schedule": {"kind": "kicks"}}},
            "wrong": {"fit": {"steps": 0}},
        },
    }
)


def test_a_variant_differs_in_what_it_names_and_in_nothing_else():
    long = recipe_variant(RECIPE, "long")
    assert (long.name, long.fit.steps, long.variants) == ("r-long", 900, {})
    assert long.replace(name="r", fit=RECIPE.fit.model_dump()) == RECIPE.replace(variants={})


def test_a_table_of_another_kind_replaces_its_like():
    kinds = {recipe_variant(RECIPE, v).fit.schedule.kind for v in ("long", "kicks")}
    assert kinds == {"one-cycle", "kicks"}


def test_a_variant_that_is_not_there_or_not_allowed_is_a_sentence():
    with pytest.raises(SettingsError, match=r"no variant 'short'; it has: long, kicks, wrong"):
        recipe_variant(RECIPE, "short")
    with pytest.raises(SettingsError, match=r"fit\.steps = 0"):
        recipe_variant(RECIPE, "wrong")
    with pytest.raises(SettingsError, match="it has: none"):
        recipe_variant(InstanceRecipe(), "a")


def test_the_variants_of_shipped_recipes_can_be_read():
    adapt = read_recipe("adapt")
    assert recipe_variant(adapt, "longer").fit.steps > adapt.fit.steps
    assert recipe_variant(adapt, "gentle").fit.learning_rate < adapt.fit.learning_rate


def test_what_a_recipe_does_not_say_is_taken_from_the_package_it_goes_on_from():
    start = ModelDescription(
        name="em",
        summary="s",
        task="nuclei-em",
        input=ImageInput(modality="electron", polarity="any"),
    )
    assert inherited(read_recipe("adapt"), start).modality == "electron"
    assert inherited(read_recipe("adapt"), None).modality == "fluorescence"
    assert inherited(read_recipe("nuclei-em"), None).task == "nuclei-em"
    own = inherited(InstanceRecipe(task="nuclei"), start)
    assert (own.task, own.polarity) == ("nuclei", "any")


def test_a_network_goes_on_with_the_maps_of_its_package():
    plain = ModelDescription(name="old", summary="Draws distances.")
    votes = plain.replace(output=InstanceMaps(channels=OFFSET_MAPS))
    for recipe in (read_recipe("adapt"), InstanceRecipe.from_values({"then": [{"seed": 1}]})):
        for start, maps in ((plain, 3), (votes, 5), (None, 5)):
            stages = inherited(recipe, start).stages
            assert [s.network.n_outputs for s in stages] == [maps] * len(stages)
            assert [s.fit for s in stages] == [s.fit for s in recipe.stages]
    said = InstanceRecipe.from_values({"network": {"n_outputs": 3}})
    assert inherited(said, votes).network.n_outputs == 3
    with pytest.raises(SettingsError, match=r"3 .* or 5"):
        InstanceRecipe.from_values({"network": {"n_outputs": 4}})
