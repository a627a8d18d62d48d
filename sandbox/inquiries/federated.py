"""What forces gain by learning together, and what a model learned together does in each of them.

Everything is fitted and judged inside the assessment, leaving a force out included: through the
secure sum two totals would give that force away by subtraction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from federated import FederatedAveraging
from federated.averaging import LocalEpochs
from federated.baselines import Trained, averaged, dealt, mean, training
from federated.design import People, linear_model
from federated.newton import NewtonSums
from minimisation import Forces, NotApplicableError, Release, Scene
from minimisation.contract import wire
from minimisation.contract.encoding import numbers
from sandbox.ceiling import pooled_fit
from sandbox.curves import fits, judge
from sandbox.curves.fits import Setting
from sandbox.findings import Finding
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.measures import ranking, resampling
from sandbox.measures.resampling import Array
from sandbox.study import Study

CONVERGED = 1e-6
"""Largest gradient entry, per row, of a fit that is called the pooled one."""

POOLED, ALONE, WITHOUT = "pooled", "alone", "without"

LABELS = {
    POOLED: "one model of everybody, converged, which federated Newton equals",
    "averaged_by_people": "federated averaging, every force counted by its people",
    "averaged_alike": "federated averaging, every force counted alike",
    "once_by_people": "the forces' own converged models, averaged once by people",
    "once_alike": "the forces' own converged models, averaged once",
    "averaged_evenly_dealt": "control: averaging by people, with people dealt out at random",
}
"""Baseline → what it is."""


@dataclass(frozen=True, kw_only=True)
class FederatedBaselines:
    """Usefulness of a model learned together against every way of not doing so."""

    topic: str = "federated/baselines"
    """Under what it is found."""
    title: str = "What do forces gain by learning together, and who gains?"
    """What is asked."""
    averaging: FederatedAveraging = field(default_factory=FederatedAveraging)
    """How federated averaging is run."""

    def run(self, study: Study) -> Answer:
        """Fit every baseline; judge all on the same held-out people, together and per force."""
        seed = study.plan.file.seed
        with outcome_forces(study) as forces:
            names = forces.names
            if len(names) < 2:  # noqa: PLR2004 - one force learns alone
                raise NotApplicableError("a single force takes part")
            exact = pooled_fit(forces)
            own, without = _own(forces), _without(forces)
            models = {POOLED: exact.coefficients} | _averages(forces, own, self.averaging, seed)
            if study.plan.file.data.status != "protected":
                models["averaged_evenly_dealt"] = _dealt(forces, self.averaging, seed)
            tried = [*models.values(), *(each.coefficients for each in own.values()), *without]
            area, everywhere = _areas(forces, tried, seed)
        count = len(models)
        per_force = {
            name: {
                POOLED: area[name][0],
                ALONE: area[name][count + place],
                WITHOUT: area[name][count + len(names) + place],
            }
            for place, name in enumerate(names)
        }
        return Answer(
            summary="The question's model was fitted to everybody, to each force alone, by "
            "averaging and without each force in turn; all were judged on the same held-out "
            "people, inside the assessment.",
            findings=(
                *(
                    _area(f"auc_{name}", everywhere[i], LABELS[name])
                    for i, name in enumerate(models)
                ),
                *(each for name in names for each in _gains(name, per_force[name])),
            ),
            data={
                "gradient_norm": exact.gradient_norm,
                "converged": bool(exact.gradient_norm < CONVERGED),
                "cost": _cost(forces, exact.rounds, self.averaging.rounds),
                "forces": {name: _verdicts(per_force[name]) for name in names},
            },
        )


def _gains(force: str, area: dict[str, Array]) -> list[Finding]:
    """One force's figures on its own held-out people, with differences on the same replicates."""
    return [
        _area("auc_alone", area[ALONE], "its own converged model", force),
        _area("auc_together", area[POOLED], LABELS[POOLED], force),
        _gain("gain_by_learning_together", area[POOLED] - area[ALONE], force),
        _gain("gain_by_own_people", area[POOLED] - area[WITHOUT], force),
    ]


def _verdicts(area: dict[str, Array]) -> dict[str, str]:
    low, high = judge.interval((area[POOLED] - area[ALONE])[1:])
    if low is None or high is None:
        return {"together": "too few people to say"}
    return {"together": "gains" if low > 0 else "loses" if high < 0 else "no clear difference"}


def _area(measure: str, figures: Array, note: str, force: str = "") -> Finding:
    return _finding(measure, figures, note, force, baseline=0.5)


