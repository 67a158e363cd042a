"""How quickly the app answers: tiles of large images, first labels, twenty people at once.

python -m benchmarks.app_speed --side 30000 --clients 20

Times are wall times between a request and its last byte, on a machine that also does other work;
they are printed beside the load of the machine, and beside the CPU time of server and client
together, which other work does not change much. Nothing is written but into a temporary folder.
"""

import argparse
import os
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tifffile
from tests.app.served import served

from fatescope.simulate import NucleiMovieSettings, simulate_nuclei


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=30_000, help="pixels of the large image")
    parser.add_argument("--clients", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "files") as app:
        client = app.client()
        small, middle = (render(Path(folder) / f"{n}.tif", n) for n in (512, 1448))
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        result, seconds = first_labels(client, small)
        print(f"first labels of 512 x 512, with upload: {seconds:.2f} s")
        time.sleep(8)  # a person looks at the answer; the next process rehearses meanwhile
        result, seconds = first_labels(client, small)
        print(f"again, when the process was ready: {seconds:.2f} s")
        result, _ = first_labels(client, middle)
        times, cpu = timed(slider, client, result)
        print(f"slider on 2 megapixels, all tiles: {percentile(times):.0f} ms, {cpu:.0f} CPU-ms")
        print(f"{asked.clients} people at once: {percentile(crowd(app, asked.clients)):.0f} ms")
        if asked.side:
            large = large_result(app, Path(folder), asked.side)
            seen, cpu = first_view(client, large)
            said = ", ".join(f"{what} {seconds:.1f} s" for what, seconds in seen.items())
            print(f"first view of {asked.side} squared: {said}; {cpu:.1f} CPU-s")
            times, cpu = timed(pan, client, large)
            print(f"pan: {percentile(times):.0f} ms, {cpu:.1f} CPU-ms")


def timed(what, client, result: str) -> tuple[list[float], float]:
    """Return the times of what is done again and again, and the CPU time of one in ms."""
    begun = time.process_time()
    times = what(client, result)
    return times, (time.process_time() - begun) * 1000 / len(times)


def percentile(seconds: list[float]) -> float:
    """Return the 95th percentile in ms."""
    return float(np.percentile(seconds, 95)) * 1000


def render(path: Path, side: int) -> bytes:
    movie = simulate_nuclei(NucleiMovieSettings(frames=1, height=side, width=side), seed=1)
    tifffile.imwrite(path, movie.pixels[0])
    return path.read_bytes()


def first_labels(client, image: bytes) -> tuple[str, float]:
    begun = time.perf_counter()
    data = client.add_data("one")
    client.put(data, "a.tif", image)
    result = client.run(data, "nuclei", spacing_um="0.3", diameter_px="22")
    state = client.wait(result)
    assert state["state"] == "done", state
    client.get(f"{result}/images/0")
    return result, time.perf_counter() - begun


def tile(client, result: str, level: int, x: int, y: int, high: int) -> None:
    answer = client.get(f"{result}/images/0/grey/0/0/{level}/{x}/{y}.png?low=0&high={high + 100}")
    assert answer.status == 200, answer.text


def slider(client, result: str) -> list[float]:
    """All tiles of the image, one after the other, each time the slider has moved."""
    meta = client.get(f"{result}/images/0").json
    n = -(-meta["width"] // meta["tile"])
    times = []
    for high in range(30):
        begun = time.perf_counter()
        for y in range(n):
            for x in range(n):
                tile(client, result, meta["levels"], x, y, 1000 + high * 100)
        times.append(time.perf_counter() - begun)
    return times


def first_view(client, result: str) -> tuple[dict[str, float], float]:
    """Return when the rough view, a first and the last tile are there, and the CPU time in s.

    As a browser asks: six at a time, those in the middle first, of a stage of a thousand pixels.
    """
    begun, cpu = time.perf_counter(), time.process_time()
    meta = client.get(f"{result}/images/0").json
    seen = {"rough": time.perf_counter() - begun}
    there = []
    halvings = max(0, (meta["width"] // 1000).bit_length() - 1)
    n = -(-(meta["width"] >> halvings) // meta["tile"])
    middle = sorted(
        ((x, y) for x in range(n) for y in range(n)),
        key=lambda place: max(abs(k - (n - 1) / 2) for k in place),
    )

    def one(place: tuple[int, int]) -> None:
        tile(client, result, meta["levels"] - halvings, *place, 4000)
        there.append(time.perf_counter() - begun)

    with ThreadPoolExecutor(6) as browser:
        list(browser.map(one, middle))
    seen |= {"first tile": there[0], "all tiles": there[-1]}
    return seen, time.process_time() - cpu


def pan(client, result: str) -> list[float]:
    """Tiles at full size and at half and quarter of it, at random places."""
    meta = client.get(f"{result}/images/0").json
    rng, times = random.Random(0), []
    for n in range(200):
        level = meta["levels"] - (0, 0, 0, 1, 2)[n % 5]
        side = meta["width"] // 2 ** (meta["levels"] - level) // meta["tile"]
        begun = time.perf_counter()
        tile(client, result, level, rng.randrange(side), rng.randrange(side), 60_000)
        times.append(time.perf_counter() - begun)
    return times


def crowd(app, n: int) -> list[float]:
    """People who look at their first page, bring a file, and look at what was read."""
    times: list[float] = []
    rng = np.random.default_rng(0)
    body = rng.integers(0, 255, 20_000, dtype=np.uint8).tobytes()

    def one(number: int) -> None:
        client = app.client(f"person-{number}")
        data = client.add_data(f"of {number}")
        for turn in range(10):
            for ask in (
                lambda: client.get("/", Accept="text/html"),
                lambda turn=turn: client.put(data, f"{turn}.bin", body),
                lambda: client.get(f"/data/{data}", Accept="text/html"),
            ):
                begun = time.perf_counter()
                assert ask().status in (200, 201)
                times.append(time.perf_counter() - begun)
                time.sleep(0.2)

    threads = [threading.Thread(target=one, args=(k,)) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


def large_result(app, folder: Path, side: int) -> str:
    """Put a large image and empty labels where a result would be; outlining it takes minutes."""
    store = app.store
    image = folder / "large.tif"
    tile = np.random.default_rng(0).integers(0, 4000, (512, 512)).astype(np.uint16)
    tiles = ((tile + k % 97) for k in range((-(-side // 512)) ** 2))
    shape = (side, side)
    how = {"shape": shape, "dtype": np.uint16, "tile": (512, 512), "compression": "zlib"}
    tifffile.imwrite(image, tiles, compressionargs={"level": 1}, bigtiff=True, **how)
    job = store.add_job("owner", data="x", question="nuclei", inputs=[image], settings={})
    while store.job("owner", job.id).is_open:
        store.move_job(job.id, before=("waiting",), now="done")
        time.sleep(0.05)
    out = store.folder_of("owner", "results", job.id)
    (out / "labels").mkdir(parents=True, exist_ok=True)
    (out / "images.csv").write_text(f"image,path,state,n_objects\nlarge,{image},done,0\n")
    nothing = (np.zeros((512, 512), np.uint8) for _ in range((-(-side // 512)) ** 2))
    how = {**how, "dtype": np.uint8}
    tifffile.imwrite(out / "labels" / "large.tif", nothing, **how)
    return f"/results/{job.id}"


if __name__ == "__main__":
    main()
