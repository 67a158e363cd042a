"""Make every figure of the pages from rendered data: no recording is needed.

python benchmarks/docs_images.py                all, into docs/images (needs Chromium)
python benchmarks/docs_images.py lineage        only those of lineages; also: nuclei, app

Figures are SVG as the commands draw them, or pages as a browser shows them (PNG, 256 colours).
The loss and rate curves of the schedules have a script of their own, schedule_plots.py.
"""

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from fatescope.acquire.lineages import LineageReading, write_lineage
from fatescope.base import Execution
from fatescope.simulate import LineagePlan, simulate_lineage
from fatescope.systems.nuclei.page.folder import nuclei_report_from_folder
from fatescope.systems.nuclei.page.overview import write_overview

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
ONE = Execution(workers=1)
SCALE = LineageReading(spacing_um=(1.0, 0.09, 0.09), interval_min=1.5)
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="?", choices=("nuclei", "lineage", "app"))
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory() as folder, Browser() as browser:
        for name, draw in (("nuclei", draw_nuclei), ("lineage", draw_lineage), ("app", draw_app)):
            if only in (None, name):
                draw(Path(folder) / name, browser)
    for path in sorted(IMAGES.iterdir()):
        if path.is_file():
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def draw_nuclei(place: Path, browser: "Browser") -> None:
    """The image of the README and the report, from the movie of ``make demo``."""
    from fatescope.simulate.settings import NucleiMovieSettings
    from fatescope.systems.nuclei.find import predict_nuclei
    from fatescope.systems.simulation.nuclei import write_nuclei_movie

    write_nuclei_movie(place / "movie", NucleiMovieSettings(), seed=1)
    predict_nuclei([place / "movie" / "nuclei.tif"], out=place / "results", execution=ONE)
    report = nuclei_report_from_folder(place / "results")
    overview = write_overview(place / "overview.svg", report)
    browser.keep(overview, "nuclei.png", size=(1408, 506))
    browser.keep(place / "results" / "report.html", "report.png", size=(960, 900))


def draw_lineage(place: Path, browser: "Browser") -> None:
    """Tree, space, movement, names and a comparison of rendered embryos."""
    from fatescope.systems.lineages.compare import compare_lineages
    from fatescope.systems.lineages.draw import draw_lineages
    from fatescope.systems.lineages.settings import DrawSettings, LineageCompareSettings

    for group, n, changes in (("wild", 4, {}), ("slow-E", 3, {"slowed": {"E": 1.4}})):
        (place / group).mkdir(parents=True)
        for i in range(n):
            embryo = simulate_lineage(LineagePlan(minutes=180, pose=i, **changes), seed=10 * n + i)
            write_lineage(embryo, place / group / f"embryo{i}.csv", format="epic")
    draw_lineages(
        [place / "wild" / "embryo0.csv"],
        out=place / "drawn",
        settings=DrawSettings(cells="ABpla,MSa,Ea,Ca,D"),
        reading=SCALE,
        execution=ONE,
    )
    pages = place / "drawn" / "embryos" / "embryo0"
    for name in ("movement", "compact-names", "names-pie", "components"):
        shutil.copyfile(pages / f"{name}.svg", IMAGES / f"{name}.svg")
    shutil.copyfile(place / "drawn" / "founders.svg", IMAGES / "founders.svg")
    browser.keep(pages / "tree.html", "tree.png", size=(900, 620))
    browser.keep(pages / "space.html", "space.png", size=(900, 760), find="MSapa")
    compare_lineages(
        [place / "slow-E"],
        out=place / "compared",
        settings=LineageCompareSettings(reference=str(place / "wild"), test_name="slow E"),
        reading=SCALE,
        execution=ONE,
    )
    report = place / "compared" / "report.html"
    browser.keep(report, "compare.png", size=(1300, 800), element="section:has(h2:text('life'))")


def draw_app(place: Path, browser: "Browser") -> None:
    """Answers to questions in the app, and a lineage that is edited, from its examples."""
    words = ["app", "--port", "0", "--no-browser", "--folder", str(place)]
    command = [sys.executable, "-m", "fatescope", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as app:
        link = app.stderr.readline().split()[-1]
        view = browser.open(link, size=(1100, 1010))
        view.get_by_role("button", name="A movie of nuclei").click()
        view.locator("a.card", has_text="Outline nuclei").first.click()
        view.locator("#run").click()
        view.locator(".state.done").wait_for(timeout=200_000)
        view.locator("#rows tbody tr").nth(6).click()
        view.locator(".pick path").wait_for()
        view.evaluate("scrollTo(0, 0)")
        view.wait_for_timeout(1500)
        browser.save(view.screenshot(), "app.png")
        view.goto(view.url.partition("/results")[0])
        view.get_by_role("button", name="A lineage table").click()
        view.locator("a.card", has_text="Check lineages").first.click()
        view.locator("#run").click()
        view.locator(".state.done").wait_for(timeout=200_000)
        view.locator("#findings tbody tr", has_text="timing").first.click()
        view.locator("#cell-rows tbody tr").first.wait_for()
        view.wait_for_timeout(1500)
        browser.save(view.locator("#tree").screenshot(), "app-tree.png")
        view.get_by_role("region", name="Edit the lineage").get_by_role("link").click()
        view.locator("#cells tr[data-name=MSa]").click()
        view.locator("#checked", has_text="Checked as it is now").wait_for(timeout=200_000)
        view.evaluate("scrollTo(0, 0)")
        browser.save(view.screenshot(), "app-lineage.png")
        view.close()
        app.terminate()


class Browser:
    """Chromium, to see pages as readers do."""

    def __enter__(self) -> "Browser":
        from playwright.sync_api import sync_playwright

        self._all = sync_playwright().start()
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        self._chromium = self._all.chromium.launch(executable_path=path, args=list(FLAGS))
        return self

    def __exit__(self, *_: object) -> None:
        self._chromium.close()
        self._all.stop()

    def keep(
        self, page: Path, name: str, *, size: tuple[int, int], find: str = "", element: str = ""
    ) -> None:
        """Open a page in a window of ``size``, look for a cell, and keep what is seen."""
        view = self.open(page.resolve().as_uri(), size=size)
        if find:
            view.fill("#find, .find", find)
        view.wait_for_timeout(300)
        seen = view.locator(element).first.screenshot() if element else view.screenshot()
        self.save(seen, name)
        view.close()

    def open(self, address: str, *, size: tuple[int, int]) -> Any:
        """Open a page in a window of ``size``."""
        view = self._chromium.new_page(viewport={"width": size[0], "height": size[1]})
        view.goto(address)
        return view

    def save(self, seen: bytes, name: str) -> None:
        """Keep what is seen, in 256 colours."""
        shown = Image.open(io.BytesIO(seen)).convert("RGB")
        few = shown.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(IMAGES / name, optimize=True)


if __name__ == "__main__":
    main()
