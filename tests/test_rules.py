"""Each finding that is promised is shown by a test: of a command, or of the function behind it."""

import ast
from pathlib import Path

from tests.offenders import for_each

from fatescope.base.finding import RULES

TESTS = Path(__file__).parent
FRAMES = (
    "black dark frozen duplicate saturated blurred cropped jump flicker torn foreign line patch"
)
EVERY_FRAME = (
    "clean/test_frames.py",
    "test_every_frame_of_a_fault_is_found_under_its_name_and_no_other_frame",
)
EVERY_TABLE = ("clean/test_annotations.py", "test_every_fault_of_a_table_is_found_where_it_is")
LINT, FILES = "lineage/lint/test_lint.py", "acquire/test_foreign_lineage_tables.py"
ODD = "acquire/test_plate_oddities.py"
PIXELS = ("systems/test_pixel_findings.py", "test_predict_says_what_is_odd_about_pixels")
SHOWN = {
    "frames": dict.fromkeys(FRAMES.split(), EVERY_FRAME),
    "annotations": {
        **dict.fromkeys(("cliff", "rise", "fall", "stretched"), EVERY_TABLE),
        "vanished": (
            "clean/test_annotations.py",
            "test_a_group_that_is_most_of_what_is_followed_after_a_cliff_can_vanish",
        ),
        "after-end": (
            "systems/cleaning/test_clean.py",
            "test_apply_writes_an_exclusion_that_joins_frames_in_a_row",
        ),
        "duplicate-row": (
            "clean/test_annotations.py",
            "test_a_frame_that_a_table_of_counts_holds_twice_is_found",
        ),
        "wrapped": (
            "clean/test_annotations.py",
            "test_counts_that_went_through_eight_bits_are_found",
        ),
    },
    "lineages": {
        "nonpositive-time": (LINT, "test_known_faults_of_real_tables"),
        "hole": (LINT, "test_a_hole_before_daughters_and_one_within_a_life_are_told_apart"),
        "orphan": (
            "systems/lineages/test_lint_result.py",
            "test_errors_stand_before_warnings_on_the_terminal_and_on_the_page",
        ),
        "cliff": (
            "systems/lineages/test_lint_result.py",
            "test_other_commands_obey_what_was_taken_out",
        ),
        "partial": (LINT, "test_a_family_of_three_and_an_only_daughter_are_found"),
        "duplicate-position": (LINT, "test_only_accepted_findings_exclude_rows"),
        "outside-tree": (LINT, "test_findings_are_ranked_and_a_long_list_says_how_long_it_is"),
        "oversplit": (
            "systems/lineages/test_link.py",
            "test_divisions_that_follow_each_other_too_fast_for_any_nucleus_are_said",
        ),
        "jump": (LINT, "test_a_leap_is_found_and_a_turn_of_the_whole_embryo_is_not"),
        "swap": (LINT, "test_only_accepted_findings_exclude_rows"),
        "exchanged": (LINT, "test_families_out_of_file_order_were_exchanged"),
        "timing": (LINT, "test_a_cell_that_lives_too_long_or_too_short_is_named"),
        "species": (
            "systems/lineages/test_lineage_files.py",
            "test_findings_are_accepted_taken_back_and_recorded",
        ),
        "atypical": (LINT, "test_axes_that_fit_nothing_make_an_embryo_atypical"),
        "duplicate-id": (FILES, "test_an_id_in_two_rows_is_said_and_nothing_is_linked_to_it"),
        "unknown-parent": (FILES, "test_a_parent_in_no_row_is_said"),
        "links-not-read": (FILES, "test_a_column_of_links_that_is_not_understood_is_said"),
    },
    "plates": {
        "unplaced": (
            "systems/plates/test_plate_wells.py",
            "test_an_empty_well_is_laid_by_the_stage_and_said_so",
        ),
        "repeated-images": (ODD, "test_a_well_of_two_acquisitions_is_said"),
        "missing-images": (
            "acquire/test_plate_bad_input.py",
            "test_a_field_with_damaged_metadata_is_missing_and_named",
        ),
        "uneven-times": (
            "systems/plates/test_plate_run.py",
            "test_deaths_on_a_plate_of_uneven_times_have_their_true_hours",
        ),
        "no-wells": (
            "acquire/test_positions.py",
            "test_a_file_of_scenes_without_wells_is_one_well_and_says_so",
        ),
        "mixed-scale": (ODD, "test_fields_of_two_pixel_sizes_are_said"),
        "no-treatment": (
            "acquire/test_plate_map.py",
            "test_wells_that_merged_cells_leave_without_a_treatment_are_said",
        ),
    },
    "input": {
        "unreadable": (
            "engine/test_driver.py",
            "test_a_unit_that_fails_costs_one_finding_and_nothing_else",
        ),
        "empty": (
            "systems/membranes/test_membranes.py",
            "test_a_volume_without_membrane_gives_a_finding_and_no_cells",
        ),
        "constant": (
            "systems/viability/test_viability.py",
            "test_a_field_without_cells_is_a_finding_and_has_no_objects",
        ),
        **dict.fromkeys(("not-finite", "saturated"), PIXELS),
        "no-scale": (
            "systems/viability/test_viability.py",
            "test_an_unknown_pixel_size_is_said_to_be_assumed",
        ),
        "odd-axes": (
            "systems/membranes/test_membranes.py",
            "test_a_grey_film_in_colour_is_taken_and_a_colourful_image_asks",
        ),
        "left-out": (
            "systems/test_pixel_findings.py",
            "test_what_a_file_holds_beside_its_image_is_said_by_commands_and_functions",
        ),
        "unlike-training": (
            "systems/membranes/test_membranes.py",
            "test_a_negative_is_said_to_be_one_and_membranes_are_not",
        ),
    },
}
BY_TABLE = (EVERY_FRAME, EVERY_TABLE, PIXELS)
"""Tests with a table of rules above them, which stands in the module."""
CASES = [(kind, rule, *where) for kind, rules in SHOWN.items() for rule, where in rules.items()]


@for_each(CASES, named=lambda case: f"{case[0]} {case[1]}")
def test_a_promised_finding_has_a_test_that_names_it(case):
    kind, rule, file, name = case
    assert rule in RULES[kind]
    text = (TESTS / file).read_text("utf-8")
    tests = [n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef) and n.name == name]
    assert len(tests) == 1, f"{file} has no test {name}"
    own = "\n".join(
        ast.get_source_segment(text, node) or "" for node in (tests[0], *tests[0].decorator_list)
    )
    assert f'"{rule}"' in (text if (file, name) in BY_TABLE else own)


def test_every_rule_of_frames_and_annotations_is_promised():
    """A rule that is added has to be shown; those of other kinds are in the documentation."""
    for kind in ("frames", "annotations"):
        assert set(SHOWN[kind]) == RULES[kind]
