"""What a private query engine must survive: every hazard by number, and the tests that cover it."""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
COVERED: dict[str, tuple[str, ...]] = {
    "1 one row, a million rows": ("test_a_person_of_a_million_rows_counts_as_the_bound",),
    "2 keys redefined after truncation": ("test_a_query_that_breaks_its_claim_is_caught",),
    "3 add or remove is not replace": ("test_replacing_somebody_costs_at_most_twice_the_claim",),
    "4 identical rows, hash ties": ("test_ties_of_the_hash_keep_no_group_more",),
    "5 null person ids": ("test_rows_of_nobody_count_nowhere",),
    "6 spellings of one id": ("test_every_spelling_of_one_identifier_is_one_person",),
    "7 one person under two ids": ("test_two_ids_of_one_person_cost_at_most_twice_the_claim",),
    "8 removing one changes nobody else": (
        "test_everybody_adds_the_same_whoever_else_is_there",
        "test_people_numbered_by_their_place_among_others_are_caught",
    ),
    "9 same query, same aggregate": ("test_threads_order_and_reopening_change_nothing",),
    "10 join fan-out": (
        "test_a_join_that_doubles_rows_is_caught",
        "test_a_store_that_breaks_a_promise_is_refused",
    ),
    "11 unregistered table": ("test_an_unregistered_table_is_refused",),
    "12 bounds": (
        "test_bounds_become_whole_multiples_with_halves_away_from_zero",
        "test_bounds_that_are_no_interval_are_refused",
    ),
    "13 overflow": (
        "test_bounds_that_could_overflow_are_refused_before_anything_runs",
        "test_a_query_that_could_overflow_is_refused_without_data",
    ),
    "14 odd halving": ("test_bounds_become_whole_multiples_with_halves_away_from_zero",),
    "14a totals are clipped": (
        "test_the_total_is_clipped_not_each_row",
        "test_totals_that_are_not_clipped_are_caught",
    ),
    "14b merging ids re-ranks": ("test_merged_people_must_be_ranked_again",),
    "14c ties at the k-th hash": ("test_ties_of_the_hash_keep_no_group_more",),
    "14d a filter after the prefix": ("test_a_form_that_cannot_answer_is_refused",),
    "14e 32-bit integers, leaking errors": (
        "test_large_values_do_not_overflow",
        "test_an_error_of_the_noise_source_prints_no_value",
    ),
    "15 NaN": ("test_a_value_that_is_not_a_number_counts_as_missing",),
    "16 float sums": (
        "test_no_query_sums_a_float",
        "test_a_sum_in_doubles_is_caught_where_whole_numbers_are_not",
    ),
    "17 overflow raises": (
        "test_a_query_that_could_overflow_is_refused_without_data",
        "test_totals_of_two_to_the_31_rows_are_bounded_without_overflow",
        "test_values_that_no_domain_holds_are_an_error_or_held_never_wrapped",
        "test_a_person_of_too_many_rows_is_refused",
    ),
    "18 garbled dates": ("test_each_kind_of_fault_quarantines_its_row_and_no_other",),
    "19 casts, modulo and bins that fail": ("test_anything_else_is_refused",),
    "20 noise distribution": (
        "test_drawn_noise_has_the_claimed_distribution",
        "test_noise_has_the_same_support_on_neighbours",
    ),
    "21 forks, threads, seeds": (
        "test_forked_processes_and_threads_draw_noise_of_their_own",
        "test_two_draws_differ_because_no_seed_exists",
    ),
    "22 a unique key": (
        "test_a_threshold_one_lower_would_break_delta",
        "test_a_persons_own_keys_show_no_more_often_than_delta",
    ),
    "23 declared keys without rows": ("test_cells_without_rows_are_noised_like_any_other",),
    "24 rows outside the keys": (
        "test_rows_outside_the_declared_labels_are_dropped_without_an_error",
        "test_an_undeclared_code_is_no_error",
    ),
    "25 order": ("test_cells_come_in_declared_order_whatever_the_data",),
    "26 thresholds count persons": (
        "test_a_key_of_one_person_is_hidden_however_many_draws",
        "test_a_rare_key_stuffed_by_one_person_stays_hidden",
    ),
    "27 tiny delta": ("test_a_tiny_delta_hides_everything_without_a_crash",),
    "28 races": ("test_of_processes_that_race_for_the_last_of_it_exactly_one_wins",),
    "29 kill -9": ("test_a_process_that_is_killed_has_paid",),
    "30 errors mid-query": ("test_an_error_after_the_start_has_paid",),
    "30a all or none": ("test_a_force_that_cannot_pay_costs_the_others_nothing",),
    "31 disk, copies, clock": (
        "test_a_full_disk_means_that_nothing_runs",
        "test_a_ledger_restored_from_a_copy_is_noticed",
        "test_a_clock_that_was_turned_back_is_noticed",
    ),
    "32 impossible budgets": (
        "test_an_impossible_epsilon_is_refused",
        "test_an_impossible_delta_is_refused",
    ),
    "33 zero cost": ("test_a_cost_of_zero_is_impossible",),
    "34 k measures cost k": ("test_every_measure_and_hidden_count_is_paid_for",),
    "35 a view, copy or rename": ("test_another_name_for_a_table_does_not_reset_the_budget",),
    "36 parallel composition": ("test_disjoint_rows_are_no_discount",),
    "37 identical and near-identical": (
        "test_an_identical_request_is_free_and_byte_identical",
        "test_a_nearly_identical_request_is_charged",
    ),
    "38 public refusals": (
        "test_a_refusal_comes_before_any_row_is_read",
        "test_a_refusal_of_a_private_question_does_not_depend_on_who_is_there",
    ),
    "39 weekly re-releases": (
        "test_weekly_releases_add_up_within_a_period_and_begin_anew_after_it",
    ),
    "40 averaging": ("test_an_identical_request_is_free_and_byte_identical",),
    "41 differencing": (
        "test_disjoint_rows_are_no_discount",
        "test_everybody_but_one_is_refused",
        "test_everybody_but_a_few_is_refused_after_everybody",
    ),
    "42 random subsets": ("test_a_budget_stops_reconstruction_by_subsets",),
    "43 figures one person decides": ("test_anything_else_is_refused",),
    "44 expressions that can fail": ("test_anything_else_is_refused",),
    "45 error text": (
        "test_an_error_of_the_store_prints_no_value",
        "test_an_error_of_the_noise_source_prints_no_value",
    ),
    "46 latency": (
        "test_noise_is_drawn_in_one_batch",
        "test_an_answer_and_a_failure_take_whole_quanta_of_time",
    ),
    "47 size and pattern of the result": ("test_size_and_gaps_do_not_depend_on_data",),
    "48 noise scale": ("test_size_and_gaps_do_not_depend_on_data",),
    "49 switches of the engine": ("test_nothing_outside_can_be_read_or_written",),
    "50 files and the network": (
        "test_nothing_outside_can_be_read_or_written",
        "test_mutant_that_is_not_locked_lets_the_attempt_through",
    ),
    "51 spill files": (
        "test_no_value_is_in_spill_files_as_plain_text",
        "test_mutant_without_spill_encryption_is_found_by_the_byte_scan",
    ),
    "52 debug switches": ("test_no_switch_turns_the_noise_off",),
    "53 record and replay": (
        "test_no_person_moves_a_query_past_its_claim",
        "test_removing_anybody_moves_a_stored_form_no_further_than_its_claim",
        "test_the_epsilon_that_draws_show_is_never_above_the_claim",
        "test_noise_that_is_off_shows_an_epsilon_above_the_claim",
        "test_a_bound_off_by_one_shows_an_epsilon_above_the_claim",
    ),
    # faults of another engine, by its issue number
    "opendp 2938 a failed cast counts for free": ("test_anything_else_is_refused",),
    "opendp 2939 NaN falls out of its bin": ("test_a_value_that_is_not_a_number_is_in_a_bin",),
    "opendp 2940 modulo zero counts for free": ("test_anything_else_is_refused",),
    "opendp 2941 a 32-bit float overflows": ("test_no_query_sums_a_float",),
    "opendp 2942 a garbled date stops the query": ("test_an_undeclared_code_is_no_error",),
    "opendp 2944 bins numbered as they appear": ("test_a_bin_is_numbered_by_its_public_edges",),
    "opendp 2945 a full group changes by twice its size": (
        "test_replacing_somebody_costs_at_most_twice_the_claim",
    ),
    "opendp 2949 keys merged after truncation": ("test_a_query_that_breaks_its_claim_is_caught",),
    "opendp 2950 an added record pushes another out": (
        "test_an_added_person_pushes_nobody_out_of_an_odd_or_an_even_table",
    ),
}
"""Hazard → tests that cover it; those of loading and files are tests of the forces' stores."""


@cache
def all_tests() -> frozenset[str]:
    found = set()
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                found.add(node.name)
    return frozenset(found)


@pytest.mark.parametrize("hazard", COVERED)
def test_every_hazard_has_its_tests(hazard: str) -> None:
    assert set(COVERED[hazard]) <= all_tests()


def test_no_hazard_was_dropped() -> None:
    numbers = {hazard.split()[0] for hazard in COVERED}
    assert {str(number) for number in range(1, 54)} <= numbers
    assert {"14a", "14b", "14c", "14d", "14e", "30a"} <= numbers
    assert sum(hazard.startswith("opendp") for hazard in COVERED) == 9
