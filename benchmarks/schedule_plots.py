"""Draw the schedules of docs/schedules.md, and the made curve that two of them follow.

python benchmarks/schedule_plots.py
"""

import math
from pathlib import Path

import numpy as np

from fatescope.pages.chart import Axis, Chart, Line, draw_file
from fatescope.pages.files import store_text
from fatescope.train.fit_settings import FitSettings
from fatescope.train.schedules import LearningRate

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images" / "schedules"
STEPS = 10_000
PLANS = {
    "one-cycle": {"kind": "one-cycle"},
    "cosine": {"kind": "cosine"},
    "warm-restarts": {"kind": "warm-restarts", "period": 1400},
    "plateau": {"kind": "plateau", "factor": 0.3, "patience": 4},
    "kicks": {"kind": "kicks", "patience": 4, "period": 1500},
}
FOLLOWING = ("plateau", "kicks")


def made_history() -> list[dict[str, float]]:
    """Return a score that rises and stays, twice: what a plateau looks like."""
    rows = []
    for step in range(250, STEPS + 1, 250):
        late = 8 / (1 + math.exp(-(step - 4200) / 250))
        score = 70 * (1 - math.exp(-step / 700)) + late
        rows.append({"step": float(step), "ap_mean": round(score, 0) / 100})
    return rows


def draw(name: str) -> Path:
    """Draw one schedule in per cent of its highest rate."""
    fit = FitSettings.from_values({"steps": STEPS, "learning_rate": 100.0, "schedule": PLANS[name]})
    history = made_history()
    measured = {int(row["step"]): row for row in history}
    schedule, values = LearningRate(fit), [100.0]
    for step in range(1, STEPS + 1):
        schedule.after_step()
        if step in measured:
            schedule.after_epoch(measured[step])
        values.append(schedule.value)
    steps = np.arange(0, STEPS + 1, 25)
    lines = [Line(name="learning rate", x=steps, y=np.array(values)[steps], colour="#0072B2")]
    if name in FOLLOWING:
        known = [row["step"] for row in history], [100 * row["ap_mean"] for row in history]
        metric = np.interp(steps, *known)
        lines.append(Line(name="metric (made)", x=steps, y=metric, colour="#D55E00"))
    chart = Chart(
        title=name,
        x=Axis(title="steps"),
        y=Axis(title="of the highest", unit="%", ends=(0.0, 100.0)),
        marks=lines,
    )
    return store_text(FOLDER / f"{name}.svg", draw_file([chart]))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PLANS:
        path = draw(name)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
