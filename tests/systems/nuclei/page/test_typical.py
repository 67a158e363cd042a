"""The image shown first stands for the others."""

from fatescope.systems.nuclei.page.typical import typical_image
from fatescope.systems.nuclei.page.values import ImageSummary


def image(key, n, size, **more):
    return ImageSummary(key=key, n_objects=n, median_size=size, **more)


def test_the_typical_image_is_neither_crowded_nor_empty_nor_strange():
    images = [
        image("empty", 0, float("nan")),
        image("crowded", 300, 320),
        image("giants", 30, 4000),
        image("usual", 28, 310),
        image("sparse", 4, 280),
        image("also usual", 33, 300),
        image("torn", 0, float("nan"), problem="It ends too early."),
    ]
    assert typical_image(images) in ("usual", "also usual")


def test_a_run_without_nuclei_shows_its_first_image_and_one_that_failed_none():
    nothing = [image("a", 0, float("nan"), problem="Torn."), image("b", 0, float("nan"))]
    assert typical_image(nothing) == "b"
    assert typical_image(nothing[:1]) is None


def test_a_long_movie_is_compared_by_its_frames():
    stills = [image(str(i), 20 + i, 300) for i in range(5)]
    movie = image("movie", 22 * 50, 300, axes="TYX", shape=(50, 9, 9))
    assert typical_image([*stills, movie]) in ("2", "movie")
