"""What forces gain by learning together, and what a model learned together does in each of them.

Everything is fitted and judged inside the assessment, leaving a force out included: through the
secure sum two totals would give that force away by subtraction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from federated import FederatedAveraging
from federated.design import linear_model
from federated.newton import NewtonSums
from minimisation import Forces, NotApplicableError, Release
from minimisation.contract import wire
from sandbox.ceiling import pooled_fit
from sandbox.curves import judge
from sandbox.findings import Finding
from sandbox.inquiries.federated_fits import (
    averages,
    dealt_evenly,
    own_models,
    step_of,
    without_each,
)
from sandbox.inquiries.inquiry import Answer
from sandbox.inquiries.outcome import outcome_forces
from sandbox.inquiries.replicates import FEW, replicated
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
            own, without = own_models(forces), without_each(forces)
            models = {POOLED: exact.coefficients} | averages(forces, own, self.averaging, seed)
            if study.plan.file.data.status != "protected":
                models["averaged_evenly_dealt"] = dealt_evenly(forces, self.averaging, seed)
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
    return replicated(measure, figures, note, force, better="higher", baseline=0.5, lacking=FEW)


def _gain(measure: str, figures: Array, force: str) -> Finding:
    note = "difference of AUC"
    return replicated(measure, figures, note, force, better="higher", baseline=0.0, lacking=FEW)


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
        ("federated-averaging", step_of(FederatedAveraging(), 1), averaging_rounds),
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
