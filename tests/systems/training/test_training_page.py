import csv
import html
import io
import re
import tomllib
from urllib.parse import unquote

from fatescope.systems.nuclei.training.task import INSTANCES
from fatescope.systems.training.page import write_training_page
from fatescope.train import InstanceRecipe
from fatescope.train.recipe import parse_recipe, read_recipe, recipe_names

RECIPE = InstanceRecipe(name="mine")
HISTORY = [
    {"step": 10.0, "loss": 1.0, "learning_rate": 0.01},
    {"step": 20.0, "loss": 0.5, "learning_rate": 0.02, "ap50": 0.6, "ap75": 0.4, "ap_mean": 0.3},
]


def numbers_of(page):
    """Return the rows of the CSV of each chart, by the title of its first column after series."""
    links = re.findall(r'href="data:text/csv;charset=utf-8,([^"]*)"', page)
    return [list(csv.reader(io.StringIO(unquote(link)))) for link in links]


def test_the_page_gives_verdict_loss_scores_and_learning_rate(tmp_path):
    path = write_training_page(
        tmp_path / "report.html",
        HISTORY,
        verdict="Settled.",
        recipe=RECIPE,
        scores=INSTANCES.scores,
    )
    page = path.read_text("utf-8")
    assert '<p class="lead">Settled.</p>' in page
    loss, scores, rate = numbers_of(page)
    assert loss == [["series", "step", "loss"], ["training", "10", "1"], ["training", "20", "0.5"]]
    assert ["AP at 0.75", "20", "0.4"] in scores
    assert rate[1:] == [["learning rate", "10", "0.01"], ["learning rate", "20", "0.02"]]


def test_a_training_without_scores_has_a_page_too(tmp_path):
    history = [{"step": 1.0, "loss": 2.0}]
    path = write_training_page(
        tmp_path / "report.html",
        history,
        verdict="Too short.",
        recipe=RECIPE,
        scores=INSTANCES.scores,
    )
    assert len(numbers_of(path.read_text("utf-8"))) == 1


def test_the_recipe_can_be_copied_and_is_the_one_that_was_trained(tmp_path):
    for name in recipe_names():
        recipe = read_recipe(name)
        path = write_training_page(
            tmp_path / "report.html", HISTORY, verdict="Settled.", recipe=recipe, scores={}
        )
        shown = re.search(
            r'aria-label="recipe.toml">(.*?)</pre>', path.read_text("utf-8"), re.DOTALL
        )
        again = parse_recipe(tomllib.loads(html.unescape(shown[1])))
        assert again.replace(tune=recipe.tune) == recipe
