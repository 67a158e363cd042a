"""``plate labels``: from stains to images of classes, on a plate whose truth is known."""

import shutil

import numpy as np
import pytest

from fatescope.acquire import read_labels, read_table
from fatescope.acquire.plates import PlateReading
from fatescope.base import Execution, InputError
from fatescope.plate import StainSettings
from fatescope.prepare.pairs import PairSettings, find_pairs
from fatescope.simulate.plate import PlateSettings
from fatescope.systems.plates.stain_labels import label_plate, label_stains, plan_label_plate
from fatescope.systems.simulation.plates import simulate_plate

ONE = Execution(workers=1)
SMALL = PlateSettings(
    rows=1, columns=3, stained=2, field_rows=1, field_columns=1, frames=3, height=200, width=240,
    cells=45, vary=0.0, dye_delay_min=5.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def plate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plate") / "p"
    simulate_plate(folder, settings=SMALL, seed=21, execution=ONE)
    return folder


@pytest.fixture(scope="module")
def labelled(plate, tmp_path_factory):
    out = tmp_path_factory.mktemp("labels") / "o"
    return label_plate(plate, out=out, execution=ONE), out


def contents(folder):
    kinds = ("labels/*.tif", "index.csv", "counts.csv", "nuclei.csv")
    return {p.relative_to(folder): p.read_bytes() for k in kinds for p in folder.rglob(k)}


@pytest.mark.slow
def test_each_stained_field_and_frame_has_labels_counts_and_a_row_of_the_manifest(labelled):
    summary, out = labelled
    assert summary.units_failed == 0
    counts = read_table(out / "counts.csv")
    assert list(counts.columns)[:7] == [
        "well", "field", "frame", "n_cells", "n_live", "n_dead", "n_uncertain"
    ]  # fmt: skip
    assert len(counts) == 2 * 3
    index = read_table(out / "index.csv")
    assert len(index) == len(counts)
    for image, labels in zip(index["image"], index["labels"], strict=True):
        assert read_labels(out / labels).shape == (200, 240)
        assert (out / image).exists()
    page = (out / "report.html").read_text("utf-8")
    assert "Labels from stains" in page
    rules = read_table(out / "findings.csv")["rule"].tolist()
    assert "unstained-wells" in rules


@pytest.mark.slow
def test_living_and_dead_nuclei_are_those_of_the_truth(labelled, plate):
    _, out = labelled
    right = dict.fromkeys((3, 4), 0)
    wrong = dict.fromkeys((3, 4), 0)
    fields = read_table(plate / "truth" / "fields.csv")
    for i in range(len(fields)):
        if not fields["set"][i]:  # its stains were not recorded
            continue
        truth = read_labels(plate / fields["classes"][i])
        for frame in range(3):
            name = f"{fields['well'][i]}_s1_t{frame:03d}"
            found = read_labels(out / "labels" / f"{name}.tif").read()
            true = truth.read(T=frame)
            for c in (3, 4):
                right[c] += int(((found == c) & (true == c)).sum())
                wrong[c] += int(((found == c) != (true == c))[found != 255].sum())
    for c in (3, 4):
        assert 2 * right[c] / (2 * right[c] + wrong[c]) > 0.8


@pytest.mark.slow
def test_prepare_reads_the_manifest(labelled):
    _, out = labelled
    rows = (out / "index.csv").read_text("utf-8").splitlines()
    assert rows[0].startswith("name,unit,well,field,frame,image,labels,role,unsure_label")
    samples = find_pairs([out], settings=PairSettings())
    assert len(samples) == 6
    assert {s.unsure_label for s in samples} == {255}
    assert len({s.unit for s in samples}) == 2


@pytest.mark.slow
def test_workers_and_a_kill_change_nothing(plate, labelled, tmp_path):
    _, out = labelled
    label_plate(plate, out=tmp_path / "two", execution=Execution(workers=2))
    assert contents(tmp_path / "two") == contents(out)
    for stop_at in (1, 2):

        def stop(done, total, what, stop_at=stop_at, seen=[]):  # noqa: B006 - counts calls
            seen.append(done)
            if len(seen) == 2 * stop_at - 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            label_plate(plate, out=tmp_path / "killed", execution=ONE, progress=stop)
    label_plate(plate, out=tmp_path / "killed", execution=ONE)
    assert contents(tmp_path / "killed") == contents(out)


@pytest.mark.slow
def test_the_published_rule_is_there_and_writes_its_thresholds(plate, tmp_path):
    settings = StainSettings(rule="published", factor=1.1, classes="3")
    label_plate(plate, out=tmp_path / "o", settings=settings, execution=ONE)
    frames = read_table(tmp_path / "o" / "frames.csv")
    assert (frames["dead_threshold"].astype(float) > 0).all()
    painted = read_labels(next((tmp_path / "o" / "labels").glob("*.tif"))).read()
    assert set(np.unique(painted)) <= {0, 1, 2, 255}


@pytest.mark.slow
def test_faulty_frames_are_all_uncertain_and_named(tmp_path):
    settings = SMALL.replace(columns=2, frames=6, fault_share=0.5)
    simulate_plate(tmp_path / "p", settings=settings, seed=3, execution=ONE)
    label_plate(tmp_path / "p", out=tmp_path / "o", execution=ONE)
    faults = read_table(tmp_path / "p" / "truth" / "faults.csv")
    counts = read_table(tmp_path / "o" / "counts.csv")
    state = {(w, t): s for w, t, s in zip(counts["well"], counts["frame"].astype(int),
                                          counts["state"], strict=True)}  # fmt: skip
    named = [
        state[w, int(t)]
        for w, t, rule in zip(faults["well"], faults["frame"], faults["rule"], strict=True)
        if (w, int(t)) in state and rule in ("black", "saturated")
    ]
    assert named
    assert set(named) <= {"constant", "saturated", "no-nuclei"}
    well, frame = next(k for k, s in state.items() if s in ("constant", "saturated"))
    painted = read_labels(tmp_path / "o" / "labels" / f"{well}_s1_t{frame:03d}.tif").read()
    assert (painted == 255).all()


@pytest.mark.slow
def test_an_empty_well_has_no_invented_cells(tmp_path):
    settings = SMALL.replace(columns=2, stained=2, empty_wells=2, debris=0.0)
    simulate_plate(tmp_path / "p", settings=settings, seed=3, execution=ONE)
    summary = label_plate(tmp_path / "p", out=tmp_path / "o", execution=ONE)
    assert summary.units_failed == 0
    counts = read_table(tmp_path / "o" / "counts.csv")
    assert counts["n_cells"].astype(int).sum() == 0
    rules = read_table(tmp_path / "o" / "findings.csv")["rule"].tolist()
    assert rules.count("no-nuclei") == len(counts)
    assert "one-population" in rules


@pytest.mark.slow
def test_a_damaged_field_costs_itself_alone(plate, tmp_path):
    shutil.copytree(plate, tmp_path / "p")
    victim = sorted((tmp_path / "p" / "images").glob("*w2.tif"))[0]
    victim.write_bytes(victim.read_bytes()[:5000])
    summary = label_plate(tmp_path / "p", out=tmp_path / "o", execution=ONE)
    assert summary.units_failed == 1
    assert victim.name in summary.errors[0]
    assert len(read_table(tmp_path / "o" / "counts.csv")) == 3


def test_a_plate_without_stains_is_refused_with_the_way_out(tmp_path):
    settings = SMALL.replace(columns=1, stained=0)
    simulate_plate(tmp_path / "p", settings=settings, execution=ONE)
    with pytest.raises(InputError, match="Hoechst"):
        label_plate(tmp_path / "p", out=tmp_path / "o", execution=ONE)


def test_one_image_is_labelled_in_memory_and_shapes_must_agree():
    rng = np.random.default_rng(0)
    y, x = np.indices((80, 90))
    blob = np.hypot(y - 40, x - 45) < 6
    planes = [rng.normal(200, 5, (80, 90)) + v * blob for v in (60, 900, 700)]
    found = label_stains(*planes)
    assert len(found.nuclei) == 1
    assert found.classes.shape == (80, 90)
    with pytest.raises(InputError, match="one shape"):
        label_stains(planes[0], planes[1], planes[2][:40])


@pytest.mark.slow
def test_the_plan_counts_fields(plate):
    plan = plan_label_plate(plate, settings=StainSettings(), reading=PlateReading(), execution=ONE)
    assert plan.units == 2
    assert plan.cpu_seconds > 0
