"""Shadow attacks: copies and small trainings are caught, noise and other people's rows are not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from federated import FederatedAveraging, FederatedNewton, FederatedPrivate
from minimisation import Forces, Microdata, Release, UseCase
from minimisation.contract.usecase import FORCE
from minimisation.options import EachForceAlone, FieldMinimisation, KAnonymity
from sandbox.attacks import shadow, shadow_verdict, signs, worlds
from sandbox.attacks.shadow_verdict import Trials
from sandbox.findings import Finding

RNG = np.random.default_rng(3)


@dataclass(frozen=True, kw_only=True)
class WhoeverIsIn:
    """Releases rows that do not depend on who is in a force."""

    rows: Mapping[str, pa.Table]
    """Force → rows to draw from."""
    name: ClassVar[str] = "whoever-is-in"
    summary: ClassVar[str] = "Invented rows."
    keeps_direct_identifiers: ClassVar[bool] = False

    def apply(self, forces: Forces, use_case: UseCase, rng: np.random.Generator) -> Release:
        """Forty rows of each force, drawn anew."""
        parts = []
        for force in forces.names:
            drawn = rng.choice(self.rows[force].num_rows, 40, replace=False)
            rows = self.rows[force].select(use_case.needed).take(pa.array(drawn))
            parts.append(rows.append_column(FORCE, pa.array([force] * 40)))
        return Release(artefact=Microdata(table=pa.concat_tables(parts)))


def found(forces: Forces, option: object, refits: int = 8, most: int = 60) -> dict[str, Finding]:
    with forces:
        every = shadow.findings(forces, option, 1, refits, most)  # type: ignore[arg-type]
    return {each.measure: each for each in every if not each.group}


def test_a_copy_of_the_rows_gives_nearly_everybody_away(outcome_forces: Forces) -> None:
    told = found(outcome_forces, FieldMinimisation())
    auc = told["shadow_auc"]
    assert auc.value is not None, auc.note
    assert auc.value > 0.95
    assert auc.positive is not None
    assert auc.positive > 0.95
    assert auc.control == pytest.approx(0.5, abs=0.1)
    assert auc.needs == "refit"
    assert "8 refits" in auc.note
    assert told["shadow_tpr_at_1_percent_fpr"].value > 0.5  # type: ignore[operator]
    assert "trajectory_auc" not in told


def test_rows_drawn_whoever_is_in_give_nobody_away(
    outcome_forces: Forces, outcome_records: dict[str, pa.Table]
) -> None:
    auc = found(outcome_forces, WhoeverIsIn(rows=outcome_records))["shadow_auc"]
    assert auc.value is not None, auc.note
    assert auc.low is not None
    assert auc.low <= 0.5 <= auc.high  # type: ignore[operator]
    assert auc.positive is not None
    assert auc.positive > 0.95


def test_generalised_rows_give_less_away_than_a_copy(outcome_forces: Forces) -> None:
    auc = found(outcome_forces, KAnonymity(k=5), refits=6)["shadow_auc"]
    assert auc.value is not None, auc.note
    assert 0.5 < auc.low < auc.high < 0.97  # type: ignore[operator]


def test_updates_of_a_few_people_in_the_clear_are_caught(outcome_forces: Forces) -> None:
    told = found(outcome_forces, FederatedAveraging(rounds=4), refits=12, most=12)
    assert told["updates_auc"].low > 0.5  # type: ignore[operator]
    assert told["updates_auc"].positive > told["trajectory_auc"].positive > 0.5  # type: ignore[operator]


def test_private_updates_give_nobody_away(outcome_forces: Forces) -> None:
    told = found(outcome_forces, FederatedPrivate(rounds=4), most=40)
    for name in ("shadow", "trajectory", "updates"):
        auc = told[f"{name}_auc"]
        assert auc.value is not None, auc.note
        # the noise has no seed: within four and a half standard errors, once in 50,000 runs not
        error = (auc.high - auc.low) / (2 * 1.96)  # type: ignore[operator]
        assert abs(auc.value - 0.5) <= 4.5 * error <= 0.3, auc


def test_of_a_secure_sum_the_server_sees_the_total_of_all_forces(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        known = worlds.pools(forces, 1, 20)
        inside = {name: each.are("random") for name, each in known.items()}
        masked, clear = (
            worlds.world(FederatedNewton(secure_sum=each), forces, known, inside, RNG)
            for each in (True, False)
        )
        case = forces.use_case
        totals = [signs.updates(masked, case, name)[0][1] for name in forces.names]
        own = [signs.updates(clear, case, name)[0][1] for name in forces.names]
    assert np.allclose(totals, sum(own), atol=1e-6)
    assert not np.allclose(own[0], own[1])


def test_an_option_without_a_release_gets_no_verdict(grouped_forces: Forces) -> None:
    told = found(grouped_forces, EachForceAlone(), refits=3)["shadow_auc"]
    assert told.value is None
    assert "no verdict" in told.note


def test_strangers_are_in_no_world_and_others_in_half(outcome_forces: Forces) -> None:
    with outcome_forces as forces:
        known = worlds.pools(forces, 1, 60)
    inside = worlds.coins(known, 40, RNG)
    for name, pool in known.items():
        assert pool.records.num_rows == len(pool.kind) == 60 + 100 + pool.kind.count("outlier")
        assert not inside[name][:, pool.are("stranger")].any()
        assert inside[name][:, pool.are("random")].mean() == pytest.approx(0.5, abs=0.05)


def test_scores_tell_who_shifts_a_sign_and_nothing_where_nobody_does() -> None:
    rng = np.random.default_rng(5)
    inside = rng.random((16, 200)) < 0.5
    usual = 10 * rng.normal(size=(1, 200, 1)) + rng.normal(size=(16, 200, 1))
    shifted = shadow.scores(usual + 2.0 * inside[:, :, None], inside)
    still = shadow.scores(usual, inside)
    found, none = (shadow_verdict.resampled(each, inside, rng) for each in (shifted, still))
    assert found.area[0] == pytest.approx(0.92, abs=0.03)  # Φ(2/√2)
    assert abs(none.area[0] - 0.5) < 3 * none.deviation


def trials(**changes: Any) -> Trials:  # noqa: ANN401 - fields
    rng = np.random.default_rng(2)
    inside, coins = rng.random((8, 100)) < 0.5, rng.random((8, 60)) < 0.5
    sound = Trials(
        scores=rng.normal(size=inside.shape),
        inside=inside,
        strangers=rng.normal(size=coins.shape),
        coins=coins,
        leak=inside + rng.normal(size=inside.shape),
        caught=inside,
        groups={"": np.ones(100, dtype=bool), "few": np.arange(100) < 20},
        seed=1,
    )
    return replace(sound, **changes)


def test_an_attack_that_peeks_or_is_blind_gets_no_verdict() -> None:
    sound = trials()
    assert shadow_verdict.told("shadow", "", sound)[0].value is not None
    assert shadow_verdict.told("shadow", "", sound)[-1].note.startswith("too few")
    peeking = trials(strangers=sound.coins + sound.strangers)
    blind = trials(leak=sound.scores)
    for broken, why in ((peeking, "in no run"), (blind, "on purpose")):
        (none,) = shadow_verdict.told("shadow", "", broken)
        assert none.value is None
        assert why in none.note
