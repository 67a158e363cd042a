"""Made curves get the verdict that a person would give them."""

import numpy as np
import pytest

from fatescope.train import assess_curves, read_verdict, write_verdict

N = 40
EPOCH = np.arange(1, N + 1)


def rows(loss, score=None, every=1):
    return [
        {"step": 250.0 * (i + 1), "loss": float(loss[i])}
        | ({"ap_mean": float(score[i])} if score is not None and (i + 1) % every == 0 else {})
        for i in range(len(loss))
    ]


def falling(to, *, time):
    return to + (2.0 - to) * np.exp(-(EPOCH - 1) / time)


CURVES = {
    "settled": (falling(0.4, time=4), 0.7 * (1 - np.exp(-EPOCH / 4))),
    "still improving": (falling(0.1, time=40), 0.7 * EPOCH / N),
    "underfit": (falling(1.6, time=4), np.full(N, 0.2)),
    "overfit": (falling(0.05, time=25), 0.6 - 0.0002 * (EPOCH - 15.0) ** 2),
    "diverged": (np.where(EPOCH < 20, falling(0.4, time=4), 3.0), np.full(N, 0.3)),
}


@pytest.mark.parametrize("kind", CURVES)
@pytest.mark.parametrize("every", [1, 4])
def test_made_curves_are_recognised(kind, every):
    verdict = assess_curves(rows(*CURVES[kind], every=every))
    assert verdict.kind == kind
    assert verdict.sentence.lower().startswith(kind)
    assert verdict.sentence.endswith(".")


def test_the_sentence_calls_a_score_as_people_do():
    said = assess_curves(rows(*CURVES["overfit"]), words="mean AP").sentence
    assert said.startswith("Overfit: mean AP was best at step")


@pytest.mark.parametrize("kind", ["settled", "still improving", "overfit"])
def test_wandering_numbers_do_not_change_the_verdict(kind):
    loss, score = CURVES[kind]
    kinds = set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        noisy = loss * (1 + rng.normal(0, 0.02, N)), score + rng.normal(0, 0.004, N)
        kinds.add(assess_curves(rows(*noisy)).kind)
    assert kinds == {kind}


@pytest.mark.parametrize("kind", ["settled", "still improving", "underfit", "diverged"])
def test_without_scores_the_loss_alone_decides(kind):
    assert assess_curves(rows(CURVES[kind][0])).kind == kind


def test_a_small_score_that_rises_by_half_is_still_improving():
    score = np.r_[np.linspace(0.028, 0.041, 6)]
    verdict = assess_curves(rows(np.linspace(1.1, 1.0, 6), score))
    assert verdict.kind == "still improving"
    assert "stayed" not in verdict.sentence


def test_a_loss_that_falls_did_not_stay():
    verdict = assess_curves(rows(np.linspace(1.04, 0.985, 6)))
    assert verdict.kind == "underfit"
    assert "the loss went from 1.01 to 0.985 in the last fifth" in verdict.sentence


def test_a_loss_that_is_no_number_is_a_divergence_with_its_step():
    loss = falling(0.4, time=4)
    loss[7] = np.nan
    verdict = assess_curves(rows(loss))
    assert verdict.kind == "diverged"
    assert "step 2000" in verdict.sentence


def test_a_drop_of_the_score_counts_only_while_the_loss_falls_on():
    _, score = CURVES["overfit"]
    assert assess_curves(rows(falling(0.4, time=2), score)).kind != "overfit"


def test_a_handful_of_epochs_is_too_short():
    assert assess_curves(rows(falling(0.4, time=4)[:4])).kind == "too short"


def test_the_sentence_is_one_line_in_a_file(tmp_path):
    verdict = assess_curves(rows(*CURVES["overfit"]))
    write_verdict(tmp_path / "verdict.txt", verdict)
    assert (tmp_path / "verdict.txt").read_text() == verdict.sentence + "\n"
    assert read_verdict(tmp_path / "verdict.txt") == verdict.sentence
    assert read_verdict(tmp_path / "nothing.txt") == ""
