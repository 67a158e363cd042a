"""Make the picture of the README from the output folder of a run over a movie.

make demo
python benchmarks/readme_picture.py demo/results docs/images/nuclei.png
"""

import argparse
from pathlib import Path

from fatescope.report import nuclei_report_from_folder, write_story


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="output folder of `fatescope predict nuclei`")
    parser.add_argument("picture", type=Path, help="PNG file to write")
    given = parser.parse_args()
    path = write_story(given.picture, nuclei_report_from_folder(given.results))
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
