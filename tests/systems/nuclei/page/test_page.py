"""The page as a reader gets it: numbers, links, names, size, bytes."""

import base64
import dataclasses
import html
import json
import re
import tomllib
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
from tests.systems.nuclei.page.cases import many_images_report, movie_report, render_report

from fatescope.base import Spacing
from fatescope.systems.nuclei.page.again import write_settings
from fatescope.systems.nuclei.page.methods import methods_text
from fatescope.systems.nuclei.page.page import write_report
from fatescope.systems.nuclei.page.values import Doubtful, ImageSummary, NucleiReport

VOID = {"meta", "img", "input", "br", "hr", "link", "image", "path", "rect", "circle", "line"}
HOSTILE = "<script>alert(1)</script>\"'&</title></script>.tif"


class Page(HTMLParser):
    """Checks that elements close in order, and gathers what the tests ask for."""

    def __init__(self, page):
        super().__init__()
        self.open, self.attributes, self.text, self.ids, self.scripts = [], [], [], [], 0
        self.feed(page.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.attributes += [(tag, *a) for a in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


def _views(page):
    block = re.search(r'<script type="application/json" class="data">(.*?)</script>', page.decode())
    return json.loads(block[1])["views"]


@pytest.fixture(scope="module")
def movie():
    return render_report(movie_report())


@pytest.mark.parametrize("make", [movie_report, lambda: many_images_report(30)])
def test_elements_are_balanced_and_ids_are_unique(make):
    page = Page(render_report(make()))
    assert len(page.ids) == len(set(page.ids))
    inside = {v[1:] for _, n, v in page.attributes if n == "href" and v.startswith("#")}
    named = {v for _, n, v in page.attributes if n in ("aria-labelledby", "for", "data-copy")}
    assert inside | named <= set(page.ids)


def test_a_strict_parser_finds_no_fault(movie):
    html5lib = pytest.importorskip("html5lib")
    html5lib.HTMLParser(strict=True).parse(movie.decode("utf-8"))


def test_nothing_is_loaded_from_outside(movie):
    page = Page(movie)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "action", "data", "poster", "srcset"):
            assert value.startswith(("data:image/", "data:text/", "#")), (
                tag,
                name,
                value[:80],
            )
    assert not re.search(rb"@import|url\(|fetch\(|XMLHttp|WebSocket|//cdn", movie)


def test_only_our_script_may_run(movie):
    policy = next(v for _, n, v in Page(movie).attributes if n == "content" and "script-src" in v)
    import hashlib

    script = movie.decode().rsplit("<script>", 1)[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_hostile_names_stay_text():
    report = movie_report(key=HOSTILE, title=HOSTILE)
    page = render_report(report)
    parsed = Page(page)
    assert parsed.scripts == 2
    assert b"<script>alert" not in page
    assert parsed.words.count("<script>alert(1)</script>\"'&</title></script>.tif") >= 4
    assert _views(page)[0]["title"] == HOSTILE


def test_numbers_are_those_of_the_table():
    report = movie_report()
    words = Page(render_report(report)).words
    assert report.n_objects == 8 + 10 + 12 + 14 + 16 + 18
    said = "18 nuclei in the last of 6 frames, 8 in the first; 1 of 78 outlines doubtful."
    assert said in words
    assert f"Median {np.median(report.sizes):.3g}, 5 to 95 %" in words
    assert "n = 78 outlines" in words
    frames = _views(render_report(report))[0]["frames"]
    assert [f["words"] for f in frames] == [f"n = {n}" for n in report.images[0].counts]


def test_methods_say_version_model_scale_and_how_to_cite(movie):
    text = html.unescape(re.search(rb"<blockquote[^>]*>(.*?)<", movie)[1].decode())
    for part in ("fatescope 0.1.0", "cd" * 32, "0.2 µm (read from the files)", "cite"):
        assert part in text
    assert "1 finding" in text


def methods_of(images, **settings):
    record = {"fatescope": "1", "model": {"name": "m"}, "settings": settings}
    return methods_text(
        NucleiReport(
            title="x", images=tuple(images), sizes=np.ones(2), size_unit="px²", record=record
        )
    )


def image_of(spacing=None, *, value=20.0, source="given", scale=1.0, **more):
    diameter = {} if value is None else {"value": value, "source": source, "scale": scale}
    steps = spacing or Spacing()
    return ImageSummary(
        key="a", n_objects=1, axes="YX", spacing=steps.as_record(), diameter=diameter, **more
    )


def test_methods_give_the_pixel_size_along_each_axis_where_they_differ():
    user = Spacing.of(source="user", Y=0.18, X=0.249)
    assert "was 0.18 × 0.249 µm, Y × X (given by the user)." in methods_of([image_of(user)])
    square = Spacing.of(source="file", Y=0.2, X=0.2)
    assert "was 0.2 µm (read from the files)." in methods_of([image_of(square)])
    stack = Spacing.of(source="file", Z=1, Y=0.2, X=0.2)
    assert "was 1 × 0.2 × 0.2 µm, Z × Y × X (read" in methods_of([image_of(stack)])
    other = Spacing.of(source="file", Y=0.3, X=0.3)
    assert "was 0.2 to 0.3 µm (read" in methods_of([image_of(square), image_of(other)])
    assert "For the other images it was not known" in methods_of([image_of(square), image_of()])


def test_methods_say_how_large_nuclei_are_who_said_so_and_how_images_were_scaled():
    given = methods_of([image_of(value=24, scale=0.92)])
    assert "was given as 24 pixels. Images were resampled by a factor of 0.92, so" in given
    model = methods_of([image_of(value=30, source="model", scale=1)])
    assert "that of the model's training images, here 30 pixels" in model
    assert "Images were not resampled." in model
    sizes = [image_of(value=v, source="estimated", scale=22 / v) for v in (11, 22, 44)]
    estimated = methods_of([*sizes, image_of(value=None)])
    assert "estimated from each image (median 22 pixels, 11 to 44)" in estimated
    assert "by a factor of 0.5 to 2" in estimated
    assert "In 1 image nothing looked like nuclei at any size" in estimated
    assert "from all images of one pixel size" in methods_of(sizes, same_size=True)


def test_methods_name_the_thresholds_that_were_changed():
    said = methods_of([image_of()], min_area_um2=12.5, foreground=0.4)
    assert "Nuclei below 12.5 µm² were dropped." in said
    assert "The threshold of the foreground was set to 0.4." in said
    assert "threshold" not in methods_of([image_of()])


def test_a_still_image_has_no_frames_and_a_movie_has(movie):
    report = many_images_report(5)
    first = report.previews[0]
    doubt = Doubtful(key=first.key, frame=0, label=3, y=14, x=66, reason="Waisted.", rank=2.0)
    words = Page(render_report(dataclasses.replace(report, doubtful=(doubt,)))).words
    assert "Nucleus 3, plate/00000.tif" in words
    assert "frame 0" not in words
    assert "per frame" not in words
    assert "space plays" not in words
    assert "nuclei per image" in words
    assert "Nucleus 5, frame 2, embryo 1.tif" in Page(movie).words


def test_the_settings_file_comes_with_the_page(movie, tmp_path):
    link = re.search(
        r'download="settings.toml" href="data:text/plain;charset=utf-8,([^"]*)"', movie.decode()
    )
    wanted = {"model": "nuclei", "halo_px": 32}
    assert tomllib.loads(unquote(html.unescape(link[1]))) == wanted
    path = write_settings(tmp_path / "settings.toml", movie_report())
    assert tomllib.loads(path.read_text("utf-8")) == wanted


def test_the_scale_bar_is_part_of_the_image(movie):
    """Also without the script and in print: 5 µm are 25 pixels of 0.2 µm."""
    svg = movie.decode().partition('class="stage"')[2].partition("</svg>")[0]
    assert re.search(r'<rect [^>]*width="25.00"', svg)
    assert "5 µm</text>" in svg


def test_the_command_and_the_python_lines_are_given(movie):
    words = Page(movie).words
    assert "fatescope predict nuclei 'embryo 1.tif' --out results --settings settings.toml" in words
    toml = html.unescape(re.search(rb'label="settings.toml">(.*?)<', movie, re.DOTALL)[1].decode())
    assert tomllib.loads(toml) == {"model": "nuclei", "halo_px": 32}
    assert 'settings = fs.NucleiSettings(model="nuclei", halo_px=32)' in words
    assert 'fs.predict_nuclei("embryo 1.tif", out="results", settings=settings)' in words


def test_a_doubtful_object_leads_to_its_place_in_the_image(movie):
    page = movie.decode()
    jump = re.search(
        r'class="jump" data-view="0" data-at="2" data-label="5" data-y="([\d.]+)"', page
    )
    assert float(jump[1]) == 14.5
    outlines = _views(movie)[0]["frames"][2]["panes"][0]["outlines"]
    assert [o[0] for o in outlines if o[2]] == [5]


def test_where_most_outlines_are_doubtful_the_list_says_what_is_usual():
    report = movie_report()
    n = report.n_objects
    most = Page(render_report(dataclasses.replace(report, n_doubtful=n // 2))).words
    assert f"{n // 2} of {n} outlines are doubtful, where 0 to 6 % are usual" in most
    assert "are usual" not in Page(render_report(report)).words


def test_unknown_scale_is_said_and_sizes_are_in_pixels():
    words = Page(render_report(many_images_report(3))).words
    assert "The pixel size was not known, so sizes are given in pixels." in words
    assert "area (px²)" in words
    assert "bar counts input pixels" in words


def test_the_page_depends_on_the_report_alone(tmp_path):
    first = write_report(tmp_path / "a.html", movie_report()).read_bytes()
    assert write_report(tmp_path / "b.html", movie_report()).read_bytes() == first
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.html", "b.html"]


def test_a_thousand_images_are_a_sample_that_says_so():
    page = render_report(many_images_report(1000))
    assert len(page) < 2_000_000
    words = Page(page).words
    assert "A sample: 24 of 1 000 images" in words
    assert "plate/00999.tif" in words


@pytest.mark.slow
def test_images_beyond_the_budget_are_left_out_and_counted():
    report = movie_report()
    noise = np.random.default_rng(0)
    large = tuple(
        dataclasses.replace(
            report.previews[0],
            frame=f,
            image=noise.integers(0, 256, (1500, 1500), dtype=np.uint8),
            labels=np.zeros((1500, 1500), np.uint8),
        )
        for f in range(16)
    )
    page = render_report(dataclasses.replace(report, previews=large))
    assert len(page) <= 20_000_000
    left = re.search(r"(\d+) images were left out", Page(page).words)
    assert 0 < int(left[1]) < 16


def test_long_tables_are_cut_and_say_where_the_rest_is():
    report = many_images_report(1200)
    words = Page(render_report(report)).words
    assert "The first 1 000 of 1 200 images; images.csv holds them all." in words


def finding(key, rule, severity, reason):
    return {
        **{"file": key, "frame": None, "object": None, "rule": rule, "value": None, "limit": None},
        **{"severity": severity, "status": "open", "reason": reason},
    }


def test_findings_are_grouped_by_rule_the_most_severe_first():
    report = many_images_report(372)
    odd = [finding(i.key, "no-scale", "info", "The file gives no step.") for i in report.images]
    odd += [finding("torn.tif", "unreadable", "error", "It ends too early.")]
    odd += [
        finding(i.key, "blurred", "warning", f"Less sharp ({n}; at least 9).")
        for n, i in enumerate(report.images[:60])
    ]
    page = render_report(dataclasses.replace(report, findings=tuple(odd)))
    table, notes = (
        page.decode().partition(f'id="{section}"')[2].partition("</section>")[0]
        for section in ("what-to-doubt", "notes")
    )
    assert table.count("<tr>") == 1 + 2
    assert table.index("unreadable") < table.index("blurred")
    assert notes.count("The file gives no step.") == 1
    assert "and 322 more, in findings.csv" in notes
    assert notes.count("plate/00007.tif") == table.count("plate/00007.tif") == 1
    assert "plate/00007.tif: (7; at least 9)" in table
    assert "372" in notes


def test_images_unlike_the_training_images_open_the_page():
    report = many_images_report(9)
    unlike = tuple(
        finding(i.key, "unlike-training", "warning", f"Unlike those of nuclei: bright ({n}). Wait.")
        for n, i in enumerate(report.images)
    )
    words = Page(render_report(dataclasses.replace(report, findings=unlike))).words
    caution = "9 of 9 images are unlike those that the model nuclei was trained on"
    assert words.index(caution) < words.index(" in 9 images, ")
    assert "bright. Wait." in words
    few = Page(render_report(dataclasses.replace(report, findings=unlike[:4]))).words
    assert "are unlike those that the model" not in few


def test_a_run_that_found_nothing_has_a_page():
    image = ImageSummary(key="dark.tif", n_objects=0, shape=(8, 8), axes="YX")
    page = render_report(
        NucleiReport(title="dark.tif", images=(image,), sizes=np.zeros(0), size_unit="px²")
    )
    assert "No nucleus was found in 1 image." in Page(page).words


def test_an_image_that_failed_is_named_with_its_reason():
    report = many_images_report(2)
    bad = ImageSummary(key="torn.tif", n_objects=0, problem="The file ends too early.")
    words = Page(render_report(dataclasses.replace(report, images=(*report.images, bad)))).words
    assert "1 image not processed." in words
    assert "The file ends too early." in words


def test_one_image_is_one_image_in_words():
    words = Page(render_report(many_images_report(1))).words
    assert " in 1 image, " in words


def test_the_first_image_is_stored_once(movie):
    first = re.search(rb'<image href="(data:image/jpeg[^"]+)"', movie)[1]
    assert movie.count(first) == 1


def test_of_too_many_nuclei_only_the_doubtful_are_outlined(monkeypatch):
    monkeypatch.setattr("fatescope.systems.nuclei.page.views._MAX_OUTLINES", 17)
    page = render_report(movie_report())
    frames = _views(page)[0]["frames"]
    assert [len(f["panes"][0]["outlines"]) for f in frames] == [8, 10, 12, 14, 16, 0]
    assert "only doubtful ones are outlined" in _views(page)[0]["about"]
