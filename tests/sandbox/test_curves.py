"""Data-need curves: they equal plain fits, find the planted truth, and stop at the floor line."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from minimisation import Encoding, Forces, UseCase
from minimisation.options.raw_pool import RawPool
from minimisation.regression import fit_logistic
from sandbox.curves import columns, fits, judge, people
from sandbox.curves.columns import Point
from sandbox.curves.fits import Setting
from sandbox.curves.people import PeopleCurve
from sandbox.demo.truth import PLANTED
from sandbox.study import Study

RNG = np.random.default_rng(1)

FEATURES = ("age", "sex", "ethnicity", "prior")


def test_a_batch_of_fits_equals_fits_on_pooled_rows(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        pooled = RawPool().apply(forces, forces.use_case, RNG).artefact.table  # type: ignore[union-attr]
        settings = [Setting(columns=FEATURES), Setting(columns=("sex", "prior"))]
        found = fits.fit(forces, settings)
    outcome = np.asarray(pooled.column("outcome"), dtype=float)
    for setting, each in zip(settings, found, strict=True):
        encoding = Encoding.features(forces.use_case, setting.columns)
        plain = fit_logistic(encoding.encode(pooled), outcome).coefficients
        terms = fits.terms_of(fits.encoding_of(forces.use_case), setting.columns)
        assert each.coefficients[np.r_[0, terms + 1]] == pytest.approx(plain, abs=1e-5)
        assert each.gradient_norm < 1e-7
        left_out = np.setdiff1d(np.arange(len(each.coefficients)), np.r_[0, terms + 1])
        assert not each.coefficients[left_out].any()


def test_smaller_draws_of_people_are_part_of_larger_ones() -> None:
    share = RNG.random(20_000)
    names = ("age",)
    small, large = (fits.drawn(share, Setting(columns=names, share=s)) for s in (0.1, 0.4))
    assert not (small & ~large).any()
    assert abs(small.mean() - 0.1) < 0.01
    other = fits.drawn(share, Setting(columns=names, share=0.1, draw=1))
    assert (small & other).sum() < small.sum() / 2


def test_a_share_must_be_possible() -> None:
    with pytest.raises(ValueError, match="share"):
        Setting(columns=("age",), share=0.0)


def test_areas_agree_with_the_outcome_measure(outcome_forces: Forces) -> None:
    from minimisation import LinearModel, Release  # noqa: PLC0415 - only here
    from sandbox.measures import outcome, ranking  # noqa: PLC0415 - only here

    with outcome_forces as forces:
        found = fits.fit(forces, [Setting(columns=FEATURES)])
        area = judge.areas(forces, found, seed=1)
        model = LinearModel(
            encoding=fits.encoding_of(forces.use_case),
            intercept=float(found[0].coefficients[0]),
            weights=tuple(found[0].coefficients[1:]),
        )
        counts = outcome.counts_of(forces, Release(artefact=model), 1)
    assert area[0] == pytest.approx(ranking.auc(counts)[: judge.REPLICATES + 1], abs=0.006)


def test_the_strongest_column_is_spared_last(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        found = columns.curve(forces, seed=1)
    assert set(found.order) == set(FEATURES)
    assert found.order[0] == "ethnicity", "it carries no signal"
    assert found.order[-1] in ("prior", "age")
    assert [point.kept for point in found.greedy] == [4, 3, 2, 1]
    assert found.fewest(0.0) == found.greedy[-1]
    assert found.fewest(1.0) is None


def test_a_larger_margin_never_makes_fewer_columns_droppable(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        strict, loose = (columns.curve(forces, seed=1, margin=m) for m in (0.0, 0.9))
    assert not any(need.droppable for need in strict.needs if need.column != "ethnicity")
    assert all(need.droppable for need in loose.needs)


def test_the_smallest_share_is_one_above_which_all_meet_the_floor() -> None:
    lows = {0.1: 0.71, 0.2: 0.69, 0.4: 0.72, 1.0: 0.75}
    points = tuple(
        Point(kept=share, label="", value=low + 0.01, low=low, high=low + 0.02)
        for share, low in lows.items()
    )
    found = PeopleCurve(points=points, limit=None, limit_low=None, limit_high=None)
    assert found.smallest(0.7) == points[2], "0.1 meets it by luck: 0.2 does not"
    assert found.smallest(0.8) is None


def test_a_planted_power_law_is_recovered() -> None:
    shares = np.array(people.SHARES)
    assert people._limit(shares, 0.8 - 0.01 * shares**-0.5) == pytest.approx(0.8, abs=1e-3)


def test_more_people_are_worth_more_up_to_a_limit(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        curve = people.curve(forces, seed=1, shares=(0.05, 0.2, 1.0), draws=2)
        found = people.findings_of(curve, forces.use_case.floor)
    figures = {finding.measure: finding for finding in found}
    small = figures["auc_at_5_percent_of_people"].value
    assert small < figures["auc_at_100_percent_of_people"].value  # type: ignore[operator]
    assert figures["auc_at_5_percent_of_people"].baseline == forces.use_case.floor.value


PLAN = """
use_case = "serious-violence"
held_out = 0.3
[data]
status = "demo"
[data.demo]
people = 30000
"""


@pytest.fixture(scope="module")
def violence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forces]:
    workspace: Path = tmp_path_factory.mktemp("curves")
    path = workspace / "plan.toml"
    path.write_text(PLAN, "utf-8")
    with Study(plan_path=path, workspace=workspace).forces() as forces:
        yield forces


@pytest.mark.slow
def test_columns_without_planted_signal_are_droppable_and_the_strongest_are_not(
    violence: Forces,
) -> None:
    found = columns.curve(violence, seed=1)
    silent = {each.name for each in PLANTED if not any(each.terms().values())}
    assert len(silent) == 6
    droppable = {need.column for need in found.needs if need.droppable}
    assert silent <= droppable
    assert not droppable & {"age", "prior_violence"}
    enough = found.fewest(violence.use_case.floor.value)
    assert enough is not None
    assert enough.kept < 14, "a few columns carry most of the signal"
    assert not silent & set(enough.label.split(", "))


@pytest.mark.slow
def test_a_fraction_of_the_people_meets_the_floor(violence: Forces) -> None:
    found = people.curve(violence, seed=1, draws=2)
    enough = found.smallest(violence.use_case.floor.value)
    assert enough is not None
    assert enough.kept <= 0.4
    assert found.points[0].value < found.points[-1].value


def test_findings_name_the_margin_and_the_floor(
    outcome_forces: Forces, outcome_use_case: UseCase
) -> None:
    with outcome_forces as forces:
        found = {
            finding.measure: finding
            for finding in columns.findings_of(columns.curve(forces, seed=1), forces.use_case.floor)
        }
    assert found["auc_lost:age"].baseline == columns.MARGIN
    assert found["auc_with_4_columns"].baseline == outcome_use_case.floor.value
    assert "fewest_columns" in found
