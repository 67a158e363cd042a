import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.simulate.plate import (
    FieldScene,
    PlateSettings,
    live_well,
    place_stage,
    plan_plate,
    vary_plate,
)
from fatescope.simulate.plate.design import BOTH, cumulative_hazard

SMALL = PlateSettings(
    rows=2, columns=3, field_rows=1, field_columns=2, frames=4, height=120, width=150, cells=40,
    diameter_px=16,
)  # fmt: skip


def scene(settings=SMALL, *, seed=3, field=0, want=lambda w: w.is_recorded):
    look = vary_plate(settings, seed=seed)
    design = plan_plate(look.settings, seed=seed)
    plan = next(w for w in design.wells if want(w))
    world = live_well(look.settings, design, plan, seed=seed)
    stage = place_stage(look.settings, design, seed=seed)
    return FieldScene(look, design, plan, world, stage, field=field, seed=seed)


def test_the_published_plate_has_its_wells_fields_frames_and_sixteen_gigapixels():
    design = plan_plate(PlateSettings(scale=1), seed=0)
    assert (len(design.wells), design.fields, design.frames) == (24, 81, 70)
    assert design.interval_h == pytest.approx(18 / 70)
    pixels = len(design.wells) * design.fields * design.frames * 300 * 400
    assert pixels == pytest.approx(16e9, rel=0.03)
    sets = [w.set for w in design.wells if w.is_recorded]
    assert (len(sets), sets.count("test")) == (8, 2)
    assert sorted(set(sets)) == ["test", "training", "validation"]


def test_scale_takes_fields_and_frames_and_never_wells_pixels_or_the_hundred_cells():
    whole, small = (plan_plate(PlateSettings(scale=s), seed=0) for s in (1, 1e-4))
    assert len(small.wells) == len(whole.wells)
    assert small.fields < whole.fields
    assert small.frames < whole.frames
    assert small.extent[0] >= 300
    assert small.cells >= 100


def test_dye_and_light_have_three_wells_each_way_for_the_control_of_phototoxicity():
    wells = [w for w in plan_plate(PlateSettings(), seed=0).wells if w.treatment != "compound"]
    wells = [w for w in wells if w.treatment != "killed"]
    groups = {(d, g): sum((bool(w.stains), w.light) == (d, g) for w in wells)
              for d in (True, False) for g in (True, False)}  # fmt: skip
    assert min(groups.values()) == 3


def test_the_hazard_is_that_of_the_settings_worked_out_by_hand():
    settings = PlateSettings(untreated_survival=0.5, frailty=0.0, phototoxicity=2.0)
    wells = {w.treatment: w for w in plan_plate(settings, seed=0).wells}
    hours, hazard = cumulative_hazard(wells["untreated"], settings)
    assert np.interp(settings.hours, hours, hazard) == pytest.approx(np.log(2))
    assert np.interp(settings.hours / 4, hours, hazard) == pytest.approx(np.log(2) / 8)
    hours, killed = cumulative_hazard(wells["killed"], settings)
    assert killed[-1] / hazard[-1] == pytest.approx(settings.killed_hazard_ratio)
    hours, both = cumulative_hazard(wells[BOTH], settings)
    step = slice(1000, 1002)
    ratio = np.diff(both[step]) / np.diff(hazard[step])
    assert ratio[0] == pytest.approx(np.exp(2.0 * hours[1000] / settings.hours), rel=1e-2)


def test_in_the_null_plate_all_treatments_are_alike():
    settings = PlateSettings(preset="null", frailty=0.0)
    wells = plan_plate(settings, seed=0).wells
    ends = {round(float(cumulative_hazard(w, settings)[1][-1]), 9) for w in wells}
    assert len(ends) == 1


def test_half_the_effect_comes_at_the_ec50():
    settings = PlateSettings(doses=(1.0, 1e9), ec50=1.0, top_hazard_ratio=100.0)
    ratios = {w.dose: w.hazard_ratio for w in plan_plate(settings, seed=0).wells if w.dose}
    assert ratios[1.0] == pytest.approx(10.0)
    assert ratios[1e9] == pytest.approx(100.0)


def test_cells_begin_apart_and_dead_ones_never_move():
    s = scene(SMALL.replace(clumped=0.9))
    world = s.world
    old = np.flatnonzero(world.parent < 0)
    settings = SMALL.replace(wander_px=0.0, clumped=0.9)
    still = scene(settings).world
    places = np.column_stack([still.y[0], still.x[0]])[still.parent < 0]
    far = np.hypot(*(places[:, None] - places[None]).T)
    np.fill_diagonal(far, np.inf)
    radius = still.radius[still.parent < 0]
    assert (far >= 0.97 * (radius[:, None] + radius[None])).all()
    dead = [c for c in old if 0 <= world.death_frame[c] < s.design.frames - 1]
    assert dead
    for c in dead:
        k = world.death_frame[c]
        assert np.ptp(world.y[k:, c]) == 0
        assert np.ptp(world.x[k:, c]) == 0


