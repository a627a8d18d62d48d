"""Every way of not learning together, fitted inside the assessment.

Leaving a force out is among them: through the secure sum two totals would give that force away by
subtraction, so its people are left out where they are.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from federated import FederatedAveraging
from federated.averaging import LocalEpochs
from federated.baselines import Trained, averaged, dealt, mean, training
from federated.design import People, linear_model
from minimisation import Forces, Release, Scene
from minimisation.contract.encoding import numbers
from sandbox.curves import fits
from sandbox.curves.fits import Setting
from sandbox.measures.resampling import Array


def own_models(forces: Forces) -> dict[str, Trained]:
    """Every force's own converged model, and how many people it was fitted to."""
    columns = forces.use_case.binary.features
    settings = [Setting(columns=columns, forces=(name,)) for name in forces.names]
    found = fits.fit(forces, settings)
    empty = Release(artefact=linear_model(forces.use_case, found[0].coefficients))
    counted = forces.assess(_Known(), empty, 0)
    return {
        name: Trained(
            coefficients=each.coefficients, people=int(counted[name].column("people")[0].as_py())
        )
        for name, each in zip(forces.names, found, strict=True)
    }


def without_each(forces: Forces) -> list[Array]:
    """The model of all forces but one, for each force."""
    columns, names = forces.use_case.binary.features, forces.names
    settings = [
        Setting(columns=columns, forces=tuple(name for name in names if name != left))
        for left in names
    ]
    return [each.coefficients for each in fits.fit(forces, settings)]


def averages(
    forces: Forces, own: dict[str, Trained], option: FederatedAveraging, seed: int
) -> dict[str, Array]:
    """Models averaged in every round and once, with forces counted by people and alike."""
    step = step_of(option, seed)

    def train(shared: Array, turn: int) -> list[Trained]:
        measure = _Descend(step=step, shared=tuple(map(float, shared)), turn=turn)
        release = Release(artefact=linear_model(forces.use_case, shared))
        made = []
        for table in forces.assess(measure, release, seed).values():
            sent = np.asarray(table.column("sent"))
            made.append(Trained(coefficients=sent[:-1], people=int(sent[-1])))
        return made

    size = len(next(iter(own.values())).coefficients)
    models = list(own.values())
    return {
        "averaged_by_people": averaged(train, size, option.rounds, weighted=True),
        "averaged_alike": averaged(train, size, option.rounds, weighted=False),
        "once_by_people": mean(models, weighted=True),
        "once_alike": mean(models, weighted=False),
    }


def dealt_evenly(forces: Forces, option: FederatedAveraging, seed: int) -> Array:
    """Averaging after people were dealt out evenly, which needs them at hand: never protected."""
    release = Release(artefact=linear_model(forces.use_case, np.zeros(_size(forces))))
    parts = [_people(table) for table in forces.assess(_AtHand(), release, seed).values()]
    step = step_of(option, seed)
    even = dealt(parts, np.random.default_rng([seed, len(parts)]))
    return averaged(training(step, even), _size(forces), option.rounds, weighted=True)


def step_of(option: FederatedAveraging, seed: int) -> LocalEpochs:
    """What a force does in a round of the option."""
    return LocalEpochs(
        epochs=option.epochs,
        learning_rate=option.learning_rate,
        batch_size=option.batch_size,
        seed=seed,
    )


def _size(forces: Forces) -> int:
    return len(fits.encoding_of(forces.use_case).terms) + 1


@dataclass(frozen=True, kw_only=True)
class _Known:
    """How many member rows have a known outcome."""

    name: str = "baselines-known"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("people", pa.int64())])

    def observe(self, scene: Scene) -> pa.Table:
        return pa.table({"people": pa.array([len(_members(scene).outcome)], pa.int64())})


@dataclass(frozen=True, kw_only=True)
class _Descend:
    """A round of training on member people: coefficients, then how many people."""

    step: LocalEpochs
    shared: tuple[float, ...]
    turn: int
    name: str = "baselines-descend"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("sent", pa.float64())])

    def observe(self, scene: Scene) -> pa.Table:
        people = _members(scene)
        rng = np.random.default_rng([self.step.seed, self.turn, *scene.force.encode()])
        shared = np.array(self.shared)
        found = self.step.descend(people.features, people.outcome, shared, rng)
        return pa.table({"sent": np.r_[found, len(people.outcome)]})


@dataclass(frozen=True, kw_only=True)
class _AtHand:
    """Member people as numbers, for a control on invented or public people only."""

    name: str = "baselines-people-at-hand"

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("row", pa.list_(pa.float64()))])

    def observe(self, scene: Scene) -> pa.Table:
        people = _members(scene)
        rows = np.column_stack([people.features, people.outcome])
        return pa.table({"row": pa.array(list(rows), pa.list_(pa.float64()))})


def _members(scene: Scene) -> People:
    question, encoding = scene.use_case.binary, fits.encoding_of(scene.use_case)
    rows = scene.members.to_arrow_table()
    outcome = numbers(rows.column(question.target).combine_chunks())
    known = ~np.isnan(outcome)
    features = encoding.encode(rows)[known]
    return People(features=features, outcome=outcome[known], unit=np.arange(known.sum()))


def _people(table: pa.Table) -> People:
    flat = table.column("row").combine_chunks()
    rows = np.asarray(flat.values).reshape(len(flat), -1)
    return People(features=rows[:, :-1], outcome=rows[:, -1], unit=np.arange(len(rows)))
