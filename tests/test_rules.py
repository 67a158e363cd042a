"""Each finding that is promised is shown by a test of a command that a user gives."""

import ast
from pathlib import Path

from tests.offenders import for_each

from fatescope.base.finding import RULES

TESTS = Path(__file__).parent
PROMISED = "systems/test_promised_findings.py"
FRAMES = PROMISED, "test_clean_says_every_rule_of_frames"
TABLES = PROMISED, "test_clean_says_every_rule_of_annotations"
LINEAGES = PROMISED, "test_lint_says_every_rule_of_lineages"
STITCH = PROMISED, "test_stitch_says_what_is_odd_about_a_plate"
CHOSEN = PROMISED, "test_predict_says_which_channel_it_chose_and_how_planes_became_nuclei"
PAIRS = PROMISED, "test_pairs_say_what_has_no_partner"
PIXELS = "systems/test_pixel_findings.py", "test_predict_says_what_is_odd_about_pixels"
RUN, WELLS = "systems/plates/test_plate_run.py", "systems/plates/test_plate_wells.py"
STAINS, MATCH = "systems/plates/test_stain_labels.py", "systems/lineages/test_match.py"
MEMBRANES, NUCLEI = "systems/membranes/test_membranes.py", "systems/nuclei/test_nuclei.py"
LINKED = "systems/nuclei/test_linked_labels.py"
LIVE_DEAD = "systems/live_dead/test_live_dead.py"
WHOLE = {"frames": FRAMES, "annotations": TABLES, "lineages": LINEAGES}
"""Kinds of which one test reads the whole vocabulary."""
SHOWN = {kind: dict.fromkeys(RULES[kind], test) for kind, test in WHOLE.items()} | {
    "plates": {
        **dict.fromkeys(
            ("missing-images", "unlisted-images", "outside-plate", "repeated-images"), STITCH
        ),
        **dict.fromkeys(("mixed-scale", "no-wells"), STITCH),
        "unplaced": (WELLS, "test_an_empty_well_is_laid_by_the_stage_and_said_so"),
        "uneven-times": (RUN, "test_deaths_on_a_plate_of_uneven_times_have_their_true_hours"),
        "no-treatment": (PROMISED, "test_survival_says_which_wells_have_no_treatment"),
        "unmapped-wells": (RUN, "test_without_a_map_each_well_stands_for_itself"),
        "trained-wells": (
            "systems/plates/test_plate_trained.py",
            "test_a_model_is_made_from_the_stained_wells_and_applied_to_all",
        ),
    },
    "input": {
        "unreadable": (LIVE_DEAD, "test_a_bad_file_costs_one_finding_and_the_others_are_done"),
        "no-scale": (
            "systems/viability/test_viability.py",
            "test_an_unknown_pixel_size_is_said_to_be_assumed",
        ),
        **dict.fromkeys(("empty", "constant", "not-finite", "saturated"), PIXELS),
        "odd-axes": (MEMBRANES, "test_matlab_volumes_and_markers_by_image"),
        "left-out": (
            "systems/test_pixel_findings.py",
            "test_what_a_file_holds_beside_its_image_is_said_by_commands_and_functions",
        ),
        "unlike-training": (MEMBRANES, "test_a_negative_is_said_to_be_one_and_membranes_are_not"),
    },
    "result": {
        "abstained": (
            "systems/populations/test_populations.py",
            "test_frames_beyond_what_the_model_counts_are_abstained_from_and_said",
        ),
        **dict.fromkeys(("assumed-channel", "solid-nuclei"), CHOSEN),
        "assumed-scale": (MEMBRANES, "test_an_unknown_scale_is_assumed_and_said_so"),
        "bridged": (
            "systems/populations/test_populations.py",
            "test_excluded_and_faulty_frames_are_bridged",
        ),
        "cut": (MEMBRANES, "test_cells_that_go_on_beyond_the_volume_are_said_and_counted"),
        "doubtful": (MEMBRANES, "test_pieces_that_are_far_too_small_for_cells_are_said"),
        "excluded": (LINKED, "test_an_excluded_frame_is_stepped_over"),
        "few-embryos": (
            "systems/lineages/test_lineage_stories.py",
            "test_two_embryos_a_group_are_compared_with_a_warning_and_shown_one_by_one",
        ),
        "few-wells": (WELLS, "test_groups_of_few_wells_are_named_with_their_dose"),
        "joined-planes": (NUCLEI, "test_images_and_stacks_can_be_mixed"),
        "label-image": (NUCLEI, "test_a_label_image_beside_images_is_left_out_as_a_finding"),
        "loss": (
            "systems/cleaning/test_clean_losses.py",
            "test_the_highest_tenth_is_dropped_and_applied_as_an_exclusion",
        ),
        "neighbour": (MEMBRANES, "test_two_embryos_in_one_field_are_both_found_and_said"),
        "no-cells": (PROMISED, "test_cells_that_are_not_there_are_said"),
        "planes-apart": (LIVE_DEAD, "test_frames_are_counted_apart_and_planes_are_said_to_be"),
        "no-membrane": (MEMBRANES, "test_a_volume_without_membrane_gives_a_finding_and_no_cells"),
        **dict.fromkeys(("no-movie", "no-table"), PAIRS),
        "no-nuclei": (STAINS, "test_an_empty_well_has_no_invented_cells"),
        "no-plateau": (
            WELLS,
            "test_a_dose_response_without_a_plateau_shows_its_wells_and_says_why",
        ),
        "not-its-table": (MATCH, "test_another_embryo_gives_cannot_tell_and_no_film"),
        "offset": (MATCH, "test_a_table_is_laid_on_its_movie_and_both_are_played"),
        "one-population": (STAINS, "test_an_empty_well_has_no_invented_cells"),
        "scaled": (NUCLEI, "test_the_command_answers_in_json_and_nothing_else"),
        "too-few-frames": (
            "systems/lineages/test_link.py",
            "test_a_movie_with_too_few_frames_is_said_to_be_one",
        ),
        "tracks": (LINKED, "test_links_are_those_of_lineage_link"),
        "unstained-wells": (
            STAINS,
            "test_each_stained_field_and_frame_has_labels_counts_and_a_row_of_the_manifest",
        ),
    },
}
BY_TABLE = (STITCH, PIXELS)
"""Tests with a table of rules above them, which stands in the module."""
CASES = [(kind, rule, *where) for kind, rules in SHOWN.items() for rule, where in rules.items()]


@for_each(CASES, named=lambda case: f"{case[0]} {case[1]}")
def test_a_promised_finding_has_a_test_that_names_it(case):
    kind, rule, file, name = case
    assert file.startswith("systems/")
    text = (TESTS / file).read_text("utf-8")
    tests = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name]
    assert len(tests) == 1, f"{file} has no test {name}"
    own = "\n".join(
        ast.get_source_segment(text, node) or "" for node in (tests[0], *tests[0].decorator_list)
    )
    if kind in WHOLE:
        assert f'RULES["{kind}"]' in own
    else:
        assert f'"{rule}"' in (text if (file, name) in BY_TABLE else own)


def test_every_rule_is_promised():
    """A rule that is added has to be shown by a command."""
    assert {kind: set(rules) for kind, rules in SHOWN.items()} == RULES