def test_daughters_are_born_beside_living_mothers_and_floating_cells_end_early():
    settings = SMALL.replace(divisions_per_hour=0.05, detached_per_hour=0.05, cells=60, frames=20)
    world = scene(settings, want=lambda w: w.treatment == "untreated").world
    born = np.flatnonzero(world.parent >= 0)
    assert len(born)
    for d in born:
        m = world.parent[d]
        assert world.first[d] > 0
        assert world.death_h[m] > (world.first[d] - 1) * world.interval_h
        assert world.death_h[d] > (world.first[d] - 1) * world.interval_h
    gone = world.last < 19
    assert gone.any()
    assert (world.death_frame[gone] < 0).all()


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others():
    first, again, other = (scene(seed=s).render(2) for s in (3, 3, 4))
    for channel in ("BF", "DAPI", "Cy5"):
        np.testing.assert_array_equal(first[0][channel], again[0][channel])
        assert (first[0][channel] != other[0][channel]).any()
    np.testing.assert_array_equal(first[1].labels, again[1].labels)


def test_a_frame_does_not_depend_on_which_frames_were_rendered_before():
    alone = scene().render(3)[0]["BF"]
    s = scene()
    for frame in range(3):
        s.render(frame)
    np.testing.assert_array_equal(s.render(3)[0]["BF"], alone)


def test_dye_shines_in_dead_nuclei_hoechst_in_all_and_bright_field_shows_every_cell():
    s = scene(SMALL.replace(dye_delay_min=5.0, vary=0.0))
    images, truth = s.render(3)
    living, dead = truth.classes == 3, truth.classes == 4
    nothing = truth.classes == 0
    assert living.any()
    assert dead.any()
    # Long dead cells: the dye had the time to enter.
    hours = s.world.dead_hours(3)
    full = np.isin(truth.labels, np.flatnonzero(hours > 1) + 1) & dead
    level = {c: float(np.median(v[nothing])) for c, v in images.items()}
    assert np.median(images["Cy5"][full]) > level["Cy5"] + 200
    assert np.median(images["Cy5"][living]) < level["Cy5"] + 60
    assert np.median(images["DAPI"][living]) > level["DAPI"] + 300
    lamp = images["BF"][nothing].std()
    assert images["BF"][truth.labels > 0].std() > 1.5 * lamp


def test_classes_say_what_labels_and_states_say():
    s = scene()
    _, truth = s.render(2)
    assert ((truth.classes > 0) == (truth.labels > 0)).all()
    for number in truth.cells:
        inside = truth.classes[truth.labels == number]
        dead = s.world.death_frame[number - 1]
        wrong = 3 if 0 <= dead <= 2 else 4
        assert not (inside == wrong).any()


def test_neighbouring_fields_show_the_same_cells_where_they_overlap():
    settings = SMALL.replace(overlap=0.5, drift_px=0.0)
    left, right = (scene(settings, field=f) for f in (0, 1))
    shift = np.rint(right.origin(0) - left.origin(0)).astype(int)
    a, b = left.render(0)[1].labels, right.render(0)[1].labels
    dy, dx = shift
    rows = slice(max(0, dy), 120 + min(0, dy))
    back = slice(max(0, -dy), 120 + min(0, -dy))
    one, two = a[rows, dx:], b[back, : 150 - dx]
    assert (one > 0).any()
    assert (one == two).mean() > 0.93  # parts of a pixel move outlines


def test_an_empty_well_has_no_cells_and_an_image_of_light():
    s = scene(SMALL.replace(empty_wells=6))
    images, truth = s.render(0)
    assert not truth.labels.any()
    assert images["BF"].mean() > 1000


def test_unstained_wells_are_recorded_in_bright_field_alone():
    assert scene(want=lambda w: not w.is_recorded).channels == ("BF",)


@pytest.mark.parametrize("fault", ["black", "dark", "saturated", "blurred"])
def test_faulty_frames_are_what_they_are_called(fault):
    s = scene(SMALL.replace(fault_share=1.0, frames=40, vary=0.0))
    clean = scene(SMALL.replace(frames=40, vary=0.0))
    k = next(k for k, rule in s.faults.items() if rule == fault)
    image, good = s.render(k)[0]["BF"].astype(float), clean.render(k)[0]["BF"].astype(float)
    steps = [np.abs(np.diff(v, axis=0)).mean() for v in (image, good)]
    if fault == "blurred":
        assert steps[0] < 0.9 * steps[1]
        assert image.mean() == pytest.approx(good.mean(), rel=0.02)
    else:
        low, high = {"black": (0, 0.001), "dark": (0.05, 0.3), "saturated": (3, 20)}[fault]
        assert low <= image.mean() / good.mean() <= high


def test_more_wells_cannot_be_stained_than_there_are():
    with pytest.raises(InputError, match=r"--stained 7 .* 6 wells"):
        plan_plate(SMALL.replace(stained=7), seed=0)


def test_looks_differ_between_plates_unless_told_otherwise():
    looks = [vary_plate(SMALL, seed=s) for s in (1, 2)]
    assert looks[0].settings.focus != looks[1].settings.focus
    same = [vary_plate(SMALL.replace(vary=0.0), seed=s) for s in (1, 2)]
    assert same[0].settings == same[1].settings == SMALL.replace(vary=0.0)
