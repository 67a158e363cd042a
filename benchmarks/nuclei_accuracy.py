"""Score a nuclei package on held-out images, as its card does, and print one JSON document.

    fatescope prepare pairs data/nuclei2d_dsb2018 data/nuclei_ce_slices --out pairs
    python -m benchmarks.nuclei_accuracy nuclei --data pairs

Sizes are the true median diameters of units. Units that the package saw in training are refused.
"""

import argparse
import json
import time
from pathlib import Path

from fatescope.base import InputError
from fatescope.evaluate import ScoreSettings, summarise_scores
from fatescope.models import load_model
from fatescope.prepare import read_samples, unit_hash, unit_ids
from fatescope.prepare.store import SPLITS
from fatescope.train.scoring import Scored, score_samples


def summary_of(scored: list[Scored]) -> dict[str, object]:
    found = summarise_scores(
        [s.scores for s in scored], ScoreSettings(), units=[s.sample.unit for s in scored]
    )
    kept = (
        "ap",
        "mean_ap_50_90",
        "ap_per_image",
        "low",
        "high",
        "iou_pooled",
        "n_images",
        "n_true",
    )
    return {**{k: found[k] for k in kept}, "f1_50": found["f1"]["0.50"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="test", choices=["validation", "test"])
    asked = parser.parse_args()
    rows = read_samples(asked.data, splits=SPLITS)
    known = list(zip(rows, unit_ids(rows), strict=True))
    samples = [s for s in rows if s.split == asked.split]
    document: dict[str, object] = {"model": asked.model, "split": asked.split}
    for precision in ("fp32", "int8"):
        model = load_model(asked.model, precision=precision)
        listed = set(model.description.training.units_seen)
        seen = sorted({i for s, i in known if s in samples and unit_hash(i) in listed})
        if seen and asked.split == "test":
            raise InputError(f"the package was trained on {', '.join(seen)}. Leave them out.")
        began = time.process_time()
        description = model.description
        scored = score_samples(
            model, samples, description=description, thresholds=description.instances.thresholds
        )
        sources = sorted({s.sample.unit.rpartition("/")[0] for s in scored})
        document[precision] = {
            "cpu_seconds": round(time.process_time() - began, 2),
            "all": summary_of(scored),
            "sources": {
                name: summary_of([s for s in scored if s.sample.unit.startswith(f"{name}/")])
                for name in sources
                if name
            },
        }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
