"""Business as usual, published tables, and each force alone."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimisation import (
    Bounds,
    BusinessAsUsual,
    Forces,
    GroupedStatistics,
    Held,
    LinearModel,
    NotApplicableError,
    Option,
    Release,
    Statistic,
    Statistics,
    UseCase,
    UseCaseError,
)
from minimisation.options import BusinessAsUsualOption, EachForceAlone, NonPersonal
from minimisation.options.business_as_usual import points_model
from minimisation.options.each_force_alone import KEY
from minimisation.options.margins import estimate, fit_to_margins
from minimisation.options.non_personal import SendPublishedTable, rounded

OpenForces = Callable[..., Forces]
Points = Mapping[str, Mapping[str, float]]


def apply(option: Option, forces: Forces) -> Release:
    return option.apply(forces, forces.use_case, np.random.default_rng(1))


def with_points(use_case: UseCase, points: Points) -> UseCase:
    return replace(use_case, business_as_usual=BusinessAsUsual(points=points))


def scores(use_case: UseCase, points: Points, people: pa.Table) -> list[float]:
    model = points_model(with_points(use_case, points))
    features = model.encoding.encode(people)
    return [float(score) for score in model.intercept + features @ np.array(model.weights)]


PEOPLE = pa.table(
    {
        "age": [10.0, 24.0, 90.0],
        "sex": ["female", "male", "male"],
        "ethnicity": ["asian", None, "white"],
        "prior": [0.0, 3.0, 10.0],
    }
)


def test_a_point_per_prior_event_is_the_number_of_prior_events(outcome_use_case: UseCase) -> None:
    points = {"prior": {"per_unit": 1.0}}

    assert scores(outcome_use_case, points, PEOPLE) == pytest.approx([0, 3, 10])


def test_labels_and_numbers_add_up_in_one_rule(outcome_use_case: UseCase) -> None:
    points = {
        "prior": {"per_unit": 0.5},
        "age": {"10 to <18": 4.0, "18 to <25": 2.0},
        "sex": {"male": 1.0},
        "ethnicity": {"missing": 100.0},
    }

    assert scores(outcome_use_case, points, PEOPLE) == pytest.approx([4, 104.5, 6])


def test_counting_from_a_bound_above_zero_counts_the_value_itself(
    outcome_use_case: UseCase,
) -> None:
    assert scores(outcome_use_case, {"age": {"per_unit": 2.0}}, PEOPLE) == [20, 48, 180]


def test_a_missing_number_gets_the_points_of_missing(outcome_use_case: UseCase) -> None:
    optional = tuple(
        replace(column, optional=True) if column.name == "age" else column
        for column in outcome_use_case.columns
    )
    use_case = replace(outcome_use_case, columns=optional)
    people = PEOPLE.set_column(0, "age", pa.array([None, 24.0, 90.0]))

    alone = scores(use_case, {"age": {"per_unit": 1.0, "missing": 7.0}}, people)
    among = scores(use_case, {"age": {"per_unit": 1.0}, "prior": {"0 to <1": 5.0}}, people)

    assert alone == pytest.approx([7, 24, 90])
    assert among == pytest.approx([5, 24, 90])


@pytest.mark.parametrize(
    "points",
    [{"sex": {"mail": 1.0}}, {"sex": {"per_unit": 1.0}}, {"prior": {"per_unit": 1.0, "x": 1.0}}],
)
def test_a_rule_with_an_unknown_label_is_refused(outcome_use_case: UseCase, points: Points) -> None:
    with pytest.raises(UseCaseError, match="must name declared labels"):
        points_model(with_points(outcome_use_case, points))


def test_a_fine_count_among_bins_is_refused(outcome_use_case: UseCase) -> None:
    fine = tuple(
        replace(column, domain=Bounds(low=0, high=1e6)) if column.name == "prior" else column
        for column in outcome_use_case.columns
    )
    points = {"prior": {"per_unit": 1.0}, "age": {"10 to <18": 1.0}}
    with pytest.raises(UseCaseError, match="fewer than 1000"):
        points_model(with_points(replace(outcome_use_case, columns=fine), points))


def test_a_use_case_without_a_rule_has_no_usual_business(outcome_forces: Forces) -> None:
    use_case = with_points(outcome_forces.use_case, {})
    with outcome_forces, pytest.raises(NotApplicableError, match="no points rule"):
        BusinessAsUsualOption().apply(outcome_forces, use_case, np.random.default_rng(1))


def test_a_points_rule_takes_nothing_from_any_force(outcome_forces: Forces) -> None:
    with outcome_forces:
        release = apply(BusinessAsUsualOption(), outcome_forces)

    assert isinstance(release.artefact, LinearModel)
    assert release.artefact.link == "points"
    assert outcome_forces.meter.entries == []


def test_known_totals_are_kept_and_the_rest_is_even(grouped_forces: Forces) -> None:
    with grouped_forces:
        release = apply(BusinessAsUsualOption(), grouped_forces)
        true = {f.name: f._people(members=True).count("*").fetchall() for f in grouped_forces}
    assert isinstance(release.artefact, Statistics)
    answer = release.artefact.table.to_pandas()

    for force, cells in answer.groupby("force"):
        assert cells["rows"].sum() == pytest.approx(true[str(force)][0][0])
        assert cells["rows"].nunique() == 1
    assert [entry.rows for entry in grouped_forces.meter.entries] == [1, 1, 1]


def test_only_a_grand_total_may_be_known(
    open_forces: OpenForces, grouped_use_case: UseCase, grouped_forces: Forces
) -> None:
    del open_forces
    use_case = replace(grouped_use_case, business_as_usual=BusinessAsUsual())
    with grouped_forces:
        release = BusinessAsUsualOption().apply(grouped_forces, use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Statistics)

    assert len(set(release.artefact.table.column("rows").to_pylist())) == 1


def test_a_known_total_that_is_not_asked_for_is_refused(grouped_forces: Forces) -> None:
    use_case = replace(
        grouped_forces.use_case, business_as_usual=BusinessAsUsual(known=("object",))
    )
    with grouped_forces, pytest.raises(UseCaseError, match=r"known \(object\) must be"):
        BusinessAsUsualOption().apply(grouped_forces, use_case, np.random.default_rng(1))


def test_two_margins_fill_a_table_by_their_product() -> None:
    rows, columns = np.array([30.0, 10.0]), np.array([20.0, 20.0])
    cells = fit_to_margins((2, 2), [((0,), rows), ((1,), columns)])

    assert cells == pytest.approx(np.array([[15.0, 15.0], [5.0, 5.0]]))


def test_margins_whose_totals_differ_are_scaled_to_their_mean() -> None:
    cells = fit_to_margins((2, 2), [((0,), np.array([30.0, 10.0])), ((1,), np.array([30.0, 30.0]))])

    assert cells.sum() == pytest.approx(50.0)


def test_no_margin_at_all_is_an_empty_table() -> None:
    assert fit_to_margins((2, 3), []).sum() == 0.0


@given(
    table=st.lists(
        st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=2
    ).filter(lambda cells: sum(map(sum, cells)) > 0)
)
def test_fitted_cells_agree_with_every_margin(table: list[list[int]]) -> None:
    true = np.array(table, dtype=float)
    targets = [((0,), true.sum(axis=1)), ((1,), true.sum(axis=0))]
    cells = fit_to_margins(true.shape, targets)

    assert cells.min() >= 0
    assert cells.sum(axis=1) == pytest.approx(true.sum(axis=1))
    assert cells.sum(axis=0) == pytest.approx(true.sum(axis=0))


def test_overlapping_margins_are_fitted_together() -> None:
    true = np.random.default_rng(2).integers(1, 50, (2, 3, 4)).astype(float)
    targets = [((0, 1), true.sum(axis=2)), ((1, 2), true.sum(axis=0))]
    cells = fit_to_margins(true.shape, targets)

    assert cells.sum(axis=2) == pytest.approx(true.sum(axis=2))
    assert cells.sum(axis=0) == pytest.approx(true.sum(axis=0))


def test_sums_of_negative_numbers_are_estimated_too(grouped_use_case: UseCase) -> None:
    columns = tuple(
        replace(column, domain=Bounds(low=-10, high=10)) if column.name == "found" else column
        for column in grouped_use_case.columns
    )
    question = GroupedStatistics(
        by=("sex",),
        statistics=(Statistic(aggregate="rows"), Statistic(aggregate="sum", column="found")),
    )
    use_case = replace(grouped_use_case, columns=columns, question=question)
    known = pa.table(
        {
            "force": ["a", "a"],
            "sex": ["female", "male"],
            "rows": [2.0, 4.0],
            "persons": [2.0, 4.0],
            "sum_found": [-12.0, 6.0],
            "count_found": [2.0, 4.0],
        }
    )
    answer = estimate(use_case, question, ("a",), {("sex",): known})

    assert answer.table.column("sum_found").to_pylist() == pytest.approx([-12, 6])


def test_figures_are_rounded_and_small_ones_suppressed() -> None:
    table = pa.table({"sex": ["f", "m", "x", "y"], "rows": [9.0, 10.0, 12.0, 13.0]})

    assert rounded(table, base=5, fewest=10).column("rows").to_pylist() == [0, 10, 10, 15]


def unpublished(forces: Forces, option: NonPersonal) -> set[float]:
    """Figures that left a force although no table published to base 5 from 10 on has them."""
    step = SendPublishedTable(keys=("force", "sex"), base=option.base, fewest=option.fewest)
    with forces:
        sent = forces.ask(step).stacked()
    figures = {figure for name in sent.column_names[2:] for figure in sent.column(name).to_pylist()}
    return {figure for figure in figures if figure % 5 or 0 < figure < 10}


def test_no_figure_that_was_not_published_leaves(grouped_forces: Forces) -> None:
    assert unpublished(grouped_forces, NonPersonal()) == set()


def test_publishing_exact_figures_is_caught(grouped_forces: Forces) -> None:
    assert unpublished(grouped_forces, NonPersonal(base=1, fewest=0))


def test_each_published_table_leaves_each_force_once(grouped_forces: Forces) -> None:
    with grouped_forces:
        apply(NonPersonal(), grouped_forces)

    assert [entry.rows for entry in grouped_forces.meter.entries] == [1, 1, 1, 2, 2, 2]


def test_published_keys_outside_the_question_are_summed_out(grouped_forces: Forces) -> None:
    plain = replace(grouped_forces.use_case, published=(("force",),))
    crossed = replace(grouped_forces.use_case, published=(("force", "object"),))
    option = NonPersonal(base=1, fewest=0)
    with grouped_forces:
        answers = []
        for use_case in (plain, crossed):
            grouped_forces.use_case = use_case
            release = apply(option, grouped_forces)
            assert isinstance(release.artefact, Statistics)
            answers.append(release.artefact.table.column("rows").to_pylist())

    assert answers[0] == pytest.approx(answers[1])


def test_published_outcomes_make_a_scorecard_of_the_published_features(
    outcome_forces: Forces,
) -> None:
    with outcome_forces:
        release = apply(NonPersonal(), outcome_forces)
    assert isinstance(release.artefact, LinearModel)

    assert {column.name for column in release.artefact.encoding.columns} == {"age", "sex"}


def test_nothing_published_is_not_an_answer(outcome_forces: Forces) -> None:
    use_case = replace(outcome_forces.use_case, published=(("religion",),))
    with outcome_forces, pytest.raises(NotApplicableError, match="no published table"):
        NonPersonal().apply(outcome_forces, use_case, np.random.default_rng(1))


@pytest.mark.parametrize(("base", "fewest"), [(0, 10), (5, -1)])
def test_an_impossible_rounding_is_refused(base: int, fewest: int) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        NonPersonal(base=base, fewest=fewest)


def test_every_force_holds_its_own_model_and_sends_nothing(outcome_forces: Forces) -> None:
    with outcome_forces:
        release = apply(EachForceAlone(), outcome_forces)
        models = [force._resolve(release.artefact) for force in outcome_forces]

    assert release.artefact == Held(key=KEY)
    assert all(isinstance(model, LinearModel) for model in models)
    assert len({repr(model) for model in models}) == len(models)
    assert sum(entry.sent for entry in outcome_forces.meter.entries) == 0


def test_a_force_alone_learns_from_its_own_people_only(
    open_forces: OpenForces, outcome_use_case: UseCase, outcome_records: dict[str, pa.Table]
) -> None:
    model = {}
    for records in (outcome_records, {"ashmere": outcome_records["ashmere"]}):
        renamed = replace(outcome_use_case, name=f"toy-{len(records)}")
        with open_forces(renamed, records) as forces:
            release = apply(EachForceAlone(), forces)
            model[len(records)] = forces.members[0]._resolve(release.artefact)

    assert model[3] == model[1]


@pytest.mark.parametrize(
    ("by", "reason"),
    [(("force", "sex"), "its own groups"), (("sex",), "total over all forces")],
)
def test_a_force_alone_cannot_count_for_all(
    grouped_forces: Forces, by: tuple[str, ...], reason: str
) -> None:
    question = GroupedStatistics(by=by, statistics=(Statistic(aggregate="rows"),))
    use_case = replace(grouped_forces.use_case, question=question)
    with grouped_forces, pytest.raises(NotApplicableError, match=reason):
        EachForceAlone().apply(grouped_forces, use_case, np.random.default_rng(1))
