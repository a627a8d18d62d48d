"""Private margins: what they cost, what they hide, and the models that are fitted to them."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from minimisation import (
    BudgetExceededError,
    Forces,
    Microdata,
    Option,
    PayloadKind,
    UseCase,
)
from minimisation.statistics.noise import DiscreteGaussian, mechanism_loss, rho_of
from synthetic import ON_REQUEST, counting, measured, mst, rows, selection
from synthetic.aim import PrivateAdaptive
from synthetic.aim_rounds import Account
from synthetic.budget import noise_scale
from synthetic.federated_margins import FederatedMargins, common_tree
from synthetic.junction import JunctionTree, draw
from synthetic.measured import Measured
from synthetic.mst import MeasureTree, PrivateTree
from synthetic.private_persons import PrivatePersons

People = Callable[..., pa.Table]
Open = Callable[..., Forces]


@pytest.mark.parametrize("most", [1, 4])
def test_a_tree_costs_no_more_than_its_budget_by_opendp_own_figures(most: int) -> None:
    rho, columns = rho_of(1.0, 1e-6), 6
    singles = noise_scale(rho * mst.SINGLES, columns, most)
    pairs = noise_scale(rho * mst.PAIRS, columns - 1, most)
    choice = selection.scale_for(rho * mst.CHOICE / (columns - 1), most)
    spent = columns * mechanism_loss(DiscreteGaussian(scale=singles), most)
    spent += (columns - 1) * mechanism_loss(DiscreteGaussian(scale=pairs), most)
    spent += (columns - 1) * selection.cost(choice, most)
    assert 0.999 * rho < spent <= rho


def test_an_account_of_rounds_is_spent_to_the_end_and_never_beyond() -> None:
    account = Account.open(0.02, rounds=30, most=1)
    while account.settle():
        account.charge(account.choice)
        account.charge(account.measurement)
        account.scale /= 1.3
    assert account.spent == pytest.approx(0.02, rel=1e-6)
    with pytest.raises(ValueError, match="budget"):
        account.charge(0.001)


def test_noise_has_the_promised_spread() -> None:
    noisy = measured.measure({(0,): np.zeros(4000, dtype=np.int64)}, 12.0)[0]
    assert 11 < noisy.people.std() < 13


def test_noise_switched_off_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "perturb", lambda values, _: values)
    noisy = measured.measure({(0,): np.zeros(4000, dtype=np.int64)}, 12.0)[0]
    assert not 11 < noisy.people.std() < 13


def test_a_score_moves_by_one_for_one_row() -> None:
    exact = np.array([5, 0, 2])
    expected = np.array([4.6, 0.4, 1.9])
    more = exact + np.array([0, 1, 0])
    assert abs(selection.gaps(more, expected) - selection.gaps(exact, expected)) == 1


def test_a_clear_winner_is_chosen() -> None:
    assert selection.choose(np.array([0, 100_000, 3]), 5.0) == 1


def test_a_spanning_tree_joins_every_column_once() -> None:
    scores = {
        pair: 1000 * (pair == (0, 2)) for pair in [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    }
    tree = mst.spanning_tree(scores, 4, 10.0, 1)
    assert len(tree) == 3
    assert (0, 2) in tree
    assert {place for pair in tree for place in pair} == {0, 1, 2, 3}


def test_the_wire_table_gives_back_what_was_measured() -> None:
    noisy = [
        Measured(clique=(0,), people=np.array([3, -1]), scale=2.0),
        Measured(clique=(0, 1), people=np.array([1, 2, 3, 4]), scale=3.0),
        Measured(clique=(0,), people=np.array([5, 1]), scale=1.0),
    ]
    back = measured.from_table(measured.to_table(noisy))
    assert [(m.clique, m.people.tolist(), m.scale) for m in back] == [
        (m.clique, m.people.tolist(), m.scale) for m in noisy
    ]


def test_the_same_margin_measured_twice_is_weighted_by_its_variance() -> None:
    twice = [
        Measured(clique=(0,), people=np.array([10]), scale=1.0),
        Measured(clique=(0,), people=np.array([20]), scale=3.0),
    ]
    assert measured.merged(twice)[0,][0] == pytest.approx(11.0)


def test_forces_add_up_and_their_noise_in_quadrature() -> None:
    parts = [
        [Measured(clique=(0,), people=np.array([1, 2]), scale=3.0)],
        [Measured(clique=(0,), people=np.array([10, 20]), scale=4.0)],
    ]
    total = measured.added_up(parts)[0]
    assert (total.people.tolist(), total.scale) == ([11, 22], 5.0)


def chain() -> JunctionTree:
    rng = np.random.default_rng(0)
    return JunctionTree(
        sizes=(2, 3, 2, 2),
        nodes=((0, 1), (1, 2), (3,)),
        edges=(((0, 1), (1, 2)), ((0, 1), (3,))),
        potentials={
            (0, 1): rng.normal(size=(2, 3)),
            (2, 1): rng.normal(size=(2, 3)),
            (3,): rng.normal(size=2),
        },
    )


def joint(tree: JunctionTree) -> np.ndarray:
    table = np.zeros(tree.sizes)
    for cell in product(*(range(size) for size in tree.sizes)):
        table[cell] = sum(p[tuple(cell[i] for i in c)] for c, p in tree.potentials.items())
    return np.exp(table) / np.exp(table).sum()


def test_pairs_of_a_junction_tree_are_those_of_the_whole_table() -> None:
    tree, table = chain(), joint(chain())
    for pair in [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]:
        others = tuple(place for place in range(4) if place not in pair)
        assert np.allclose(tree.pairs[pair], table.sum(axis=others))
    assert np.allclose(tree.probabilities((2,)), table.sum(axis=(0, 1, 3)))


def test_drawn_rows_have_the_probabilities_of_the_whole_table() -> None:
    tree, table = chain(), joint(chain())
    codes = tree.rows(20_000, np.random.default_rng(1))
    seen = np.zeros(tree.sizes)
    np.add.at(seen, tuple(codes), 1 / 20_000)
    assert np.abs(seen - table).sum() < 0.03


def test_columns_with_the_same_parent_are_not_drawn_in_step() -> None:
    rng = np.random.default_rng(1)
    parent = np.zeros(1000, dtype=np.int64)
    half = np.array([[0.5, 0.5]])
    one, other = (draw(half, [parent], 1000, rng) for _ in range(2))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.15


OF_ROWS = [option for option in ON_REQUEST if not isinstance(option, PrivatePersons)]
PRIVATE = [option for option in OF_ROWS if hasattr(option, "epsilon")]


@pytest.fixture(scope="module", params=PRIVATE, ids=lambda option: option.name)
def private(request: pytest.FixtureRequest) -> Option:
    option: Option = request.param
    if isinstance(option, PrivateAdaptive):
        return PrivateAdaptive(rounds=2, steps=20)
    return option


@pytest.mark.slow
def test_a_private_release_is_accounted_and_sends_noisy_counts_only(
    private: Option, open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    forces = open_forces(outcome_use_case, {"ashmere": people(400)}, held_out=0.0)
    with forces:
        release = private.apply(forces, outcome_use_case, np.random.default_rng(1))
    assert release.privacy_loss is not None
    assert (release.privacy_loss.epsilon, release.privacy_loss.delta) == (1.0, 1e-6)
    assert {entry.kind for entry in forces.meter.entries} == {PayloadKind.STATISTICS}
    assert isinstance(release.artefact, Microdata)
    table = release.artefact.table
    assert table.column_names == ["force", *outcome_use_case.needed]
    assert abs(table.num_rows - 400) < 150
    assert 10 <= min(table["age"].to_pylist()) <= max(table["age"].to_pylist()) <= 90
    assert table["sex"].null_count == 0


@pytest.mark.slow
def test_one_table_for_all_forces_keeps_each_force_own_columns(
    open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    old = people(1200)
    young = old.set_column(4, "age", pa.array([15] * 1200))
    records = {"ashmere": old, "brackley": young}
    forces = open_forces(outcome_use_case, records, held_out=0.0, epsilon=1e4)
    with forces:
        option = FederatedMargins(epsilon=200, delta=1e-4)
        release = option.apply(forces, outcome_use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    table = release.artefact.table
    own = table.filter(pc.equal(table["force"], "brackley"))
    assert 1100 < own.num_rows < 1300
    assert np.mean(own["age"].to_numpy() < 18) > 0.9
    assert np.mean((table["prior"].to_numpy() > 5) == (table["outcome"].to_numpy() == 1)) > 0.95


def test_a_common_tree_follows_the_scores_of_all_forces_together() -> None:
    def force(scores: list[int]) -> list[Measured]:
        pairs = [(0, 1), (0, 2), (1, 2)]
        return [
            Measured(clique=pair, people=np.array([score]), scale=1.0)
            for pair, score in zip(pairs, scores, strict=True)
        ]

    assert set(common_tree(3, [force([9, 1, 0]), force([0, 1, 7])])) == {(0, 1), (1, 2)}


@pytest.mark.slow
def test_with_a_vast_budget_a_tree_keeps_planted_dependence(
    open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    forces = open_forces(outcome_use_case, {"ashmere": people(1500)}, held_out=0.0, epsilon=1e4)
    with forces:
        option = PrivateTree(epsilon=1000, delta=1e-4)
        release = option.apply(forces, outcome_use_case, np.random.default_rng(1))
    assert isinstance(release.artefact, Microdata)
    table = release.artefact.table
    prior, outcome = table["prior"].to_numpy(), table["outcome"].to_numpy()
    assert abs(table.num_rows - 1500) <= 2
    assert np.mean((prior > 5) == (outcome == 1)) > 0.97


def test_nothing_runs_beyond_the_budget(
    open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    forces = open_forces(outcome_use_case, {"ashmere": people(100)}, epsilon=0.5)
    with forces, pytest.raises(BudgetExceededError):
        PrivateTree().apply(forces, outcome_use_case, np.random.default_rng(1))
    assert forces.meter.entries == []


def test_a_payload_is_no_larger_than_its_public_size(
    open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    step = MeasureTree(epsilon=1.0, delta=1e-6)
    with open_forces(outcome_use_case, {"ashmere": people(60)}) as forces:
        payload = forces.ask(step).complete()["ashmere"]
    cells = rows.cells_of(outcome_use_case)
    assert payload.num_rows <= (step.sends(outcome_use_case).most_rows or 0)
    assert payload.num_rows >= measured.size(cells, counting.singles(cells))


def test_an_empty_force_is_hidden_like_any_other(
    open_forces: Open, people: People, outcome_use_case: UseCase
) -> None:
    forces = open_forces(outcome_use_case, {"ashmere": people(0)}, minimum_contributors=0)
    with forces:
        payload = forces.ask(MeasureTree(epsilon=1.0, delta=1e-6)).complete()["ashmere"]
    assert np.any(payload.column("people").to_numpy() != 0)


@pytest.mark.parametrize("delta", [0.0, 1.0])
def test_gaussian_noise_needs_a_delta_between_nothing_and_one(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        PrivateTree(delta=delta)