def _gain(measure: str, figures: Array, force: str) -> Finding:
    return _finding(measure, figures, "difference of AUC", force, baseline=0.0)


def _finding(measure: str, figures: Array, note: str, force: str, *, baseline: float) -> Finding:
    known = bool(np.isfinite(figures[0]))
    low, high = judge.interval(figures[1:]) if known else (None, None)
    return Finding(
        measure=measure,
        value=float(figures[0]) if known else None,
        better="higher",
        low=low,
        high=high,
        baseline=baseline,
        force=force,
        note=note if known else "too few people with the outcome",
    )


def _own(forces: Forces) -> dict[str, Trained]:
    """Every force's own converged model, and how many people it was fitted to."""
    columns = fits.question_of(forces.use_case).features
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


def _without(forces: Forces) -> list[Array]:
    """The model of all forces but one, for each force."""
    columns, names = fits.question_of(forces.use_case).features, forces.names
    settings = [
        Setting(columns=columns, forces=tuple(name for name in names if name != left))
        for left in names
    ]
    return [each.coefficients for each in fits.fit(forces, settings)]


def _averages(
    forces: Forces, own: dict[str, Trained], option: FederatedAveraging, seed: int
) -> dict[str, Array]:
    step = _step(option, seed)

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


def _dealt(forces: Forces, option: FederatedAveraging, seed: int) -> Array:
    """Averaging after people were dealt out evenly, which needs them at hand: never protected."""
    release = Release(artefact=linear_model(forces.use_case, np.zeros(_size(forces))))
    parts = [_people(table) for table in forces.assess(_AtHand(), release, seed).values()]
    step = _step(option, seed)
    even = dealt(parts, np.random.default_rng([seed, len(parts)]))
    return averaged(training(step, even), _size(forces), option.rounds, weighted=True)


def _step(option: FederatedAveraging, seed: int) -> LocalEpochs:
    return LocalEpochs(
        epochs=option.epochs,
        learning_rate=option.learning_rate,
        batch_size=option.batch_size,
        seed=seed,
    )


def _size(forces: Forces) -> int:
    return len(fits.encoding_of(forces.use_case).terms) + 1


def _areas(
    forces: Forces, models: Sequence[Array], seed: int
) -> tuple[dict[str, list[Array]], list[Array]]:
    """AUC of every model with replicates: on each force's held-out people, and on everybody's."""
    area: dict[str, list[Array]] = {name: [] for name in forces.names}
    everywhere: list[Array] = []
    for start in range(0, len(models), judge.BATCH):
        some = models[start : start + judge.BATCH]
        measure = judge.BatchHistograms(
            coefficients=tuple(tuple(map(float, each)) for each in some)
        )
        shape = (len(some), judge.REPLICATES + 1, 2, judge.BINS)
        release = Release(artefact=linear_model(forces.use_case, some[0]))
        total = np.zeros(shape)
        for name, table in forces.assess(measure, release, seed).items():
            counts = resampling.dense([table], judge.AXES, shape)
            total += counts
            area[name] += list(ranking.auc(counts))
        everywhere += list(ranking.auc(total))
    return area, everywhere


def _cost(forces: Forces, newton_rounds: int, averaging_rounds: int) -> dict[str, dict[str, int]]:
    """Rounds, and bytes on the wire out of and into one force without masks."""
    case = forces.use_case
    costs = {}
    for name, step, rounds in (
        ("federated-newton", NewtonSums(), newton_rounds),
        ("federated-averaging", _step(FederatedAveraging(), 1), averaging_rounds),
    ):
        out, back = (
            layout.table({key: np.zeros(shape) for key, shape in layout.shapes.items()})
            for layout in (step.gives(case), step.takes(case))
        )
        costs[name] = {
            "rounds": rounds,
            "sent": rounds * len(wire.encode(out)),
            "received": rounds * len(wire.encode(back)),
        }
    return costs


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
    question, encoding = fits.question_of(scene.use_case), fits.encoding_of(scene.use_case)
    rows = scene.members.to_arrow_table()
    outcome = numbers(rows.column(question.target).combine_chunks())
    known = ~np.isnan(outcome)
    features = encoding.encode(rows)[known]
    return People(features=features, outcome=outcome[known], unit=np.arange(known.sum()))


def _people(table: pa.Table) -> People:
    flat = table.column("row").combine_chunks()
    rows = np.asarray(flat.values).reshape(len(flat), -1)
    return People(features=rows[:, :-1], outcome=rows[:, -1], unit=np.arange(len(rows)))
